package apply

import (
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
)

// Desired is one object that Git holds, as it is to be applied.
type Desired struct {
	ID     ID
	Object *unstructured.Unstructured
	// Hash of Object.
	Hash string
	// File and Document say where it is written.
	File     string
	Document int
}

// Live is what the API server says of an object, from its metadata alone.
type Live struct {
	UID types.UID
	// Signature of NOPEA's ownership; empty when NOPEA applied nothing to it.
	Signature string
	// Labelled with the owner's labels.
	Labelled bool
	// Deleting: it has a deletionTimestamp.
	Deleting bool
	// Holder is who else manages it, if anyone.
	Holder *Holder
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
	// Verify is for what is there and NOPEA's, by its Apply entry, and not recorded: a dry run tells whether it is as Git has it.
	Verify
	// Prune is for what is recorded, NOPEA's, and gone from Git.
	Prune
	// Release is for what is recorded and gone from Git, but not NOPEA's to delete (any more).
	Release
	// Forget is for what is recorded, gone from Git and from the cluster.
	Forget
	// Refuse is for what another owner holds.
	Refuse
	// Blocked is for what nothing can be done about now; Reason says why.
	Blocked
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
	// Reason of a Release, a Refuse or a Blocked, for the user.
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
}

// Options of a plan.
type Options struct {
	// Prune what is gone from Git. Otherwise it is released.
	Prune bool
}

// NewPlan decides, for every object that Git or the inventory holds, what is to be done. It is pure: the dry run, the diff and the
// run itself all come from here.
func NewPlan(desired []Desired, inventory *Inventory, seen Observation, options Options) Plan {
	var plan Plan
	wanted := make(map[ID]bool, len(desired))
	for i := range desired {
		d := &desired[i]
		wanted[d.ID] = true
		plan.Steps = append(plan.Steps, planDesired(d, inventory.Entry(d.ID), seen))
	}
	var prune []ID
	for id, entry := range inventory.All() {
		if wanted[id] {
			continue
		}
		step := planRecorded(id, entry, seen, options)
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

func planDesired(d *Desired, entry *v1alpha1.InventoryEntry, seen Observation) Step {
	step := Step{ID: d.ID, Version: d.Object.GroupVersionKind().Version, Desired: d, Entry: entry}
	if err := seen.Unknown[d.ID]; err != nil {
		step.Action, step.Err = Blocked, err
		return step
	}
	live, exists := seen.Live[d.ID]
	step.UID, step.Signature = live.UID, live.Signature
	switch {
	case !exists:
		step.Action = Create
	case live.Deleting:
		step.Action = Blocked
		step.Reason = "it is being deleted; it is created again when it is gone"
	case live.Holder != nil:
		step.Action = Refuse
		step.Reason = fmt.Sprintf("it is held by %s", live.Holder.Description)
	case upToDate(d, entry, live):
		step.Action = Unchanged
	case entry == nil && live.ours():
		step.Action = Verify
	default:
		step.Action = Configure
	}
	return step
}

// ours tells whether the object carries the owner's labels and NOPEA's Apply entry.
func (l Live) ours() bool {
	return l.Labelled && l.Signature != ""
}

// upToDate is true when the manifest is the one that was applied last and nobody has touched an applied field since.
func upToDate(d *Desired, entry *v1alpha1.InventoryEntry, live Live) bool {
	return entry != nil && entry.Hash == d.Hash && entry.UID == live.UID && live.ours() && entry.Signature == live.Signature
}

// planRecorded decides on an object that is gone from Git. Only what is provably NOPEA's is pruned: recorded in the inventory, with
// NOPEA's Apply entry, under the owner's labels, and the very object that was applied.
func planRecorded(id ID, entry *v1alpha1.InventoryEntry, seen Observation, options Options) Step {
	step := Step{ID: id, Version: entry.Version, Entry: entry}
	if err := seen.Unknown[id]; err != nil {
		step.Action, step.Err = Blocked, err
		return step
	}
	live, exists := seen.Live[id]
	step.UID = live.UID
	switch {
	case !exists || seen.Unserved[id]:
		step.Action = Forget
	case live.Deleting:
		step.Action = Forget
	case !options.Prune:
		step.Action, step.Reason = Release, "spec.prune is false"
	case live.Signature == "":
		step.Action, step.Reason = Release, "NOPEA owns none of its fields any more"
	case !live.Labelled:
		step.Action, step.Reason = Release, "it no longer carries the labels of this GitRepository"
	case live.Holder != nil:
		step.Action, step.Reason = Release, fmt.Sprintf("it is held by %s", live.Holder.Description)
	case entry.UID != "" && entry.UID != live.UID:
		step.Action, step.Reason = Release, "somebody deleted it and created another of that name"
	default:
		step.Action = Prune
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
