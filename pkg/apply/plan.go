package apply

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
	"nopea.io/nopea/pkg/directive"
)

// Live is what the API server says of an object, from its metadata alone.
type Live struct {
	UID types.UID
	// Signature of NOPEA's ownership; empty when NOPEA applied nothing to it.
	Signature string
	// Yielded is the signature as it would be with the fields that are yielded to their rightful controller; empty when none is.
	Yielded string
	// Generation of its spec, for kinds that have one.
	Generation int64
	// Labelled with the owner's labels.
	Labelled bool
	// Deleting: it has a deletionTimestamp.
	Deleting bool
	// Holder is who else manages it and keeps it, if anyone.
	Holder *Holder
	// Former describes those from whom it can be taken over. Inherits: what they applied has to become NOPEA's.
	Former   []string
	Inherits bool
	// Pause as somebody wrote it on the object.
	Pause string
	// Keep says whether annotations of the object keep it from being deleted.
	Keep directive.Keep
}

// Observation is what was read from the cluster for a plan.
type Observation struct {
	// Live objects among the desired and the recorded ones.
	Live map[ID]Live
	// Unknown are objects of which nothing could be learned, and why. They are neither applied nor pruned.
	Unknown map[ID]error
	// Unserved are recorded objects whose kind the API server no longer has: they are gone with it.
	Unserved map[ID]bool
}

// Action is what a plan does to an object.
type Action int

const (
	// Unchanged is for what is live as Git has it; no request.
	Unchanged Action = iota
	// Create is for what is not there.
	Create
	// Configure is for what is there, and not (or not provably) as Git has it.
	Configure
	// Adopt is for what is there and somebody else's until now.
	Adopt
	// Verify is for what is there and NOPEA's, by its Apply entry, and not recorded: a dry run tells whether it is as Git has it.
	Verify
	// Prune is for what is recorded, NOPEA's, and gone from Git.
	Prune
	// Release is for what is recorded and gone from Git, but not NOPEA's to delete (any more).
	Release
	// HandOver is for what is recorded, NOPEA's, gone from what Git holds for this owner, and claimed for another, which takes it over.
	HandOver
	// Forget is for what is recorded, gone from Git and from the cluster.
	Forget
	// Refuse is for what another owner holds.
	Refuse
	// Blocked is for what nothing can be done about now; Reason says why.
	Blocked
	// Paused is for what a pause holds as it is.
	Paused
)

// Step is a plan's decision on one object.
type Step struct {
	Action Action
	ID     ID
	// Version to use for requests.
	Version string
	// Desired is set for what Git holds.
	Desired *Desired
	// Entry is set for what the inventory holds.
	Entry *v1alpha1.InventoryEntry
	// UID of the live object, if there is one.
	UID types.UID
	// Signature of the live object.
	Signature string
	// generation of the live object.
	generation int64
	// ours: the live object is NOPEA's, by its labels and its Apply entry.
	ours bool
	// Yields: fields of it are yielded, and left out of the apply.
	Yields bool
	// Drifted is set for an Unchanged object that is not as Git has it, and is left so.
	Drifted bool
	// PausedUntil is when the pause of a Paused step ends.
	PausedUntil time.Time
	// Reason of an Adopt, a Release, a HandOver, a Refuse or a Blocked, or of a Configure that made the object anew, for the user.
	Reason string
	// Err that blocks it, if it was an error.
	Err error
}

// Plan is what is to be done, ordered by ID; every desired and every recorded object stands in it once.
type Plan struct {
	Steps []Step
	// Guard says why the prune must be confirmed; empty when it need not.
	Guard string
	// Recovered objects are among what is to be pruned: that must be confirmed in any case.
	Recovered bool

	options Options
}

