package drift

import (
	"maps"
	"slices"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
	"nopea.io/nopea/pkg/apply"
	"nopea.io/nopea/pkg/ownership"
)

// ledger holds what is known of every object that some GitRepository holds, or recorded. Its lock guards all that is in it.
type ledger struct {
	sync.Mutex
	objects map[apply.ID]*object
	owners  map[apply.Owner]*owner
	// kinds counts objects by kind, with the version that one of them uses.
	kindsOf map[schema.GroupKind]*kindUse
	// expected are the kinds that a sync is about to publish.
	expected map[apply.Owner]map[schema.GroupKind]string
	// prevented counts the objects whose edits are to be refused.
	prevented int
	// losers are owners that lost an object to another, until they are told.
	losers map[apply.Owner]bool
	// strangers carry the labels of a published owner and are not its objects.
	strangers map[apply.ID]types.UID
}

// maxStrangers bounds how many of those are told apart.
const maxStrangers = 10000

func newLedger() *ledger {
	return &ledger{objects: make(map[apply.ID]*object), owners: make(map[apply.Owner]*owner), losers: make(map[apply.Owner]bool), strangers: make(map[apply.ID]types.UID),
		kindsOf: make(map[schema.GroupKind]*kindUse), expected: make(map[apply.Owner]map[schema.GroupKind]string)}
}

type kindUse struct {
	count   int
	version string
}

// owner is a GitRepository as the keeper knows it.
type owner struct {
	Repository
	objects map[apply.ID]*object
	// awaited is what Git holds for it and another GitRepository has: it is this one's as soon as it applies it.
	awaited map[apply.ID]*apply.Desired
	// identified is when its ServiceAccount was last seen to exist.
	identified time.Time
	findings   findings
	// reported is when the findings were last handed out, toldUnwatched what they said of watches.
	reported time.Time
	// happened is what became of objects since the last report, the oldest first.
	happened []v1alpha1.DriftedObject
	// stale: a pause has ended that had held an object back from a newer manifest, or another GitRepository has an object now.
	stale         bool
	toldUnwatched []string
}

// maxHappened bounds what waits for a report of one GitRepository.
const maxHappened = 200

// happen keeps what became of an object for the next report.
func (o *owner) happen(found v1alpha1.DriftedObject) {
	if len(o.happened) < maxHappened {
		o.happened = append(o.happened, found)
	}
}

// object is one object.
type object struct {
	owner   *owner
	desired *apply.Desired
	// entry as it is to be recorded. It is replaced, never changed.
	entry     *v1alpha1.InventoryEntry
	signature ownership.Digest
	// unsaved: the inventory does not have the entry yet.
	unsaved bool
	// written is when NOPEA last wrote it, by the clock of this process.
	written time.Time
	// suspect holds who owned its fields when they were seen to differ, until that has been looked into.
	suspect *evidence
	// ran, vanished, probed, settled and contest are those of a situation.
	ran, vanished bool
	probed        time.Time
	inspected     ownership.Digest
	settled       int64
	contest       contest
	// turn is when it may be compared although its spec did not change.
	turn time.Time
	// failures to put it back, in a row.
	failures int
	// told are what was said of it once.
	toldYield, toldPause string
}

// evidence is what an event, or a list, showed of an object that was not as it should be.
type evidence struct {
	// version is the resourceVersion; empty when the object was gone.
	version string
	managed []metav1.ManagedFieldsEntry
	seen    time.Time
	// by says what found it.
	by string
}

// What finds drift: a watch event, the list of a backstop, a dry run.
const (
	byEvent  = "event"
	byList   = "list"
	byVerify = "verify"
	byStart  = "start"
)

// publish replaces what is known of an owner's objects. What was applied meanwhile, and is not in the inventory that was read before,
// stays.
func (l *ledger) publish(repository Repository, desired []apply.Desired, inventory *apply.Inventory, now time.Time) *owner {
	o := l.owners[repository.Owner]
	if o == nil {
		o = &owner{objects: make(map[apply.ID]*object), findings: newFindings()}
		l.owners[repository.Owner] = o
	}
	o.Repository, o.identified, o.awaited = repository, now, make(map[apply.ID]*apply.Desired)
	delete(l.expected, repository.Owner)
	wanted := make(map[apply.ID]bool, len(desired))
	for i := range desired {
		d := &desired[i]
		wanted[d.ID] = true
		l.want(o, d.ID, d, inventory.Entry(d.ID))
	}
	for id, entry := range inventory.All() {
		if !wanted[id] {
			l.want(o, id, nil, entry)
			wanted[id] = true
		}
	}
	for id := range o.objects {
		if !wanted[id] {
			l.drop(o, id)
		}
	}
	return o
}

