package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// +genclient
// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object

// Inventory is one shard of the record of what NOPEA applied for a GitRepository. Only the controller writes it.
type Inventory struct {
	metav1.TypeMeta `json:",inline"`
	// Standard object's metadata.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec is the record.
	// +optional
	Spec InventorySpec `json:"spec,omitempty"`
}

// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object

// InventoryList is a list of Inventories.
type InventoryList struct {
	metav1.TypeMeta `json:",inline"`
	// Standard list metadata.
	// +optional
	metav1.ListMeta `json:"metadata,omitempty"`
	// items are the Inventories.
	Items []Inventory `json:"items"`
}

// InventorySpec is a shard of the record.
type InventorySpec struct {
	// repository is the name of the GitRepository, in the same namespace.
	Repository string `json:"repository"`
	// serviceAccountName as which the entries were applied, and are deleted under deletionPolicy Delete.
	// +optional
	ServiceAccountName string `json:"serviceAccountName,omitempty"`
	// entries are the objects of this shard, at most 500.
	// +optional
	// +listType=atomic
	Entries []InventoryEntry `json:"entries,omitempty"`
}

// InventoryEntry is one object that NOPEA applied, or is about to.
type InventoryEntry struct {
	// group of the object's kind; empty for the core group.
	// +optional
	Group string `json:"group,omitempty"`
	// version in which it was applied.
	Version string `json:"version"`
	// kind of the object.
	Kind string `json:"kind"`
	// namespace of the object; empty when cluster-scoped.
	// +optional
	Namespace string `json:"namespace,omitempty"`
	// name of the object.
	Name string `json:"name"`
	// uid of the live object. Empty until it was applied for the first time.
	// +optional
	UID types.UID `json:"uid,omitempty"`
	// hash of the manifest as it was applied. Empty until then.
	// +optional
	Hash string `json:"hash,omitempty"`
	// signature of NOPEA's field ownership after that apply: when the live one differs, somebody changed what Git holds.
	// +optional
	Signature string `json:"signature,omitempty"`
	// generation of the live object after that apply, for kinds that have one: it also moves with changes that leave the
	// ownership of fields alone.
	// +optional
	Generation int64 `json:"generation,omitempty"`
	// file that holds the manifest.
	// +optional
	File string `json:"file,omitempty"`
	// recovered entries were found in the cluster after the record was lost, and not in Git. They are pruned only once that is
	// confirmed, whatever the pruneGuard.
	// +optional
	Recovered bool `json:"recovered,omitempty"`
}
