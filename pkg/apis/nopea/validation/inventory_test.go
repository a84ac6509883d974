package validation

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"nopea.io/nopea/pkg/apis/nopea"
	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
)

func inventoryOf(n int) *nopea.Inventory {
	inventory := &nopea.Inventory{
		ObjectMeta: metav1.ObjectMeta{Name: "shop-0", Namespace: "team-a", ResourceVersion: "1"},
		Spec:       nopea.InventorySpec{Repository: "shop"},
	}
	for range n {
		inventory.Spec.Entries = append(inventory.Spec.Entries, nopea.InventoryEntry{Version: "v1", Kind: "ConfigMap", Name: "c"})
	}
	return inventory
}

func TestValidateInventory(t *testing.T) {
	expect(t, ValidateInventory(inventoryOf(v1alpha1.MaxInventoryEntries)), "")
	expect(t, ValidateInventory(inventoryOf(v1alpha1.MaxInventoryEntries+1)), "spec.entries: Too many")
	for at, empty := range map[string]func(*nopea.InventoryEntry){
		"version": func(e *nopea.InventoryEntry) { e.Version = "" },
		"kind":    func(e *nopea.InventoryEntry) { e.Kind = "" },
		"name":    func(e *nopea.InventoryEntry) { e.Name = "" },
	} {
		inventory := inventoryOf(2)
		empty(&inventory.Spec.Entries[1])
		expect(t, ValidateInventory(inventory), "spec.entries[1]."+at+": Required")
	}
}

func TestInventoryStaysWithItsRepository(t *testing.T) {
	changed := inventoryOf(1)
	expect(t, ValidateInventoryUpdate(changed, inventoryOf(0)), "")
	changed.Spec.Repository = "other"
	expect(t, ValidateInventoryUpdate(changed, inventoryOf(0)), "spec.repository: immutable")
}
