package drift

import (
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
	"nopea.io/nopea/pkg/apply"
	"nopea.io/nopea/pkg/wording"
)

// maxUnwatched bounds how many kinds a report names.
const maxUnwatched = 20

// Report is what there is to say of a GitRepository that its status does not say yet; false when there is nothing. Reported takes it
// back once it is written.
func (k *Keeper) Report(name apply.Owner) (Report, bool) {
	blind := k.watch.Blind()
	k.ledger.Lock()
	defer k.ledger.Unlock()
	o := k.ledger.owners[name]
	if o == nil {
		return Report{}, false
	}
	unwatched := o.unwatched(blind)
	if !o.findings.changed && slices.Equal(unwatched, o.toldUnwatched) {
		return Report{}, false
	}
	o.findings.changed, o.reported = false, k.Clock.Now()
	report := o.findings.report(unwatched)
	report.Happened = o.happened
	o.findings.repaired, o.happened = 0, nil
	return report, true
}

// Unreported gives back a report that could not be written.
func (k *Keeper) Unreported(name apply.Owner, report Report) {
	k.ledger.Lock()
	defer k.ledger.Unlock()
	if o := k.ledger.owners[name]; o != nil {
		o.findings.changed = true
		o.findings.repaired += report.Status.Repaired
		o.happened = append(report.Happened, o.happened[:min(len(o.happened), maxHappened-len(report.Happened))]...)
		k.soon(o)
	}
}

// Reported notes that a report is written.
func (k *Keeper) Reported(name apply.Owner, report Report) {
	k.ledger.Lock()
	defer k.ledger.Unlock()
	if o := k.ledger.owners[name]; o != nil {
		o.toldUnwatched = report.Status.Unwatched
	}
}

// unwatched names the owner's kinds that cannot be watched, and why.
func (o *owner) unwatched(blind map[schema.GroupKind]error) []string {
	if len(blind) == 0 {
		return nil
	}
	kinds := make(map[schema.GroupKind]bool)
	for id := range o.objects {
		kinds[id.GroupKind()] = true
	}
	var named []string
	for gk, why := range blind {
		if kinds[gk] {
			named = append(named, wording.Shorten(fmt.Sprintf("%s: %v", gk, why), 300))
		}
	}
	slices.Sort(named)
	return named[:min(len(named), maxUnwatched)]
}

// Unsaved are the entries of a GitRepository's objects that the inventory does not have yet.
func (k *Keeper) Unsaved(name apply.Owner) []v1alpha1.InventoryEntry {
	k.ledger.Lock()
	defer k.ledger.Unlock()
	o := k.ledger.owners[name]
	if o == nil {
		return nil
	}
	var entries []v1alpha1.InventoryEntry
	for _, object := range o.objects {
		if object.unsaved && object.entry != nil {
			entries = append(entries, *object.entry)
		}
	}
	return entries
}

// Saved notes that the inventory has these entries.
func (k *Keeper) Saved(name apply.Owner, inventory *apply.Inventory) {
	k.ledger.Lock()
	defer k.ledger.Unlock()
	o := k.ledger.owners[name]
	if o == nil {
		return
	}
	for id, object := range o.objects {
		if !object.unsaved {
			continue
		}
		if saved := inventory.Entry(id); saved != nil && object.entry != nil && *saved == *object.entry {
			object.unsaved = false
		}
	}
}
