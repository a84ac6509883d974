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

// GitRepositorySpec is what a user asks for.
type GitRepositorySpec struct {
	URL                string
	Ref                *GitRef
	Path               string
	Interval           string
	ReconcileInterval  string
	Timeout            string
	SecretRef          *LocalObjectReference
	ServiceAccountName string
	TargetNamespace    string
	Prune              *bool
	PruneGuard         PruneGuard
	AllowEmpty         bool
	DeletionPolicy     DeletionPolicy
	Suspend            bool
	HistoryLimit       *int32
}

// GitRef names a commit. Several may be set: commit comes before name, name before tag, tag before branch.
type GitRef struct {
	Branch string
	Tag    string
	Name   string
	Commit string
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
	LastSync           *SyncSummary
	LastError          *SyncError
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

// PendingPrune is a prune that waits. To allow it, POST a Sync whose spec.confirmPrune is the commit.
type PendingPrune struct {
	Commit  string
	Reason  string
	Count   int32
	Objects []string
}
