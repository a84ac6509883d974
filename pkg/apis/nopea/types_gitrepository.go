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