// Options of a plan.
type Options struct {
	// Prune what is gone from Git. Otherwise it is released.
	Prune bool
	// Ending: what is pruned goes because its GitRepository goes.
	Ending bool
	// Ignored objects stand in Git and are neither applied nor pruned; each with the annotation that asks for it.
	Ignored map[ID]string
	// Claimed are objects that Git holds for other owners, with a sentence that says so.
	Claimed map[ID]string
	// Now and LongestPause decide which pauses are in force. Pause holds all objects.
	Now          time.Time
	LongestPause time.Duration
	Pause        Pause
}

// paused tells whether a live object is held by a pause of its own or of all.
func (o *Options) paused(live Live) (Pause, bool) {
	pause := o.Pause.Later(ReadPause(live.Pause, o.Now, o.LongestPause))
	return pause, pause.Holds(o.Now)
}

// NewPlan decides, for every object that Git or the inventory holds, what is to be done. It is pure: the dry run, the diff and the
// run itself all come from here.
func NewPlan(desired []Desired, inventory *Inventory, seen Observation, options Options) Plan {
	plan := Plan{options: options}
	wanted := make(map[ID]bool, len(desired))
	for i := range desired {
		d := &desired[i]
		wanted[d.ID] = true
		plan.Steps = append(plan.Steps, planDesired(d, inventory.Entry(d.ID), seen, &options))
	}
	var prune []ID
	for id, entry := range inventory.All() {
		if wanted[id] {
			continue
		}
		step := planRecorded(id, entry, seen, &options)
		if step.Action == Prune {
			prune = append(prune, id)
			plan.Recovered = plan.Recovered || entry.Recovered
		}
		plan.Steps = append(plan.Steps, step)
	}
	slices.SortFunc(plan.Steps, func(a, b Step) int { return a.ID.Compare(b.ID) })
	slices.SortFunc(prune, ID.Compare)
	plan.Guard = Guard(prune, inventory.Len())
	if plan.Recovered {
		plan.Guard = fmt.Sprintf("of what it deletes (%d in all) some was found in the cluster after the inventory was lost", len(prune))
	}
	return plan
}

func planDesired(d *Desired, entry *v1alpha1.InventoryEntry, seen Observation, options *Options) Step {
	step := Step{ID: d.ID, Version: d.Version, Desired: d, Entry: entry}
	if err := seen.Unknown[d.ID]; err != nil {
		step.Action, step.Err = Blocked, err
		return step
	}
	live, exists := seen.Live[d.ID]
	step.UID, step.Signature, step.generation, step.Yields = live.UID, live.Signature, live.Generation, live.Yielded != ""
	pause, paused := options.paused(live)
	switch {
	case !exists && staysAway(d, entry):
		step.Action, step.Drifted = Unchanged, d.Tolerated()
	case !exists:
		step.Action = Create
	case live.Deleting:
		step.Action = Blocked
		step.Reason = "it is being deleted; it is created again when it is gone"
	case d.CreateOnly:
		step.Action = planExisting(entry, live)
	case live.Holder != nil:
		step.Action, step.Reason = Refuse, live.Holder.refusal()
	case upToDate(d, entry, live):
		step.Action = Unchanged
	case d.Tolerated() && entry != nil && entry.Hash == d.Hash:
		step.Action, step.Drifted = Unchanged, true
	case entry == nil && live.ours():
		step.Action = Verify
	case live.adoptable():
		step.Action, step.Reason = Adopt, live.takenFrom()
	default:
		step.Action = Configure
	}
	if paused && slices.Contains([]Action{Create, Configure, Adopt, Verify}, step.Action) {
		step.Action, step.Reason, step.PausedUntil = Paused, pausedUntil(pause), pause.Until
	}
	return step
}

// planExisting decides on an object that is there and is only to be created. It is left as it is, whoever made it; one that is NOPEA's
// is recorded.
func planExisting(entry *v1alpha1.InventoryEntry, live Live) Action {
	if live.ours() && (entry == nil || entry.UID == "") {
		return Verify
	}
	return Unchanged
}

func pausedUntil(pause Pause) string {
	return "it is paused until " + pause.Until.UTC().Format(time.RFC3339)
}

