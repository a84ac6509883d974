package nopea

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object

// Sync is one attempt to bring the cluster to a revision of a GitRepository: the way to ask for it, and the record of it.
type Sync struct {
	metav1.TypeMeta
	metav1.ObjectMeta

	Spec   SyncSpec
	Status SyncStatus
}

// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object

// SyncList is a list of Syncs.
type SyncList struct {
	metav1.TypeMeta
	metav1.ListMeta
	Items []Sync
}

// SyncTrigger says what led to a sync.
type SyncTrigger string

const (
	// SyncTriggerManual is a user's or a program's request.
	SyncTriggerManual SyncTrigger = "Manual"
	// SyncTriggerWebhook is a Git provider's push event.
	SyncTriggerWebhook SyncTrigger = "Webhook"
	// SyncTriggerPoll is a moved remote ref that the controller found by itself.
	SyncTriggerPoll SyncTrigger = "Poll"
	// SyncTriggerReconcile is a changed spec, a retry, or an object that was not as Git has it.
	SyncTriggerReconcile SyncTrigger = "Reconcile"
	// SyncTriggerStartup is the first look after the controller started or the GitRepository was created.
	SyncTriggerStartup SyncTrigger = "Startup"
)

// SyncSpec is what is asked for. An empty one, posted to a GitRepository's `syncs`, asks for its newest revision.
type SyncSpec struct {
	Repository   string
	Trigger      SyncTrigger
	Revision     string
	DryRun       bool
	ConfirmPrune string
	Push         *Push
	RequestedBy  []string
}

// Push is a push as a Git provider told of it. Where several joined one Sync, it is the newest.
type Push struct {
	Ref      string
	Commit   string
	Delivery string
}

// SyncPhase is where a Sync stands.
type SyncPhase string

const (
	// SyncPhasePending waits for its run. Identical requests join it.
	SyncPhasePending SyncPhase = "Pending"
	// SyncPhaseRunning was taken by the controller: before it looked at the remote ref, if somebody asked for it.
	SyncPhaseRunning SyncPhase = "Running"
	// SyncPhaseSucceeded ended well.
	SyncPhaseSucceeded SyncPhase = "Succeeded"
	// SyncPhaseFailed ended with an error.
	SyncPhaseFailed SyncPhase = "Failed"
)

// SyncStatus is what became of a Sync.
type SyncStatus struct {
	Phase          SyncPhase
	Conditions     []metav1.Condition
	Revision       *Revision
	StartTime      *metav1.MicroTime
	CompletionTime *metav1.MicroTime
	Counts         *SyncCounts
	Changes        []SyncChange
	Notes          []string
	Error          *SyncError
}

// SyncCounts counts objects by what was done to them.
type SyncCounts struct {
	Created    int32
	Configured int32
	Adopted    int32
	Unchanged  int32
	Pruned     int32
	Released   int32
	Refused    int32
	Paused     int32
	Failed     int32
}

// SyncAction is what was done to an object.
type SyncAction string

const (
	// SyncActionCreated is for an object that was not there.
	SyncActionCreated SyncAction = "Created"
	// SyncActionConfigured is for an object that was brought to what Git says.
	SyncActionConfigured SyncAction = "Configured"
	// SyncActionAdopted is for an object that was taken over from another owner, and is as Git says already.
	SyncActionAdopted SyncAction = "Adopted"
	// SyncActionPruned is for an object that was deleted because it is gone from Git.
	SyncActionPruned SyncAction = "Pruned"
	// SyncActionReleased is for an object that is gone from Git and no longer NOPEA's to delete.
	SyncActionReleased SyncAction = "Released"
	// SyncActionRefused is for an object that another owner holds.
	SyncActionRefused SyncAction = "Refused"
	// SyncActionPaused is for an object that a pause holds; it was left as it is.
	SyncActionPaused SyncAction = "Paused"
	// SyncActionFailed is for an object that the API server did not take.
	SyncActionFailed SyncAction = "Failed"
)

// SyncChange is one object and what was done to it.
type SyncChange struct {
	Action     SyncAction
	APIVersion string
	Kind       string
	Namespace  string
	Name       string
	File       string
	Message    string
	Fields     []string
	MoreFields int32
}

// SyncError says what failed, why, and what to do next.
type SyncError struct {
	Code    string
	Message string
	Hint    string
}
