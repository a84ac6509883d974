package apply

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
	"nopea.io/nopea/pkg/ownership"
)

// NewEntry is what to record of an object that was just applied. What was yielded counts as held: when its rightful controller lets
// go of it, that shows.
func NewEntry(desired *Desired, live *metav1.PartialObjectMetadata) (v1alpha1.InventoryEntry, error) {
	id := desired.ID
	facts, err := ownership.Read(id.GroupKind(), live, nil)
	if err != nil {
		return v1alpha1.InventoryEntry{}, err
	}
	signature := facts.Signature
	if facts.Yielded != (ownership.Digest{}) {
		content, err := decode(desired.Body)
		if err != nil {
			return v1alpha1.InventoryEntry{}, err
		}
		if ownership.Has(content, ownership.YieldedPaths(id.GroupKind(), live.ManagedFields)) {
			signature = facts.Yielded
		}
	}
	return v1alpha1.InventoryEntry{
		Group: id.Group, Version: desired.Version, Kind: id.Kind, Namespace: id.Namespace, Name: id.Name,
		UID: live.UID, Hash: desired.Hash, Signature: signature.String(), Generation: live.Generation, File: desired.File,
	}, nil
}
