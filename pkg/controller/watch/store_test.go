package watch

import (
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
	"nopea.io/nopea/pkg/apply"
	"nopea.io/nopea/pkg/ownership"
)

// told writes down what is reported: "name: before -> after", with uid@version on each side.
type told []string

func (h *told) Changed(id apply.ID, before, after ownership.Facts, existed, exists bool, _ *metav1.PartialObjectMetadata) {
	side := func(facts ownership.Facts, there bool) string {
		if !there {
			return "none"
		}
		return string(facts.UID) + "@" + facts.ResourceVersion
	}
	*h = append(*h, id.Name+": "+side(before, existed)+" -> "+side(after, exists))
}

func labelled(name, uid, version string) *metav1.PartialObjectMetadata {
	return &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name, UID: types.UID(uid), ResourceVersion: version,
		Labels: map[string]string{v1alpha1.LabelRepository: "web", v1alpha1.LabelNamespace: "team"}}}
}

// bench drives a store through its sink, as a Reflector does.
type bench struct {
	t *testing.T
	*sink
	told told
}

func newBench(t *testing.T) *bench {
	b := &bench{t: t}
	b.sink = &sink{store: newStore(schema.GroupKind{Kind: "ConfigMap"}, &b.told), synced: func() {}}
	return b
}

func (b *bench) event(do func(any) error, object *metav1.PartialObjectMetadata) {
	b.t.Helper()
	if err := do(object); err != nil {
		b.t.Fatal(err)
	}
	b.UpdateResourceVersion(object.ResourceVersion)
}

// list hands over a whole list; streamed, through Transformer.
func (b *bench) list(streamed bool, version string, objects ...*metav1.PartialObjectMetadata) {
	b.t.Helper()
	var items []any
	for _, object := range objects {
		item := any(object)
		if streamed {
			var err error
			if item, err = b.Transformer()(object); err != nil {
				b.t.Fatal(err)
			}
		}
		items = append(items, item)
	}
	if err := b.Replace(items, version); err != nil {
		b.t.Fatal(err)
	}
}

// expect compares what was reported since the last time.
func (b *bench) expect(want ...string) {
	b.t.Helper()
	got := slices.Sorted(slices.Values(b.told))
	if !slices.Equal(got, want) {
		b.t.Errorf("reported %q, want %q", got, want)
	}
	b.told = nil
}

func (b *bench) holds(want ...string) {
	b.t.Helper()
	var got []string
	for id, facts := range b.store.all() {
		got = append(got, id.Name+" "+string(facts.UID)+"@"+facts.ResourceVersion)
	}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		b.t.Errorf("holds %q, want %q", got, want)
	}
}

func TestStoreEvents(t *testing.T) {
	b := newBench(t)
	b.event(b.Add, labelled("a", "1", "10"))
	b.event(b.Update, labelled("a", "1", "11"))
	b.event(b.Update, labelled("a", "1", "9")) // late
	b.event(b.Update, labelled("a", "1", "11"))
	b.expect("a: 1@10 -> 1@11", "a: none -> 1@10")
	b.event(b.Delete, labelled("a", "1", "12"))
	b.event(b.Delete, labelled("a", "1", "12"))
	b.expect("a: 1@11 -> none")
	b.event(b.Add, labelled("a", "2", "13"))
	b.event(b.Delete, labelled("a", "1", "12")) // late
	b.expect("a: none -> 2@13")
	b.holds("a 2@13")
	for _, do := range []func(any) error{b.Add, b.Update, b.Delete} {
		if err := do("nonsense"); err == nil {
			t.Error("took what is no metadata")
		}
	}
}

func TestStoreOwnWrites(t *testing.T) {
	b := newBench(t)
	b.event(b.Add, labelled("a", "1", "10"))
	b.told = nil
	b.store.wrote(labelled("a", "1", "12"))
	b.store.wrote(labelled("a", "1", "11")) // answers may be late, too
	b.holds("a 1@12")
	b.event(b.Update, labelled("a", "1", "11"))
	b.event(b.Update, labelled("a", "1", "12"))
	b.expect()
	b.event(b.Update, labelled("a", "1", "13"))
	b.expect("a: 1@12 -> 1@13")

	b.store.wrote(labelled("new", "5", "20"))
	b.event(b.Delete, labelled("new", "4", "19")) // the end of the one before it
	b.expect()
	b.holds("a 1@13", "new 5@20")
}

func TestStoreOwnDeletes(t *testing.T) {
	b := newBench(t)
	b.event(b.Add, labelled("a", "1", "10"))
	b.told = nil
	b.store.deletedByUs(key{"shop", "a"}, "another")
	b.holds("a 1@10")
	b.store.deletedByUs(key{"shop", "a"}, "1")
	b.event(b.Update, labelled("a", "1", "11")) // late
	b.holds()
	b.event(b.Delete, labelled("a", "1", "12"))
	b.expect()
	if len(b.store.deleted) != 0 {
		t.Errorf("still remembers %v", b.store.deleted)
	}
	b.event(b.Add, labelled("a", "2", "13"))
	b.expect("a: none -> 2@13")
	b.store.deletedByUs(key{"shop", "gone"}, "7")
	if len(b.store.deleted) != 0 {
		t.Errorf("remembers what it never held: %v", b.store.deleted)
	}

	// A new object of the same name is not the deleted one, whether an event or the answer to a write comes first.
	b.store.deletedByUs(key{"shop", "a"}, "2")
	b.store.wrote(labelled("a", "3", "15"))
	b.holds("a 3@15")

	// NOPEA takes its label off: the object is nothing to it any more.
	unlabelled := labelled("a", "3", "16")
	unlabelled.Labels = nil
	b.store.wrote(unlabelled)
	b.holds()
	b.told = nil
	b.event(b.Delete, labelled("a", "3", "16"))
	b.expect()
}