// adoptable tells whether somebody else's marks or fields have to become NOPEA's.
func (l Live) adoptable() bool {
	return !l.ours() && (l.Inherits || len(l.Former) > 0)
}

// takenFrom says from whom an object is taken over.
func (l Live) takenFrom() string {
	if len(l.Former) == 0 {
		return "taken over"
	}
	return "taken over from " + strings.Join(l.Former, " and ")
}

// staysAway tells whether an object that was applied and is gone comes back only with another manifest.
func staysAway(d *Desired, entry *v1alpha1.InventoryEntry) bool {
	return entry != nil && entry.UID != "" && entry.Hash == d.Hash && (d.Once || d.Finishing || d.Tolerated())
}

// ours tells whether the object carries the owner's labels and NOPEA's Apply entry.
func (l Live) ours() bool {
	return l.Labelled && l.Signature != ""
}

// upToDate is true when the manifest is the one that was applied last and nobody has touched an applied field since.
func upToDate(d *Desired, entry *v1alpha1.InventoryEntry, live Live) bool {
	return entry != nil && entry.Hash == d.Hash && entry.UID == live.UID && live.ours() && live.signed(entry.Signature)
}

// signed tells whether NOPEA holds what it held when that signature was recorded, apart from what it yields.
func (l Live) signed(recorded string) bool {
	return recorded == l.Signature || l.Yielded != "" && recorded == l.Yielded
}

// planRecorded decides on an object that is gone from Git. Only what is provably NOPEA's is pruned: recorded in the inventory, with
// NOPEA's Apply entry, under the owner's labels, and the very object that was applied.
func planRecorded(id ID, entry *v1alpha1.InventoryEntry, seen Observation, options *Options) Step {
	step := Step{ID: id, Version: entry.Version, Entry: entry}
	live, exists := seen.Live[id]
	step.UID, step.ours = live.UID, live.ours()
	if annotation := options.Ignored[id]; annotation != "" && (exists || seen.Unknown[id] != nil) {
		step.Action, step.Reason = Release, fmt.Sprintf("its annotation %s in Git asks for it to be left as it is", annotation)
		return step
	}
	if err := seen.Unknown[id]; err != nil {
		step.Action, step.Err = Blocked, err
		return step
	}
	kept := live.Keep.FromPrune()
	if options.Ending {
		kept = live.Keep.FromDeletion()
	}
	pause, paused := options.paused(live)
	switch {
	case !exists || seen.Unserved[id]:
		step.Action = Forget
	case live.Deleting:
		step.Action = Forget
	case paused:
		step.Action, step.Reason, step.PausedUntil = Paused, pausedUntil(pause), pause.Until
	case !options.Prune:
		step.Action, step.Reason = Release, "spec.prune is false"
	case kept != "":
		step.Action, step.Reason = Release, kept
	case live.Signature == "":
		step.Action, step.Reason = Release, "NOPEA owns none of its fields any more"
	case live.Holder != nil:
		step.Action, step.Reason = Release, fmt.Sprintf("it is held by %s", live.Holder.Description)
	case !live.Labelled:
		step.Action, step.Reason = Release, "it no longer carries the labels of this GitRepository"
	case entry.UID != "" && entry.UID != live.UID:
		step.Action, step.Reason = Release, "somebody deleted it and created another of that name"
	default:
		step.Action = Prune
		if claim, claimed := options.Claimed[id]; claimed {
			step.Action, step.Reason = HandOver, claim
		}
	}
	return step
}

// Idle is true when there is nothing to do and nothing to say: the cluster is as Git has it, and the inventory says so.
func (p *Plan) Idle() bool {
	for i := range p.Steps {
		if p.Steps[i].Action != Unchanged {
			return false
		}
	}
	return true
}

// Of returns the steps with one of the given actions.
func (p *Plan) Of(actions ...Action) []*Step {
	var steps []*Step
	for i := range p.Steps {
		if slices.Contains(actions, p.Steps[i].Action) {
			steps = append(steps, &p.Steps[i])
		}
	}
	return steps
}
