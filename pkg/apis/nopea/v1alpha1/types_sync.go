package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// +genclient
// +genclient:method=GetPlan,verb=get,subresource=plan,result=nopea.io/nopea/pkg/apis/nopea/v1alpha1.Plan
// +genclient:method=UpdatePlan,verb=update,subresource=plan,input=nopea.io/nopea/pkg/apis/nopea/v1alpha1.Plan,result=nopea.io/nopea/pkg/apis/nopea/v1alpha1.Plan
// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object

// Sync is one attempt to bring the cluster to a revision of a GitRepository: the way to ask for it, and the record of it.
type Sync struct {
	metav1.TypeMeta `json:",inline"`
	// Standard object's metadata.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec says what is asked for. It does not change once the Sync is stored, except that an identical request joins it.
	// +optional
	Spec SyncSpec `json:"spec,omitempty"`
	// status is what became of it. Only the controller writes it.
	// +optional
	Status SyncStatus `json:"status,omitempty"`
}

// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object

// SyncList is a list of Syncs.
type SyncList struct {
	metav1.TypeMeta `json:",inline"`
	// Standard list metadata.
	// +optional
	metav1.ListMeta `json:"metadata,omitempty"`
	// items are the Syncs.
	Items []Sync `json:"items"`
}

// SyncTrigger says what led to a sync.
// +enum
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
	// repository is the name of the GitRepository, in the same namespace. When posting to a GitRepository's `syncs` it may be
	// left out.
	// +optional
	Repository string `json:"repository,omitempty"`
	// trigger that led to this Sync. Manual, unless the caller may update gitrepositories/status.
	// +optional
	Trigger SyncTrigger `json:"trigger,omitempty"`
	// revision is a commit (full hash). The cluster is brought to at least this commit: the ref has to contain it, which means that it
	// points to it or to a later one, and what the ref points to is applied. Otherwise the Sync fails, and applies nothing. Only while
	// the GitRepository is suspended, exactly this commit is applied, also where the ref points to a later one: a rollback by hand.
	// With dryRun it may be any commit that the Git server gives out, or the full name of a ref, such as refs/pull/7/head, and that
	// alone is planned. Left out: whatever the ref points to.
	// +optional
	Revision string `json:"revision,omitempty"`
	// dryRun plans and reports, and writes nothing to the cluster. What was found stands in the status, and whole, with the values of
	// the fields, in the Sync's subresource `plan`.
	// +optional
	DryRun bool `json:"dryRun,omitempty"`
	// confirmPrune is the commit (full hash) whose held prune may go ahead.
	// +optional
	ConfirmPrune string `json:"confirmPrune,omitempty"`
	// push is what a Git provider's webhook told. It saves a look at the remote, and is never trusted over the remote.
	// +optional
	Push *Push `json:"push,omitempty"`
	// requestedBy are the users that asked, the first one first. Set by the server; at most 16 are kept.
	// +optional
	// +listType=atomic
	RequestedBy []string `json:"requestedBy,omitempty"`
}

// Push is a push as a Git provider told of it. Where several joined one Sync, it is the newest.
type Push struct {
	// ref is the full name of the ref that was pushed.
	Ref string `json:"ref"`
	// commit (full hash) that the ref points to since.
	Commit string `json:"commit"`
	// delivery is the provider's id of the delivery.
	// +optional
	Delivery string `json:"delivery,omitempty"`
}

// SyncPhase is where a Sync stands.
// +enum
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
	// phase: Pending, Running, Succeeded or Failed.
	// +optional
	Phase SyncPhase `json:"phase,omitempty"`
	// conditions, for `kubectl wait`: Complete (it succeeded), Failed, and Finished (either).
	// +optional
	// +listType=map
	// +listMapKey=type
	Conditions []metav1.Condition `json:"conditions,omitempty"`
	// revision that the ref pointed to.
	// +optional
	Revision *Revision `json:"revision,omitempty"`
	// startTime is when the controller took it.
	// +optional
	StartTime *metav1.MicroTime `json:"startTime,omitempty"`
	// completionTime is when it ended.
	// +optional
	CompletionTime *metav1.MicroTime `json:"completionTime,omitempty"`
	// counts per action.
	// +optional
	Counts *SyncCounts `json:"counts,omitempty"`
	// changes are the objects that were (with dryRun: would be) changed, refused or that failed; at most 100, failures first.
	// +optional
	// +listType=atomic
	Changes []SyncChange `json:"changes,omitempty"`
	// notes are what manifests ask for of other tools, and NOPEA does not do: annotations of Flux and Argo CD without an equal here. At
	// most 20.
	// +optional
	// +listType=atomic
	Notes []string `json:"notes,omitempty"`
	// error says why it failed.
	// +optional
	Error *SyncError `json:"error,omitempty"`
}

// SyncCounts counts objects by what was done to them.
type SyncCounts struct {
	// created: not there before.
	// +optional
	Created int32 `json:"created,omitempty"`
	// configured: there, and brought to what Git says.
	// +optional
	Configured int32 `json:"configured,omitempty"`
	// adopted: taken over from another owner, and as Git has them already.
	// +optional
	Adopted int32 `json:"adopted,omitempty"`
	// unchanged: as Git has them, no request needed.
	// +optional
	Unchanged int32 `json:"unchanged,omitempty"`
	// pruned: deleted because they are gone from Git.
	// +optional
	Pruned int32 `json:"pruned,omitempty"`
	// released: gone from Git and left in the cluster, because they are no longer NOPEA's to delete.
	// +optional
	Released int32 `json:"released,omitempty"`
	// refused: held by another owner, left alone.
	// +optional
	Refused int32 `json:"refused,omitempty"`
	// paused: held by a pause, left as they are.
	// +optional
	Paused int32 `json:"paused,omitempty"`
	// failed: the API server did not take them.
	// +optional
	Failed int32 `json:"failed,omitempty"`
}

// SyncAction is what was done to an object.
// +enum
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
	// action that was taken.
	Action SyncAction `json:"action"`
	// apiVersion of the object.
	APIVersion string `json:"apiVersion"`
	// kind of the object.
	Kind string `json:"kind"`
	// namespace of the object; empty when cluster-scoped.
	// +optional
	Namespace string `json:"namespace,omitempty"`
	// name of the object.
	Name string `json:"name"`
	// file that holds its manifest.
	// +optional
	File string `json:"file,omitempty"`
	// message says why, where that is not plain.
	// +optional
	Message string `json:"message,omitempty"`
	// fields that would change, with dryRun; at most 10. Their values stand in the subresource `plan`.
	// +optional
	// +listType=atomic
	Fields []string `json:"fields,omitempty"`
	// moreFields is how many fields would change beside those.
	// +optional
	MoreFields int32 `json:"moreFields,omitempty"`
}

// SyncError says what failed, why, and what to do next.
type SyncError struct {
	// code is a word for programs, the same as the condition's reason.
	Code string `json:"code"`
	// message says what failed and why.
	Message string `json:"message"`
	// hint says what to do next.
	// +optional
	Hint string `json:"hint,omitempty"`
}