func TestStoreLists(t *testing.T) {
	for _, streamed := range []bool{false, true} {
		t.Run(fmt.Sprintf("streamed %t", streamed), func(t *testing.T) {
			b := newBench(t)
			b.list(streamed, "10", labelled("a", "1", "5"), labelled("b", "2", "6"), labelled("c", "3", "7"))
			b.expect("a: none -> 1@5", "b: none -> 2@6", "c: none -> 3@7")
			b.store.wrote(labelled("own", "4", "30"))
			b.store.wrote(labelled("b", "2", "31"))
			b.list(streamed, "20", labelled("a", "1", "5"), labelled("b", "2", "15"), labelled("d", "5", "16"))
			b.expect("c: 3@7 -> none", "d: none -> 5@16")
			b.holds("a 1@5", "b 2@31", "d 5@16", "own 4@30")

			// What NOPEA deleted after the list was made.
			b.store.deletedByUs(key{"shop", "a"}, "1")
			b.list(streamed, "25", labelled("a", "1", "5"), labelled("b", "2", "15"), labelled("d", "5", "16"))
			b.expect()
			b.holds("b 2@31", "d 5@16", "own 4@30")
			b.list(streamed, "40", labelled("b", "2", "31"), labelled("own", "4", "30"))
			b.expect("d: 5@16 -> none")
			if len(b.store.deleted) != 0 {
				t.Errorf("still remembers %v", b.store.deleted)
			}
		})
	}
}

// TestStoreSetBack: etcd was restored from a backup, and resource versions begin again in the past.
func TestStoreSetBack(t *testing.T) {
	for _, streamed := range []bool{false, true} {
		b := newBench(t)
		b.list(streamed, "100", labelled("a", "1", "90"), labelled("b", "2", "91"), labelled("c", "3", "20"))
		b.told = nil
		b.list(streamed, "50", labelled("a", "1", "40"), labelled("c", "3", "20"))
		b.expect("a: 1@90 -> 1@40", "b: 2@91 -> none")
		b.event(b.Update, labelled("a", "1", "51"))
		b.expect("a: 1@40 -> 1@51")
	}
}

func TestStoreVersionsThatDoNotCompare(t *testing.T) {
	b := newBench(t)
	b.list(false, "x9", labelled("a", "1", "x5"), labelled("b", "2", "x6"))
	b.told = nil
	b.event(b.Update, labelled("a", "1", "x10"))
	b.event(b.Delete, labelled("b", "2", "x11"))
	b.expect("a: 1@x5 -> 1@x10", "b: 2@x6 -> none")
	b.list(false, "x12")
	b.expect("a: 1@x10 -> none")
}

func TestStoreClosed(t *testing.T) {
	b := newBench(t)
	b.event(b.Add, labelled("a", "1", "10"))
	b.told = nil
	b.store.close()
	b.event(b.Add, labelled("b", "2", "11"))
	b.store.wrote(labelled("c", "3", "12"))
	b.list(true, "20", labelled("d", "4", "13"))
	b.expect()
	b.holds()
}

func TestNames(t *testing.T) {
	n := names{}
	for i := range 3 * maxNames {
		if got, want := n.shared(fmt.Sprint(i)), fmt.Sprint(i); got != want {
			t.Fatalf("%s became %s", want, got)
		}
	}
	if len(n) > maxNames {
		t.Errorf("remembers %d names", len(n))
	}
}

type silent struct{}

func (silent) Changed(apply.ID, ownership.Facts, ownership.Facts, bool, bool, *metav1.PartialObjectMetadata) {
}

// heap is how many bytes are live.
func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}

// TestMemory: what is kept of an object stays small, whatever the object's metadata is like.
func TestMemory(t *testing.T) {
	const objects, limit = 10_000, 700
	s := newStore(schema.GroupKind{Group: "apps", Kind: "Deployment"}, silent{})
	fields := `{"f:spec":{"f:template":{"f:spec":{"f:containers":{"k:{\"name\":\"web\"}":{".":{},"f:image":{},"f:name":{}}}}}}}`
	before := heap()
	for i := range objects {
		object := labelled(fmt.Sprintf("deployment-%06d", i), fmt.Sprintf("0b5c4ea6-3d3c-4a6f-9c1d-%012d", i), fmt.Sprint(1_000_000+i))
		object.Namespace = strings.Clone("namespace-" + fmt.Sprint(i%100))
		object.Labels = map[string]string{v1alpha1.LabelRepository: strings.Clone("repository-" + fmt.Sprint(i%100)), v1alpha1.LabelNamespace: strings.Clone(object.Namespace)}
		object.Annotations = map[string]string{"example.com/long": strings.Repeat("x", 4096)}
		object.ManagedFields = []metav1.ManagedFieldsEntry{{Manager: "nopea", Operation: metav1.ManagedFieldsOperationApply, FieldsV1: metav1.NewFieldsV1(fields)}}
		s.observe(s.read(object), false)
	}
	held := heap() - before
	t.Logf("%d bytes an object", held/objects)
	if held/objects > limit {
		t.Errorf("more than %d", limit)
	}
	if s.size() != objects || len(maps.Collect(s.all())) != objects {
		t.Errorf("holds %d", s.size())
	}
}
