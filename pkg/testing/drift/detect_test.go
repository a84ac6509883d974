package drift

import (
	"context"
	"errors"
	"math/rand/v2"
	"reflect"
	"sync"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
)

// detection is the search for edits that go unnoticed.
type detection struct {
	*testing.T
	tally
	complaints
	mu sync.Mutex
	// open are the fields that an edit reached, closed those that took none.
	open, closed int
	refusals     map[string]int
	// later are the edits on which a dry run decides, which sees only what was really done.
	later map[*object][]attempt
}

type attempt struct {
	edit *edit
	how  method
	// moved: the edit moves the generation.
	moved bool
}

// detect edits fields outside CustomResourceDefinitions (every one, or one in so many), and a sample within, by dry runs.
func (r *realWorld) detect(t *testing.T) {
	d := &detection{T: t, refusals: make(map[string]int), later: make(map[*object][]attempt)}
	sample := r.sampleOf(r.definitions, setting(t, "NOPEA_DRIFT_CRD_FIELDS", 30))
	share := setting(t, "NOPEA_DRIFT_SHARE", 12)
	objects := r.all()
	each(objects, func(i int, o *object) {
		chosen := oneIn(share, o.targets(), i+int(r.seed))
		if isDefinition(o) {
			chosen = sample[o]
		}
		d.editAll(t.Context(), o, i, chosen)
	})
	r.change("realworld", func(s *v1alpha1.GitRepositorySpec) { s.Suspend = true })
	each(objects, func(_ int, o *object) { d.forReal(t.Context(), o) })
	r.change("realworld", func(s *v1alpha1.GitRepositorySpec) { s.Suspend = false })
	d.tell(t)
	d.log(t, "by dry run")
	if share == 1 {
		d.complete(t)
	}
	t.Logf("of %d fields %d took an edit, and %d none: they are immutable, or no other value was found that is valid", d.open+d.closed, d.open, d.closed)
	for what, count := range d.refusals {
		t.Logf("   %4d %s", count, what)
	}
	if share == 1 && d.open < 19*d.closed {
		t.Error("fewer than 95 in 100 fields took an edit")
	}
}

// oneIn takes one in so many, from a turn on.
func oneIn[T any](share int, all []T, turn int) []T {
	var chosen []T
	for i := range all {
		if (i+turn)%share == 0 {
			chosen = append(chosen, all[i])
		}
	}
	return chosen
}

// sampleOf takes some of the targets of some objects.
func (r *realWorld) sampleOf(objects []*object, size int) map[*object][]target {
	type place struct {
		of *object
		target
	}
	var all []place
	for _, o := range objects {
		for _, t := range o.targets() {
			all = append(all, place{o, t})
		}
	}
	random := rand.New(rand.NewPCG(r.seed, 0))
	random.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	sample := make(map[*object][]target)
	for _, p := range all[:min(size, len(all))] {
		sample[p.of] = append(sample[p.of], p.target)
	}
	return sample
}

// editAll makes every edit of some targets of an object. The methods take turns.
func (d *detection) editAll(ctx context.Context, o *object, turn int, chosen []target) {
	turns := make(map[listType]map[op]int)
	for _, list := range listTypes() {
		turns[list] = make(map[op]int)
	}
	for _, t := range chosen {
		reached := false
		edits := editsOf(t)
		if isDefinition(o) { // one each: they are large, and all in one atomic list
			edits = edits[len(t.path)%len(edits):][:1]
		}
		for _, versions := range edits {
			how := versions[0].methods()
			op := versions[0].op
			turns[t.list][op]++
			what := d.try(ctx, o, versions, how[(turn+turns[t.list][op])%len(how)])
			reached = reached || what.effective()
		}
		d.count(o, t, reached)
	}
}

func (d *detection) count(o *object, t target, reached bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case !t.leaf:
	case reached:
		d.open++
	default:
		d.closed++
		what := o.id.Kind
		if !isDefinition(o) {
			what += " " + pattern(t.path)
		}
		d.refusals[what]++
	}
}

// try makes the first version of an edit that the API server takes and that changes something.
func (d *detection) try(ctx context.Context, o *object, versions []edit, how method) outcome {
	last := notTaken
	for i := range versions {
		e := &versions[i]
		after, err := o.send(ctx, e, how, true)
		if refused(err) {
			continue
		}
		if err != nil {
			d.complaints.add("%s: %s %s by %s: %v", o.id, e.op, e.path, how, err)
			return missed
		}
		if last = d.judge(o, e, how, after); last != changedNothing {
			break
		}
	}
	if last != undecided {
		d.tally.add(&versions[0], how, last)
	}
	return last
}

// judge says what NOPEA makes of what an edit made of an object.
func (d *detection) judge(o *object, e *edit, how method, after *unstructured.Unstructured) outcome {
	signs, err := o.signs(after)
	if err != nil {
		d.complaints.add("%v", err)
		return missed
	}
	at, disturbed := o.disturbed(after)
	_, was, _ := find(o.base.Object, e.path)
	_, is, _ := find(after.Object, e.path)
	changed := !reflect.DeepEqual(was, is)
	switch {
	case signs.lost && (disturbed || changed):
		return found
	case signs.lost && e.shape != items:
		return foundKept
	case signs.lost:
		d.complaints.add("%s: %s %s by %s leaves NOPEA's fields as they are, and is taken for drift", o.id, e.op, e.path, how)
		return falseAlarm
	case disturbed && (signs.moved || e.op == reorder):
		d.mu.Lock()
		defer d.mu.Unlock()
		d.later[o] = append(d.later[o], attempt{e, how, signs.moved})
		return undecided
	case disturbed:
		d.complaints.add("%s: %s %s by %s goes unnoticed: %s differs", o.id, e.op, e.path, how, at)
		return missed
	case signs.extra:
		return foundAsExtra
	case changed && !isField(e.path[0], "metadata"):
		d.complaints.add("%s: %s %s by %s is not reported as extra", o.id, e.op, e.path, how)
		return missed
	}
	return changedNothing
}

// forReal makes the edits of an object on which a dry run decides, asks for that, and puts the object back.
func (d *detection) forReal(ctx context.Context, o *object) {
	for _, a := range d.later[o] {
		what, err := d.probe(ctx, o, a)
		if err != nil {
			d.complaints.add("%s: %s %s by %s: %v", o.id, a.edit.op, a.edit.path, a.how, err)
			return
		}
		d.tally.add(a.edit, a.how, what)
	}
}

func (d *detection) probe(ctx context.Context, o *object, a attempt) (outcome, error) {
	live, err := o.send(ctx, a.edit, a.how, false)
	if err != nil {
		return missed, err
	}
	differs, err := o.probe(ctx, live)
	if err != nil {
		return missed, err
	}
	if err := o.restore(ctx); err != nil {
		return missed, err
	}
	switch {
	case !differs:
		return missed, errors.New("a dry run does not find it")
	case a.moved:
		return foundByProbe, nil
	}
	return foundSlowly, nil
}
