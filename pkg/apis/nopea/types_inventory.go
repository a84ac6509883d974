package nopea

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object

// Inventory is one shard of the record of what NOPEA applied for a GitRepository. Only the controller writes it.
type Inventory struct {
	metav1.TypeMeta
	metav1.ObjectMeta

	Spec InventorySpec
}

// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object

// InventoryList is a list of Inventories.
type InventoryList struct {
	metav1.TypeMeta
	metav1.ListMeta
	Items []Inventory
}

// InventorySpec is a shard of the record.
type InventorySpec struct {
	Repository         string
	ServiceAccountName string
	Entries            []InventoryEntry
}

// InventoryEntry is one object that NOPEA applied, or is about to.
type InventoryEntry struct {
	Group      string
	Version    string
	Kind       string
	Namespace  string
	Name       string
	UID        types.UID
	Hash       string
	Signature  string
	Generation int64
	File       string
	Recovered  bool
}
