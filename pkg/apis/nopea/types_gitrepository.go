package nopea

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object

// GitRepository says that what a folder of a Git repository holds is to be live in the cluster, and how it gets there.
// POST a Sync to its `syncs` subresource to have it brought up to date at once.
type GitRepository struct {
	metav1.TypeMeta
	metav1.ObjectMeta

	Spec   GitRepositorySpec
	Status GitRepositoryStatus
}

// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object

// GitRepositoryList is a list of GitRepositories.
type GitRepositoryList struct {
	metav1.TypeMeta
	metav1.ListMeta
	Items []GitRepository
}

// DeletionPolicy says what becomes of the applied objects when their GitRepository is deleted.
type DeletionPolicy string

const (
	// DeletionPolicyOrphan leaves the applied objects as they are.
	DeletionPolicyOrphan DeletionPolicy = "Orphan"
	// DeletionPolicyDelete deletes what the inventory holds before the GitRepository goes.
	DeletionPolicyDelete DeletionPolicy = "Delete"
)

// PruneGuard says whether a large or dangerous prune waits for a confirmation.
type PruneGuard string

const (
	// PruneGuardConfirm holds a prune of more than ten objects that are also more than a tenth of the inventory, and of any
	// Namespace, CustomResourceDefinition, PersistentVolumeClaim or GitRepository, until a Sync confirms it by its commit.
	PruneGuardConfirm PruneGuard = "Confirm"
	// PruneGuardOff prunes without asking.
	PruneGuardOff PruneGuard = "Off"
)

// DriftPolicy says what is done about live objects that are not as Git has them.
type DriftPolicy string

const (
	// DriftPolicyPrevent refuses, at admission, edits of what Git holds, and puts back what still gets through.
	DriftPolicyPrevent DriftPolicy = "Prevent"
	// DriftPolicyEnforce puts back at once what was edited or deleted.
	DriftPolicyEnforce DriftPolicy = "Enforce"
	// DriftPolicyWarn leaves edits alone and says what they are.
	DriftPolicyWarn DriftPolicy = "Warn"
	// DriftPolicyIgnore leaves edits alone and says nothing.
	DriftPolicyIgnore DriftPolicy = "Ignore"
)

// ExtraFields says what is done about fields that somebody added by hand to an applied object and that Git does not mention.
type ExtraFields string

const (
	// ExtraFieldsKeep leaves them alone and says nothing.
	ExtraFieldsKeep ExtraFields = "Keep"
	// ExtraFieldsReport leaves them alone and names them in the status.
	ExtraFieldsReport ExtraFields = "Report"
	// ExtraFieldsRemove takes them away.
	ExtraFieldsRemove ExtraFields = "Remove"
)

// GitRepositorySpec is what a user asks for.
type GitRepositorySpec struct {
	URL                string
	Ref                *GitRef
	Path               string
	Interval           string
	ReconcileInterval  string
	Timeout            string
	Wait               bool
	DependsOn          []Dependency
	SecretRef          *LocalObjectReference
	ProxySecretRef     *LocalObjectReference
	Verify             *VerifySpec
	Decryption         *DecryptionSpec
	ServiceAccountName string
	TargetNamespace    string
	Ignore             string
	CommonMetadata     *CommonMetadata
	Substitute         map[string]string
	SubstituteFrom     []SubstituteReference
	Adopt              []string
	Prune              *bool
	PruneGuard         PruneGuard
	AllowEmpty         bool
	DeletionPolicy     DeletionPolicy
	DriftPolicy        DriftPolicy
	ExtraFields        ExtraFields
	IgnoreDifferences  []IgnoreDifference
	Events             *EventsSpec
	Webhook            *WebhookSpec
	Suspend            bool
	HistoryLimit       *int32
}

// CommonMetadata is put on every object: into its own metadata, not into selectors or templates.
type CommonMetadata struct {
	Labels      map[string]string
	Annotations map[string]string
}

// SubstituteKind is the kind of an object that holds variables.
type SubstituteKind string

const (
	// SubstituteKindConfigMap is a ConfigMap: the entries of its data are variables.
	SubstituteKindConfigMap SubstituteKind = "ConfigMap"
	// SubstituteKindSecret is a Secret: its values are put into objects and are shown nowhere else.
	SubstituteKindSecret SubstituteKind = "Secret"
)

// SubstituteReference names a ConfigMap or a Secret that holds variables.
type SubstituteReference struct {
	Kind     SubstituteKind
	Name     string
	Optional bool
}

// IgnoreDifference names fields of some of the objects. A selector that is left out matches every object.
type IgnoreDifference struct {
	Group        string
	Kind         string
	Namespace    string
	Name         string
	JSONPointers []string
}

// DecryptionSpec says with which keys files of the repository are decrypted.
type DecryptionSpec struct {
	SecretRef LocalObjectReference
}

// EventsSpec says where CDEvents are sent.
type EventsSpec struct {
	Sink string
}

// WebhookSpec says which deliveries of a Git provider's webhook are taken.
type WebhookSpec struct {
	SecretRef *LocalObjectReference
	Match     []string
}

// VerifyMode says what has to be signed.
type VerifyMode string

