package apply

import (
	"fmt"
	"testing"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
)

// stored is what shards hold after the changed ones were written.
func stored(shards [][]v1alpha1.InventoryEntry, next, old *Inventory) ([][]v1alpha1.InventoryEntry, int) {
	for len(shards) < next.Shards() {
		shards = append(shards, nil)
	}
	changed := next.Changed(old)
	for _, shard := range changed {
		shards[shard] = next.Shard(shard)
	}
	return shards, len(changed)
}

func TestInventoryInShards(t *testing.T) {
	for _, size := range []int{0, 1, 500, 501, 1000, 5000, 20000} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			var shards [][]v1alpha1.InventoryEntry
			inventory := NewInventory(shards)
			next := inventory.Clone()
			for i := range size {
				next.Set(entry(configMap(fmt.Sprint(i)), "u", "h", "s"))
			}
			shards, _ = stored(shards, next, inventory)
			if want := (size + v1alpha1.MaxInventoryEntries - 1) / v1alpha1.MaxInventoryEntries; len(shards) != want {
				t.Fatalf("%d shards, want %d", len(shards), want)
			}
			inventory = NewInventory(shards)
			if inventory.Len() != size {
				t.Fatalf("%d entries after a round trip, want %d", inventory.Len(), size)
			}
			if size == 0 {
				return
			}
			next = inventory.Clone()
			next.Set(entry(configMap(fmt.Sprint(size/2)), "u", "h2", "s2"))
			var writes int
			if shards, writes = stored(shards, next, inventory); writes != 1 {
				t.Fatalf("one change rewrites %d shards", writes)
			}
			inventory = NewInventory(shards)
			if got := inventory.Entry(configMap(fmt.Sprint(size / 2))); got == nil || got.Hash != "h2" {
				t.Fatalf("the change is lost: %v", got)
			}
			// What goes leaves room for what comes.
			next = inventory.Clone()
			next.Delete(configMap("0"))
			next.Set(entry(configMap("new"), "u", "h", "s"))
			shards, _ = stored(shards, next, inventory)
			inventory = NewInventory(shards)
			if inventory.Len() != size || inventory.Entry(configMap("0")) != nil || inventory.Entry(configMap("new")) == nil {
				t.Fatal("an entry that went is still there, or one that came is not")
			}
			for i, shard := range shards {
				if len(shard) > v1alpha1.MaxInventoryEntries {
					t.Fatalf("shard %d holds %d entries", i, len(shard))
				}
			}
		})
	}
}

func TestCloneIsApart(t *testing.T) {
	inventory := recorded(entry(configMap("a"), "u", "h", "s"))
	clone := inventory.Clone()
	clone.Delete(configMap("a"))
	clone.Set(entry(configMap("b"), "u", "h", "s"))
	if inventory.Len() != 1 || inventory.Entry(configMap("a")) == nil {
		t.Fatal("a change of the clone changed the original")
	}
	if len(inventory.Clone().Changed(inventory)) != 0 {
		t.Fatal("an untouched clone counts as changed")
	}
}

func TestEntryInTwoShardsCountsOnce(t *testing.T) {
	inventory := NewInventory([][]v1alpha1.InventoryEntry{
		{entry(configMap("a"), "u", "first", "s")},
		{entry(configMap("a"), "u", "second", "s")},
	})
	if inventory.Len() != 1 || inventory.Entry(configMap("a")).Hash != "first" {
		t.Fatalf("got %v", inventory.Entry(configMap("a")))
	}
}
