package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// +genclient
// +genclient:method=CreateSync,verb=create,subresource=syncs,input=nopea.io/nopea/pkg/apis/nopea/v1alpha1.Sync,result=nopea.io/nopea/pkg/apis/nopea/v1alpha1.Sync
// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object

// GitRepository says that what a folder of a Git repository holds is to be live in the cluster, and how it gets there.
// POST a Sync to its `syncs` subresource to have it brought up to date at once.
type GitRepository struct {
	metav1.TypeMeta `json:",inline"`
	// Standard object's metadata.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec says what to sync and how.
	// +optional
	Spec GitRepositorySpec `json:"spec,omitempty"`
	// status is what the controller found and did. Only the controller writes it.
	// +optional
	Status GitRepositoryStatus `json:"status,omitempty"`
}

// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object

// GitRepositoryList is a list of GitRepositories.
type GitRepositoryList struct {
	metav1.TypeMeta `json:",inline"`
	// Standard list metadata.
	// +optional
	metav1.ListMeta `json:"metadata,omitempty"`
	// items are the GitRepositories.
	Items []GitRepository `json:"items"`
}

// DeletionPolicy says what becomes of the applied objects when their GitRepository is deleted.
// +enum
type DeletionPolicy string

const (
	// DeletionPolicyOrphan leaves the applied objects as they are.
	DeletionPolicyOrphan DeletionPolicy = "Orphan"
	// DeletionPolicyDelete deletes what the inventory holds before the GitRepository goes.
	DeletionPolicyDelete DeletionPolicy = "Delete"
)

// PruneGuard says whether a large or dangerous prune waits for a confirmation.
// +enum
type PruneGuard string

const (
	// PruneGuardConfirm holds a prune of more than ten objects that are also more than a tenth of the inventory, and of any
	// Namespace, CustomResourceDefinition, PersistentVolumeClaim or GitRepository, until a Sync confirms it by its commit.
	PruneGuardConfirm PruneGuard = "Confirm"
	// PruneGuardOff prunes without asking.
	PruneGuardOff PruneGuard = "Off"
)

// GitRepositorySpec is what a user asks for.
type GitRepositorySpec struct {
	// url of the Git repository: https:// or http://, without credentials in it (those go into a Secret, see secretRef).
	URL string `json:"url"`
	// ref names the commit to sync. Left out, it is the branch that the remote's HEAD points to.
	// +optional
	Ref *GitRef `json:"ref,omitempty"`
	// path is the folder (or single file) inside the repository that holds the manifests, relative to its root.
	// Everything below it is read. Default: the root.
	// +optional
	Path string `json:"path,omitempty"`
	// interval between two looks at the remote ref, which catch a push that nobody announced. A Go duration such as "30s"
	// or "5m", at least 1s. Default 5m. Each is spread by up to a tenth, so that repositories do not come all at once.
	// +optional
	Interval string `json:"interval,omitempty"`
	// reconcileInterval between two comparisons of the cluster with the applied commit, which find and put back edits made
	// by hand. A Go duration, at least 10s. Default 10m.
	// +optional
	ReconcileInterval string `json:"reconcileInterval,omitempty"`
	// timeout of one sync, from the look at the remote to the last object. A Go duration from 1s to 1h. Default 5m.
	// +optional
	Timeout string `json:"timeout,omitempty"`
	// secretRef names a Secret in the same namespace with the Git credentials: keys username and password (also type
	// kubernetes.io/basic-auth), or bearerToken. It is read at every sync, as the ServiceAccount named by serviceAccountName.
	// +optional
	SecretRef *LocalObjectReference `json:"secretRef,omitempty"`
	// serviceAccountName is the ServiceAccount in the same namespace as which objects are read, applied and pruned: a
	// GitRepository can do what that ServiceAccount may do, and no more. Default "nopea".
	// +optional
	ServiceAccountName string `json:"serviceAccountName,omitempty"`
	// targetNamespace is the namespace of objects whose manifest names none. Default: the GitRepository's own.
	// +optional
	TargetNamespace string `json:"targetNamespace,omitempty"`
	// prune deletes objects that NOPEA applied and that are gone from Git. Default true.
	// +optional
	Prune *bool `json:"prune,omitempty"`
	// pruneGuard holds large and dangerous prunes until they are confirmed: Confirm (default) or Off.
	// +optional
	PruneGuard PruneGuard `json:"pruneGuard,omitempty"`
	// allowEmpty allows a commit that holds no object at all to prune everything. Default false: such a commit fails.
	// +optional
	AllowEmpty bool `json:"allowEmpty,omitempty"`
	// deletionPolicy says what becomes of the applied objects when this GitRepository is deleted: Orphan (default) leaves
	// them, Delete removes them first.
	// +optional
	DeletionPolicy DeletionPolicy `json:"deletionPolicy,omitempty"`
	// suspend stops everything that NOPEA does by itself: polling, start-up and drift repair. A Sync asked for by hand still
	// runs, once.
	// +optional
	Suspend bool `json:"suspend,omitempty"`
	// historyLimit is how many finished Syncs are kept. 0 to 1000, default 10.
	// +optional
	HistoryLimit *int32 `json:"historyLimit,omitempty"`
}