const (
	// VerifyModeCommit wants the commit signed.
	VerifyModeCommit VerifyMode = "Commit"
	// VerifyModeTag wants the annotated tag signed.
	VerifyModeTag VerifyMode = "Tag"
	// VerifyModeTagAndCommit wants both signed.
	VerifyModeTagAndCommit VerifyMode = "TagAndCommit"
)

// VerifySpec says whose signatures count.
type VerifySpec struct {
	Mode      VerifyMode
	SecretRef LocalObjectReference
}

// GitRef names a commit. Several may be set: commit comes before name, name before semver, semver before tag, tag before branch.
type GitRef struct {
	Branch string
	Tag    string
	Semver string
	Name   string
	Commit string
}

// Dependency names a GitRepository.
type Dependency struct {
	Name      string
	Namespace string
}

// LocalObjectReference names an object in the same namespace.
type LocalObjectReference struct {
	Name string
}

// GitRepositoryStatus is what the controller found and did. Nothing in it changes while nothing happens.
type GitRepositoryStatus struct {
	ObservedGeneration int64
	Conditions         []metav1.Condition
	Applied            *Revision
	Attempted          *Revision
	Resources          *ResourceCounts
	Drift              *DriftStatus
	Health             *HealthStatus
	LastSync           *SyncSummary
	LastError          *SyncError
	Webhook            *WebhookStatus
	PendingPrune       *PendingPrune
	PruneConfirmed     string
}

// Revision is a commit and how it was named.
type Revision struct {
	Name    string
	Commit  string
	Message string
	Author  string
	Time    *metav1.Time

	VerifiedBy string
}

// ResourceCounts counts the objects of a GitRepository.
type ResourceCounts struct {
	Desired int32
	Applied int32
}

// SyncSummary is the short record of a sync.
type SyncSummary struct {
	Name           string
	Trigger        SyncTrigger
	StartTime      metav1.Time
	CompletionTime metav1.Time
	Counts         SyncCounts
}

// WebhookResult is what became of a delivery.
type WebhookResult string

const (
	// WebhookResultAccepted led to a Sync.
	WebhookResultAccepted WebhookResult = "Accepted"
	// WebhookResultPinged was the provider's test, and rightly signed.
	WebhookResultPinged WebhookResult = "Pinged"
	// WebhookResultIgnored was rightly signed and calls for nothing: about another ref, or about the deletion of one.
	WebhookResultIgnored WebhookResult = "Ignored"
	// WebhookResultRefused was not taken.
	WebhookResultRefused WebhookResult = "Refused"
)

// WebhookStatus is a delivery of a webhook. Of many within a few seconds not each is shown.
type WebhookStatus struct {
	Time     metav1.Time
	Provider string
	Delivery string
	Result   WebhookResult
	Message  string
}

// PendingPrune is a prune that waits. To allow it, POST a Sync whose spec.confirmPrune is the commit.
type PendingPrune struct {
	Commit  string
	Reason  string
	Count   int32
	Objects []string
}

// DriftStatus says what is not as Git has it, and what was done about it.
type DriftStatus struct {
	Drifted   int32
	Paused    int32
	Extra     int32
	Repaired  int64
	Objects   []DriftedObject
	Unwatched []string
}

// DriftState is what became of an object that was not as Git has it.
type DriftState string

const (
	// DriftStateRepaired was put back.
	DriftStateRepaired DriftState = "Repaired"
	// DriftStateDrifted is left as it is, by driftPolicy.
	DriftStateDrifted DriftState = "Drifted"
	// DriftStateContested is written by somebody else again and again; it is put back ever more slowly.
	DriftStateContested DriftState = "Contested"
	// DriftStateFailed could not be put back.
	DriftStateFailed DriftState = "Failed"
	// DriftStatePaused is held by a pause.
	DriftStatePaused DriftState = "Paused"
	// DriftStateExtra is as Git has it, and holds fields that Git does not mention.
	DriftStateExtra DriftState = "Extra"
)

// DriftedObject is one object that is or was not as Git has it.
type DriftedObject struct {
	State     DriftState
	Group     string
	Kind      string
	Namespace string
	Name      string
	File      string
	Fields    []string
	Manager   string
	Time      metav1.Time
	Message   string
}

// HealthStatus counts the objects that have a health of their own, by their state.
type HealthStatus struct {
	Healthy     int32
	Progressing int32
	Unhealthy   int32
	Unknown     int32
	Objects     []ObjectHealth
}

// HealthState is how an object fares.
type HealthState string

const (
	// HealthStateHealthy works.
	HealthStateHealthy HealthState = "Healthy"
	// HealthStateProgressing is not there yet.
	HealthStateProgressing HealthState = "Progressing"
	// HealthStateUnhealthy failed.
	HealthStateUnhealthy HealthState = "Unhealthy"
	// HealthStateUnknown could not be read.
	HealthStateUnknown HealthState = "Unknown"
)

// ObjectHealth is one object and how it fares.
type ObjectHealth struct {
	State     HealthState
	Group     string
	Kind      string
	Namespace string
	Name      string
	File      string
	Message   string
}
