package drift

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"nopea.io/nopea/pkg/ownership"
)

const (
	// perObject is how many edits an object gets at most: it is put back at once 20 times in a row, and more slowly after that.
	perObject = 16
	// manyRepairs are worth waiting for.
	manyRepairs = 500
	// perDefinition is how many a CustomResourceDefinition gets: meanwhile nothing of its kind can be relied on.
	perDefinition = 2
)

// repairs makes edits for real, while NOPEA runs.
type repairs struct {
	*testing.T
	tally
	complaints
	slowest slowest
	// patient: edits are made that only a dry run shows, of which an object has one in a minute.
	patient bool
}

// repair makes a sample of edits for real, and waits until NOPEA has put each back. What NOPEA does not own has to stay.
func (r *realWorld) repair(t *testing.T) {
	wanted := setting(t, "NOPEA_DRIFT_REPAIRS", 120)
	s := &repairs{T: t, patient: wanted >= manyRepairs}
	before := make(map[*object]*unstructured.Unstructured)
	for _, o := range r.others {
		if err := o.mark(t.Context()); err != nil {
			t.Fatalf("%s: %v", o.id, err)
		}
		before[o] = o.base
	}
	each(r.others, func(i int, o *object) {
		share := wanted*(i+1)/len(r.others) - wanted*i/len(r.others)
		random := rand.New(rand.NewPCG(r.seed, uint64(i)))
		s.editAll(t.Context(), o, i, random, min(share, perObject))
	})
	for _, o := range r.others {
		if err := o.kept(before[o]); err != nil {
			s.complaints.add("%s: %v", o.id, err)
		}
	}
	for i, o := range r.definitions { // one after the other, and not beside their objects
		s.editAll(t.Context(), o, i, rand.New(rand.NewPCG(r.seed, uint64(i))), perDefinition)
	}
	deleted := s.deleteOneOfEach(t.Context(), r.others)
	s.tell(t)
	s.log(t, "put back for real")
	if s.patient {
		s.complete(t)
	}
	t.Logf("besides, an object of each of %d kinds was deleted, and came back; the slowest repair took %s", deleted, s.slowest.get())
	if made := s.sum(effective); made < min(wanted, perObject*len(r.others))*9/10 {
		t.Errorf("only %d edits took effect, of %d wanted", made, wanted)
	}
}

// mark leaves on the object what is others' to keep.
func (o *object) mark(ctx context.Context) error {
	patch := fmt.Sprintf(`{"metadata":{"labels":{%q:"blue"},"annotations":{%q:"blue"}}}`, foreignLabel, foreignAnnotation)
	body := func() ([]byte, error) { return []byte(patch), nil }
	if _, err := o.patch(ctx, types.MergePatchType, metav1.PatchOptions{FieldManager: "somebody"}, body); err != nil {
		return err
	}
	if _, err := o.addSidecar(ctx, metav1.PatchOptions{FieldManager: "sidecar-injector"}); err != nil {
		return err
	}
	if o.id.Group == "monitoring.coreos.com" {
		if _, err := o.patch(ctx, types.MergePatchType, metav1.PatchOptions{FieldManager: "its-controller"}, statusPatch(o.id.Kind), "status"); err != nil {
			return err
		}
	}
	return o.refresh(ctx)
}

// kept fails where something was taken away that is not NOPEA's.
func (o *object) kept(before *unstructured.Unstructured) error {
	if o.base.GetLabels()[foreignLabel] != "blue" || o.base.GetAnnotations()[foreignAnnotation] != "blue" {
		return errors.New("another's label or annotation is gone")
	}
	if o.id.Group == "monitoring.coreos.com" && !reflect.DeepEqual(o.base.Object["status"], before.Object["status"]) {
		return fmt.Errorf("the status was %v and is %v", before.Object["status"], o.base.Object["status"])
	}
	containers, ok, _ := unstructured.NestedSlice(o.base.Object, "spec", "template", "spec", "containers")
	for _, container := range containers {
		if fields, _ := container.(map[string]any); fields["name"] == "sidecar" {
			return nil
		}
	}
	if ok {
		return errors.New("another's sidecar is gone")
	}
	return nil
}