// GitRef names a commit. Several may be set: commit comes before name, name before tag, tag before branch.
type GitRef struct {
	// branch, such as "main".
	// +optional
	Branch string `json:"branch,omitempty"`
	// tag, such as "v1.4.2".
	// +optional
	Tag string `json:"tag,omitempty"`
	// name is a full ref name, such as "refs/pull/420/head".
	// +optional
	Name string `json:"name,omitempty"`
	// commit is a full commit hash: 40 hexadecimal digits.
	// +optional
	Commit string `json:"commit,omitempty"`
}

// LocalObjectReference names an object in the same namespace.
type LocalObjectReference struct {
	// name of the object.
	Name string `json:"name"`
}

// GitRepositoryStatus is what the controller found and did. Nothing in it changes while nothing happens.
type GitRepositoryStatus struct {
	// observedGeneration is the generation of the spec that this status is about.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// conditions: Ready (the cluster was brought to the commit that Git had), Reconciling (a sync is under way or will be
	// tried again), Stalled (nothing moves until somebody changes something).
	// +optional
	// +listType=map
	// +listMapKey=type
	Conditions []metav1.Condition `json:"conditions,omitempty"`
	// applied is the revision that the cluster was last brought to, wholly.
	// +optional
	Applied *Revision `json:"applied,omitempty"`
	// attempted is the revision of the newest sync that got as far as knowing one. It differs from applied while that sync
	// runs and when it failed.
	// +optional
	Attempted *Revision `json:"attempted,omitempty"`
	// resources counts the objects that Git asks for.
	// +optional
	Resources *ResourceCounts `json:"resources,omitempty"`
	// lastSync sums up the newest sync that was asked for or that changed something.
	// +optional
	LastSync *SyncSummary `json:"lastSync,omitempty"`
	// lastError is why the newest sync failed. Empty after one that succeeded.
	// +optional
	LastError *SyncError `json:"lastError,omitempty"`
	// pendingPrune is a prune that waits for its confirmation.
	// +optional
	PendingPrune *PendingPrune `json:"pendingPrune,omitempty"`
	// pruneConfirmed is the commit whose prune somebody confirmed.
	// +optional
	PruneConfirmed string `json:"pruneConfirmed,omitempty"`
}

// Revision is a commit and how it was named.
type Revision struct {
	// name is the ref as a user would call it: "main", "v1.4.2", "refs/pull/420/head". Empty for a bare commit.
	// +optional
	Name string `json:"name,omitempty"`
	// commit is the full hash.
	Commit string `json:"commit"`
	// message is the first line of the commit message.
	// +optional
	Message string `json:"message,omitempty"`
	// author of the commit, as "Name <address>".
	// +optional
	Author string `json:"author,omitempty"`
	// time at which the commit was made.
	// +optional
	Time *metav1.Time `json:"time,omitempty"`
}

// ResourceCounts counts the objects of a GitRepository.
type ResourceCounts struct {
	// desired is how many objects Git holds.
	Desired int32 `json:"desired"`
	// applied is how many of them are live as Git has them.
	Applied int32 `json:"applied"`
}

// SyncSummary is the short record of a sync.
type SyncSummary struct {
	// name of the Sync that holds the details, while it is kept. Empty when none was stored.
	// +optional
	Name string `json:"name,omitempty"`
	// trigger that led to it.
	Trigger SyncTrigger `json:"trigger"`
	// startTime is when the sync began.
	StartTime metav1.Time `json:"startTime"`
	// completionTime is when it ended.
	CompletionTime metav1.Time `json:"completionTime"`
	// counts per action.
	Counts SyncCounts `json:"counts"`
}

// PendingPrune is a prune that waits. To allow it, POST a Sync whose spec.confirmPrune is the commit.
type PendingPrune struct {
	// commit by which the prune is confirmed.
	Commit string `json:"commit"`
	// reason why it waits.
	Reason string `json:"reason"`
	// count of the objects that would be deleted.
	Count int32 `json:"count"`
	// objects are the first of them, as "Kind namespace/name".
	// +optional
	// +listType=atomic
	Objects []string `json:"objects,omitempty"`
}