func (l *ledger) want(o *owner, id apply.ID, desired *apply.Desired, entry *v1alpha1.InventoryEntry) {
	known := l.objects[id]
	switch {
	case known == nil:
		known = &object{owner: o}
		l.objects[id] = known
		use := l.kindsOf[id.GroupKind()]
		if use == nil {
			use = &kindUse{}
			l.kindsOf[id.GroupKind()] = use
		}
		use.count++
	case known.owner != o:
		if entry == nil || entry.UID == "" || desired == nil && known.desired != nil {
			// Another GitRepository has it.
			if desired != nil {
				o.awaited[id] = desired
			}
			return
		}
		l.move(known, id, o)
	}
	o.objects[id] = known
	if known.desired != nil && desired != nil && known.desired.Hash != desired.Hash {
		known.vanished, known.ran = false, false
	}
	l.setDesired(known, desired)
	if entry != nil && !known.unsaved {
		known.record(*entry)
	}
	if use := l.kindsOf[id.GroupKind()]; desired != nil {
		use.version = desired.Version
	} else if entry != nil && use.version == "" {
		use.version = entry.Version
	}
}

// move makes an object another owner's. The one that had it is to look at what Git holds for it now.
func (l *ledger) move(known *object, id apply.ID, to *owner) {
	l.setDesired(known, nil)
	known.owner.findings.clear(id)
	delete(known.owner.objects, id)
	known.owner.stale, l.losers[known.owner.Owner] = true, true
	*known = object{owner: to}
	to.objects[id] = known
}

// take makes an object that an owner awaited and has applied now that owner's.
func (l *ledger) take(known *object, id apply.ID, to *owner) {
	desired := to.awaited[id]
	delete(to.awaited, id)
	l.move(known, id, to)
	l.setDesired(known, desired)
}

func (l *ledger) setDesired(o *object, desired *apply.Desired) {
	if o.desired != nil && o.desired.Drift == v1alpha1.DriftPolicyPrevent {
		l.prevented--
	}
	o.desired = desired
	if desired != nil && desired.Drift == v1alpha1.DriftPolicyPrevent {
		l.prevented++
	}
}

func (l *ledger) drop(o *owner, id apply.ID) {
	delete(o.objects, id)
	o.findings.clear(id)
	known := l.objects[id]
	if known == nil || known.owner != o {
		return
	}
	l.setDesired(known, nil)
	delete(l.objects, id)
	if use := l.kindsOf[id.GroupKind()]; use != nil {
		if use.count--; use.count == 0 {
			delete(l.kindsOf, id.GroupKind())
		}
	}
}

// record notes what an object is to be when nobody touches it.
func (o *object) record(entry v1alpha1.InventoryEntry) {
	if o.entry != nil && *o.entry == entry {
		return
	}
	signature, err := ownership.ParseDigest(entry.Signature)
	if err != nil {
		signature = ownership.Digest{} // a damaged record never matches, and the object is applied again
	}
	o.entry, o.signature, o.settled = &entry, signature, entry.Generation
}

// uid of the object that was applied; empty when none was.
func (o *object) uid() types.UID {
	if o.entry == nil {
		return ""
	}
	return o.entry.UID
}

// kinds that are to be watched, each in a version that Git or the record uses.
func (l *ledger) kinds() map[schema.GroupKind]string {
	kinds := make(map[schema.GroupKind]string, len(l.kindsOf))
	for gk, use := range l.kindsOf {
		kinds[gk] = use.version
	}
	for _, expected := range l.expected {
		maps.Copy(kinds, expected)
	}
	return kinds
}

// idsOf lists an owner's objects.
func (l *ledger) idsOf(name apply.Owner) []apply.ID {
	if o := l.owners[name]; o != nil {
		return slices.Collect(maps.Keys(o.objects))
	}
	return nil
}