// editAll makes some edits of an object one after the other, each once the one before was undone. One that only a dry run shows comes
// first, since an object has no more than one in a minute.
func (s *repairs) editAll(ctx context.Context, o *object, turn int, random *rand.Rand, count int) {
	var all, reorders [][]edit
	for _, t := range o.targets() {
		for _, versions := range editsOf(t) {
			switch e := versions[0]; {
			case e.op == reorder && e.shape == items:
				if s.patient && o.facts.Generation != 0 {
					reorders = append(reorders, versions)
				}
			case e.op == add && e.shape == items: // is no drift
			default:
				all = append(all, versions)
			}
		}
	}
	random.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	if len(reorders) > 0 {
		all = append([][]edit{reorders[random.IntN(len(reorders))]}, all...)
	}
	made := 0
	for i, versions := range all {
		if made == count {
			return
		}
		how := versions[0].methods()[(turn+i)%len(versions[0].methods())]
		if s.try(ctx, o, versions, how) {
			made++
		}
	}
}

// try makes the first version of an edit for real that takes effect, and waits for its repair.
func (s *repairs) try(ctx context.Context, o *object, versions []edit, how method) bool {
	for i := range versions {
		e := &versions[i]
		if rehearsed, err := o.send(ctx, e, how, true); err != nil || !o.harmed(rehearsed) {
			continue
		}
		was := *o
		after, err := o.send(ctx, e, how, false)
		if err != nil || !was.harmed(after) {
			continue
		}
		began := time.Now()
		if err := waitFor(patience, func(ctx context.Context) error { return o.likeBefore(ctx, &was) }); err != nil {
			s.complaints.add("%s: %s %s by %s is not put back: %v", o.id, e.op, e.path, how, err)
			return true
		}
		s.slowest.add(time.Since(began), fmt.Sprintf("%s: %s %s by %s", o.id, e.op, e.path, how))
		s.tally.add(e, how, found)
		return true
	}
	return false
}

// harmed tells whether an object is to be put back.
func (o *object) harmed(now *unstructured.Unstructured) bool {
	signs, err := o.signs(now)
	_, differs := o.disturbed(now)
	return err != nil || signs.lost || differs
}

// likeBefore reads the object, and fails until NOPEA holds again all that it held, with the same values.
func (o *object) likeBefore(ctx context.Context, was *object) error {
	if err := o.refresh(ctx); err != nil {
		return err
	}
	if !o.own.Equals(was.own) {
		return fmt.Errorf("NOPEA does not hold %s", was.own.Difference(o.own))
	}
	if path, differs := disturbed(was.own, was.base.Object, o.base.Object, nil); differs {
		return fmt.Errorf("%s differs", ownership.Name(path))
	}
	return nil
}

// deleteOneOfEach deletes an object of each kind, and waits until it is back. A Namespace would take everything along.
func (s *repairs) deleteOneOfEach(ctx context.Context, objects []*object) int {
	one := make(map[schema.GroupKind]*object)
	for _, o := range objects {
		if o.id.Kind != "Namespace" {
			one[o.id.GroupKind()] = o
		}
	}
	var chosen []*object
	for o := range maps.Values(one) {
		chosen = append(chosen, o)
	}
	each(chosen, func(_ int, o *object) {
		was := *o
		if err := o.client.Delete(ctx, o.id.Name, metav1.DeleteOptions{}); err != nil && !apierrors.IsNotFound(err) {
			s.complaints.add("%s: %v", o.id, err)
			return
		}
		err := waitFor(patience, func(ctx context.Context) error {
			err := o.likeBefore(ctx, &was)
			if err == nil && o.base.GetUID() == was.base.GetUID() {
				err = errors.New("it is still being deleted")
			}
			return err
		})
		if err != nil {
			s.complaints.add("%s: it was deleted, and is not back: %v", o.id, err)
		}
	})
	return len(chosen)
}
