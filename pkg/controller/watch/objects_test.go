package watch_test

import (
	"context"
	"fmt"
	"sync"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"nopea.io/nopea/pkg/controller/watch"
	"nopea.io/nopea/pkg/ownership"
)

// TestObjects lives through what may happen to objects: NOPEA's are seen, others are not.
func TestObjects(t *testing.T) {
	t.Parallel()
	w := begin(t, administrator, configMaps, autoscalers)
	first := w.apply(configMaps, "before", data("1"))
	w.synced(configMaps, autoscalers)
	w.holds(configMaps, first)

	w.kubectl(`{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"foreign","namespace":"` + w.namespace + `"}}`)
	applied := w.apply(configMaps, "after", data("1"))
	facts := w.holds(configMaps, applied)
	want, err := ownership.Signature(applied.ManagedFields)
	if err != nil || facts.Signature != want || want == (ownership.Digest{}) || facts.Namespace != "team" || facts.Repository != "shop" {
		t.Errorf("%+v, want signature %s; %v", facts, want, err)
	}
	w.lacks(configMaps, "foreign")

	edited := w.holds(configMaps, w.edit(configMaps, "after", `{"data":{"a":"2","b":"3"}}`))
	if edited.Signature == facts.Signature || edited.Extra == (ownership.Digest{}) {
		t.Errorf("an edit: %+v", edited)
	}
	w.edit(configMaps, "after", `{"metadata":{"labels":{"nopea.io/repository":null}}}`)
	w.lacks(configMaps, "after")
	w.holds(configMaps, w.apply(configMaps, "after", data("1")))
	w.remove(configMaps, "after")
	w.lacks(configMaps, "after")
	again := w.holds(configMaps, w.apply(configMaps, "after", data("1")))
	if again.UID == facts.UID {
		t.Error("the object made again is the old one")
	}
	held := must(w.client(configMaps).Patch(context.Background(), "after", types.MergePatchType, []byte(`{"metadata":{"finalizers":["example.com/x"]}}`), metav1.PatchOptions{}))(t)
	w.holds(configMaps, held)
	w.remove(configMaps, "after")
	w.eventually("it is being deleted", func() bool {
		facts, ok := w.Facts(w.id(configMaps, "after"))
		return ok && facts.Deleting
	})
	w.edit(configMaps, "after", `{"metadata":{"finalizers":null}}`)
	w.lacks(configMaps, "after")

	var steps []string
	for _, c := range w.reported("after") {
		steps = append(steps, fmt.Sprintf("%t>%t", c.existed, c.exists))
		if c.labels == nil {
			t.Errorf("a report without the object: %+v", c)
		}
	}
	if got, want := fmt.Sprint(steps), "[false>true true>true true>false false>true true>false false>true true>true true>true true>false]"; got != want {
		t.Errorf("reported %s, want %s", got, want)
	}
}

// TestOwnWrites: events that were under way when NOPEA wrote come late, and are not reported.
func TestOwnWrites(t *testing.T) {
	t.Parallel()
	w := begin(t, administrator, configMaps)
	w.synced(configMaps)
	for _, name := range []string{"written", "deleted", "gate"} {
		w.holds(configMaps, w.apply(configMaps, name, data("1")))
	}
	open := w.close()
	defer open()
	w.edit(configMaps, "gate", `{"data":{"a":"2"}}`)
	w.eventually("the handler blocks", func() bool { return len(w.reported("gate")) == 2 })

	w.edit(configMaps, "written", `{"data":{"a":"2"}}`)
	w.Saw(configMaps, w.apply(configMaps, "written", data("1")))
	uid := w.edit(configMaps, "deleted", `{"data":{"a":"2"}}`).UID
	w.remove(configMaps, "deleted")
	w.Gone(w.id(configMaps, "deleted"), uid)
	created := w.apply(configMaps, "created", data("1"))
	w.Saw(configMaps, created)
	if facts, ok := w.Facts(w.id(configMaps, "created")); !ok || facts.ResourceVersion != created.ResourceVersion {
		t.Errorf("what was written is not held at once: %+v", facts)
	}
	last := w.edit(configMaps, "gate", `{"data":{"a":"3"}}`)
	open()
	w.holds(configMaps, last)
	for name, want := range map[string]int{"written": 1, "deleted": 1, "created": 0} {
		if got := w.reported(name); len(got) != want {
			t.Errorf("%s: reported %+v", name, got)
		}
	}
	w.lacks(configMaps, "deleted")
	w.holds(configMaps, w.edit(configMaps, "created", `{"data":{"a":"2"}}`))
	if got := w.reported("created"); len(got) != 1 || !got[0].existed || got[0].before.ResourceVersion != created.ResourceVersion {
		t.Errorf("someone else's edit: reported %+v", got)
	}
}

// TestList reads from the API server, page by page, and agrees with what events told.
func TestList(t *testing.T) {
	t.Parallel()
	const objects = 520 // two pages
	w := begin(t, administrator, configMaps)
	w.synced(configMaps)
	var wg sync.WaitGroup
	next := make(chan string)
	for range 20 {
		wg.Go(func() {
			for name := range next {
				if _, err := w.tryApply(configMaps, name, nil); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for i := range objects {
		next <- fmt.Sprintf("c%d", i)
	}
	close(next)
	wg.Wait()
	w.eventually("all are held", func() bool {
		n := 0
		for id := range w.Each() {
			if id.Namespace == w.namespace {
				n++
			}
		}
		return n == objects
	})
	if w.Len() < objects {
		t.Errorf("%d objects are held", w.Len())
	}
	listed := 0
	for object, err := range w.List(t.Context(), kindOf(configMaps)) {
		if err != nil {
			t.Fatal(err)
		}
		if object.ID.Namespace != w.namespace {
			continue
		}
		listed++
		if facts, ok := w.Facts(object.ID); !ok || facts != object.Facts {
			t.Errorf("%s: %+v in the list, %+v in the store", object.ID, object.Facts, facts)
		}
	}
	if listed != objects {
		t.Errorf("%d objects in the list", listed)
	}
	for object, err := range w.List(t.Context(), kindOf(secrets)) {
		if err == nil {
			t.Errorf("%v of a kind that is not watched", object)
		}
	}
}

// TestWant: kinds come and go.
func TestWant(t *testing.T) {
	t.Parallel()
	w := begin(t, administrator, configMaps)
	w.synced(configMaps)
	w.holds(configMaps, w.apply(configMaps, "a", data("1")))
	if w.Synced(kindOf(secrets)) {
		t.Error("a kind that is not wanted is synced")
	}
	w.Want(t.Context(), wanted(secrets))
	if err := w.WaitFor(t.Context(), kinds(configMaps, secrets)); err != nil || !w.Synced(kindOf(secrets)) {
		t.Errorf("the new kind is not synced: %v", err)
	}
	if _, ok := w.Facts(w.id(configMaps, "a")); ok || w.Synced(kindOf(configMaps)) {
		t.Error("the old kind is still held")
	}
	changed := w.edit(configMaps, "a", `{"data":{"a":"2"}}`)
	w.Saw(configMaps, changed)
	w.Want(t.Context(), wanted(configMaps, secrets))
	w.holds(configMaps, changed)
	for _, c := range w.reported("a") {
		if c.existed {
			t.Errorf("forgetting was reported, or held on to: %+v", c)
		}
	}
	w.Want(t.Context(), nil)
	if n := w.Len(); n != 0 {
		t.Errorf("%d objects are held of no kinds", n)
	}
}

var _ watch.Handler = (*world)(nil)
