package apply

import (
	"iter"
	"maps"
	"slices"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
)

// Inventory is the record of what NOPEA applied for one owner, laid out in shards so that a change of one object rewrites one
// shard. The zero value is an empty record.
type Inventory struct {
	entries map[ID]placed
	shards  []int // entries per shard
}

type placed struct {
	entry v1alpha1.InventoryEntry
	shard int
}

// NewInventory reads shards, in their order. An entry that stands in two (after a crash while it moved) counts once, for the first.
func NewInventory(shards [][]v1alpha1.InventoryEntry) *Inventory {
	inventory := &Inventory{shards: make([]int, len(shards))}
	for shard, entries := range shards {
		for _, entry := range entries {
			if inventory.Entry(EntryID(&entry)) == nil {
				inventory.put(EntryID(&entry), placed{entry: entry, shard: shard})
			}
		}
	}
	return inventory
}

// Len is how many objects are recorded.
func (i *Inventory) Len() int { return len(i.entries) }

// Shards is how many shards there are, some of them perhaps empty.
func (i *Inventory) Shards() int { return len(i.shards) }

// Entry of an object, or nil. The caller does not change it.
func (i *Inventory) Entry(id ID) *v1alpha1.InventoryEntry {
	if p, ok := i.entries[id]; ok {
		return &p.entry
	}
	return nil
}

// All entries, in no order.
func (i *Inventory) All() iter.Seq2[ID, *v1alpha1.InventoryEntry] {
	return func(yield func(ID, *v1alpha1.InventoryEntry) bool) {
		for id, p := range i.entries {
			if !yield(id, &p.entry) {
				return
			}
		}
	}
}

// Set records an object. It stays in its shard; a new one goes into the first that has room.
func (i *Inventory) Set(entry v1alpha1.InventoryEntry) {
	id := EntryID(&entry)
	if old, ok := i.entries[id]; ok {
		i.entries[id] = placed{entry: entry, shard: old.shard}
		return
	}
	i.put(id, placed{entry: entry, shard: i.room()})
}

// Delete takes an object out of the record.
func (i *Inventory) Delete(id ID) {
	if old, ok := i.entries[id]; ok {
		i.shards[old.shard]--
		delete(i.entries, id)
	}
}

// Clone returns a copy that can be changed by itself.
func (i *Inventory) Clone() *Inventory {
	return &Inventory{entries: maps.Clone(i.entries), shards: slices.Clone(i.shards)}
}

// Shard returns the entries of one shard, ordered by ID so that equal records are equal bytes.
func (i *Inventory) Shard(shard int) []v1alpha1.InventoryEntry {
	var entries []v1alpha1.InventoryEntry
	for _, p := range i.entries {
		if p.shard == shard {
			entries = append(entries, p.entry)
		}
	}
	slices.SortFunc(entries, func(a, b v1alpha1.InventoryEntry) int { return EntryID(&a).Compare(EntryID(&b)) })
	return entries
}

// Changed lists the shards that differ from an older state of the same record.
func (i *Inventory) Changed(old *Inventory) []int {
	dirty := make(map[int]bool)
	for id, p := range i.entries {
		before, ok := old.entries[id]
		if !ok || before != p {
			dirty[p.shard] = true
		}
		if ok && before.shard != p.shard {
			dirty[before.shard] = true
		}
	}
	for id, p := range old.entries {
		if _, ok := i.entries[id]; !ok {
			dirty[p.shard] = true
		}
	}
	return slices.Sorted(maps.Keys(dirty))
}

func (i *Inventory) put(id ID, p placed) {
	if i.entries == nil {
		i.entries = make(map[ID]placed)
	}
	i.entries[id] = p
	i.shards[p.shard]++
}

// room finds the first shard that takes one more entry, or opens another.
func (i *Inventory) room() int {
	for shard, count := range i.shards {
		if count < v1alpha1.MaxInventoryEntries {
			return shard
		}
	}
	i.shards = append(i.shards, 0)
	return len(i.shards) - 1
}
