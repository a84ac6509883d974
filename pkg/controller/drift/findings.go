package drift

import (
	"cmp"
	"maps"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
	"nopea.io/nopea/pkg/apply"
)

// Reasons of the condition Drifted.
const (
	ReasonInSync       = "InSync"
	ReasonByPolicy     = "LeftByPolicy"
	ReasonContested    = "Contested"
	ReasonRepairFailed = "RepairFailed"
	ReasonSourceless   = "SourceUnavailable"
)

// findings are what is to be said of an owner's objects.
type findings struct {
	// current are the objects that are not as Git has them, are paused, or hold extra fields.
	current map[apply.ID]v1alpha1.DriftedObject
	// recent are those that were put back, the newest last.
	recent []v1alpha1.DriftedObject
	// repaired counts since it was last taken.
	repaired int64
	// changed since they were last handed out.
	changed bool
}

func newFindings() findings {
	return findings{current: make(map[apply.ID]v1alpha1.DriftedObject)}
}

// set notes the state of an object. The time stays while the state does.
func (f *findings) set(id apply.ID, found v1alpha1.DriftedObject) (news bool) {
	before, ok := f.current[id]
	if ok && before.State == found.State {
		found.Time = before.Time
		if slices.Equal(before.Fields, found.Fields) && before.Message == found.Message && before.Manager == found.Manager {
			return false
		}
	}
	f.current[id], f.changed = found, true
	return !ok || before.State != found.State
}

// clear forgets the state of an object, which is as it should be.
func (f *findings) clear(id apply.ID) (news bool) {
	_, news = f.current[id]
	delete(f.current, id)
	f.changed = f.changed || news
	return news
}

// putBack notes a repair. The object has no other state then.
func (f *findings) putBack(id apply.ID, found v1alpha1.DriftedObject) {
	delete(f.current, id)
	same := func(o v1alpha1.DriftedObject) bool {
		return o.Group == id.Group && o.Kind == id.Kind && o.Namespace == id.Namespace && o.Name == id.Name
	}
	f.recent = append(slices.DeleteFunc(f.recent, same), found)
	if extra := len(f.recent) - v1alpha1.MaxDriftedObjects; extra > 0 {
		f.recent = slices.Delete(f.recent, 0, extra)
	}
	f.repaired++
	f.changed = true
}

// Report is what the status of a GitRepository says of drift.
type Report struct {
	// Status to write, but for Repaired, which counts up from what the status has.
	Status v1alpha1.DriftStatus
	// Drifted is the condition.
	Drifted metav1.Condition
	// Happened is what became of objects since the last report, the oldest first; at most 200.
	Happened []v1alpha1.DriftedObject
	// Failing is how many objects could not be put back.
	Failing int
}

func (f *findings) report(unwatched []string) Report {
	var r Report
	byState := make(map[v1alpha1.DriftState][]v1alpha1.DriftedObject)
	for _, found := range f.current {
		byState[found.State] = append(byState[found.State], found)
	}
	failed, contested, left := byState[v1alpha1.DriftStateFailed], byState[v1alpha1.DriftStateContested], byState[v1alpha1.DriftStateDrifted]
	r.Status = v1alpha1.DriftStatus{
		Drifted:  int32(len(failed) + len(contested) + len(left)),
		Paused:   int32(len(byState[v1alpha1.DriftStatePaused])),
		Extra:    int32(len(byState[v1alpha1.DriftStateExtra])),
		Repaired: f.repaired, Unwatched: unwatched,
	}
	objects := append(slices.Collect(maps.Values(f.current)), f.recent...)
	slices.SortStableFunc(objects, func(a, b v1alpha1.DriftedObject) int {
		return cmp.Or(urgency(a.State)-urgency(b.State), b.Time.Compare(a.Time.Time), cmp.Compare(a.Kind, b.Kind),
			cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
	})
	r.Status.Objects = objects[:min(len(objects), v1alpha1.MaxDriftedObjects)]
	r.Drifted, r.Failing = condition(failed, contested, left), len(failed)+len(contested)
	return r
}

// urgency puts what asks for somebody before what is done.
func urgency(state v1alpha1.DriftState) int {
	return slices.Index([]v1alpha1.DriftState{
		v1alpha1.DriftStateFailed, v1alpha1.DriftStateContested, v1alpha1.DriftStateDrifted, v1alpha1.DriftStatePaused,
		v1alpha1.DriftStateExtra, v1alpha1.DriftStateRepaired,
	}, state)
}

func condition(failed, contested, left []v1alpha1.DriftedObject) metav1.Condition {
	drifted := metav1.Condition{Type: v1alpha1.ConditionDrifted, Status: metav1.ConditionTrue}
	switch {
	case len(failed) > 0:
		drifted.Reason, drifted.Message = ReasonRepairFailed, about(failed, "could not be put back")
	case len(contested) > 0:
		drifted.Reason, drifted.Message = ReasonContested, about(contested, "is written by somebody else again and again")
	case len(left) > 0:
		drifted.Reason, drifted.Message = ReasonByPolicy, about(left, "is not as Git has it and is left so")
	default:
		drifted.Status, drifted.Reason = metav1.ConditionFalse, ReasonInSync
	}
	return drifted
}

// newest of some findings.
func newest(found []v1alpha1.DriftedObject) v1alpha1.DriftedObject {
	return slices.MaxFunc(found, func(a, b v1alpha1.DriftedObject) int {
		return cmp.Or(a.Time.Compare(b.Time.Time), cmp.Compare(b.Name, a.Name))
	})
}

// reportEvery bounds how often the status of one GitRepository is written for drift.
const reportEvery = 5 * time.Second
