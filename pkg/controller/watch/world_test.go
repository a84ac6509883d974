package watch_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
	"nopea.io/nopea/pkg/apply"
	"nopea.io/nopea/pkg/controller/watch"
	"nopea.io/nopea/pkg/ownership"
)

var (
	configMaps = resource("", "v1", "configmaps", "ConfigMap")
	secrets    = resource("", "v1", "secrets", "Secret")
	// Served in two versions, so that discovery is asked which of them is stored.
	autoscalers = resource("autoscaling", "v1", "horizontalpodautoscalers", "HorizontalPodAutoscaler")
)

func resource(group, version, plural, kind string) watch.Resource {
	return watch.Resource{GroupVersionResource: schema.GroupVersionResource{Group: group, Version: version, Resource: plural}, Kind: kind, Namespaced: true}
}

func kindOf(r watch.Resource) schema.GroupKind {
	return schema.GroupKind{Group: r.Group, Kind: r.Kind}
}

func wanted(resources ...watch.Resource) map[schema.GroupKind]watch.Resource {
	all := make(map[schema.GroupKind]watch.Resource)
	for _, r := range resources {
		all[kindOf(r)] = r
	}
	return all
}

// change is one call of the handler.
type change struct {
	id              apply.ID
	before, after   ownership.Facts
	existed, exists bool
	labels          map[string]string // of the object that came with it
}

// world is a Watcher on the cluster, a namespace for its test, and what the Watcher reported of that namespace.
type world struct {
	*testing.T
	*watch.Watcher
	admin     metadata.Interface
	namespace string

	mu      sync.Mutex
	changes []change
	gate    chan struct{} // while it is set and open, the handler blocks
}

func (w *world) Changed(id apply.ID, before, after ownership.Facts, existed, exists bool, object *metav1.PartialObjectMetadata) {
	w.mu.Lock()
	gate := w.gate
	if id.Namespace == w.namespace {
		c := change{id: id, before: before, after: after, existed: existed, exists: exists}
		if object != nil {
			c.labels = object.Labels
		}
		w.changes = append(w.changes, c)
	}
	w.mu.Unlock()
	if gate != nil {
		<-gate
	}
}

// close makes the handler block from its next call on; what it returns lets it go on.
func (w *world) close() (open func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	gate := make(chan struct{})
	w.gate = gate
	return sync.OnceFunc(func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.gate = nil
		close(gate)
	})
}

// reported are the changes of an object so far.
func (w *world) reported(name string) []change {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(w.changes), func(c change) bool { return c.id.Name != name })
}

// begin runs a Watcher as long as the test lasts, as the administrator unless it is told otherwise.
func begin(t *testing.T, as func(*rest.Config), resources ...watch.Resource) *world {
	t.Helper()
	config := must(cluster.Config())(t)
	w := &world{T: t, admin: must(metadata.NewForConfig(config))(t), namespace: strings.ToLower(t.Name())}
	w.kubectl(`{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"` + w.namespace + `"}}`)
	watching := rest.CopyConfig(config)
	as(watching)
	discover := must(discovery.NewDiscoveryClientForConfig(watching))(t)
	w.Watcher = watch.New(must(metadata.NewForConfig(watching))(t), discover, w, clock.RealClock{})
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { w.Watcher.Run(ctx) })
	t.Cleanup(func() {
		cancel()
		wg.Wait()
	})
	w.Want(t.Context(), wanted(resources...))
	return w
}

func administrator(*rest.Config) {}

func must[V any](value V, err error) func(testing.TB) V {
	return func(t testing.TB) V {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}

func (w *world) kubectl(manifest string, args ...string) {
	w.Helper()
	if len(args) == 0 {
		args = []string{"apply", "-f", "-"}
	}
	if _, err := cluster.Kubectl(context.Background(), strings.NewReader(manifest), args...); err != nil {
		w.Fatal(err)
	}
}

// eventually waits until the condition holds.
func (w *world) eventually(what string, holds func() bool) {
	w.Helper()
	err := wait.PollUntilContextTimeout(w.Context(), 5*time.Millisecond, 20*time.Second, true, func(context.Context) (bool, error) { return holds(), nil })
	if err != nil {
		w.Fatalf("not so: %s; reported: %+v; blind: %v", what, w.changes, w.Blind())
	}
}

func (w *world) synced(resources ...watch.Resource) {
	w.Helper()
	for _, r := range resources {
		w.eventually(r.Kind+" is synced", func() bool { return w.Synced(kindOf(r)) })
	}
}

func (w *world) id(r watch.Resource, name string) apply.ID {
	return apply.ID{Group: r.Group, Kind: r.Kind, Namespace: w.namespace, Name: name}
}

// apply is a server-side apply as NOPEA does it.
func (w *world) apply(r watch.Resource, name string, fields map[string]any) *metav1.PartialObjectMetadata {
	w.Helper()
	return must(w.tryApply(r, name, fields))(w)
}

func (w *world) tryApply(r watch.Resource, name string, fields map[string]any) (*metav1.PartialObjectMetadata, error) {
	content := map[string]any{"apiVersion": r.GroupVersion().String(), "kind": r.Kind, "metadata": map[string]any{
		"name": name, "labels": map[string]any{v1alpha1.LabelRepository: "shop", v1alpha1.LabelNamespace: "team"}}}
	maps.Copy(content, fields)
	body, err := json.Marshal(content)
	if err != nil {
		return nil, err
	}
	options := metav1.PatchOptions{FieldManager: v1alpha1.FieldManager, Force: new(true)}
	return w.client(r).Patch(context.Background(), name, types.ApplyPatchType, body, options)
}

func (w *world) client(r watch.Resource) metadata.ResourceInterface {
	return w.admin.Resource(r.GroupVersionResource).Namespace(w.namespace)
}

// edit is a change by someone else.
func (w *world) edit(r watch.Resource, name, patch string) *metav1.PartialObjectMetadata {
	w.Helper()
	return must(w.tryEdit(r, name, patch))(w)
}

func (w *world) tryEdit(r watch.Resource, name, patch string) (*metav1.PartialObjectMetadata, error) {
	return w.client(r).Patch(context.Background(), name, types.MergePatchType, []byte(patch), metav1.PatchOptions{FieldManager: "vim"})
}

func (w *world) remove(r watch.Resource, name string) {
	w.Helper()
	if err := w.client(r).Delete(context.Background(), name, metav1.DeleteOptions{}); err != nil {
		w.Fatal(err)
	}
}

// holds waits until the facts of an object are those of a version of it.
func (w *world) holds(r watch.Resource, object *metav1.PartialObjectMetadata) ownership.Facts {
	w.Helper()
	var facts ownership.Facts
	w.eventually(fmt.Sprintf("%s is held as of %s", object.Name, object.ResourceVersion), func() bool {
		var ok bool
		facts, ok = w.Facts(w.id(r, object.Name))
		return ok && facts.ResourceVersion == object.ResourceVersion && facts.UID == object.UID
	})
	return facts
}

func (w *world) lacks(r watch.Resource, name string) {
	w.Helper()
	w.eventually(name+" is not held", func() bool {
		_, ok := w.Facts(w.id(r, name))
		return !ok
	})
}

func data(value string) map[string]any {
	return map[string]any{"data": map[string]any{"a": value}}
}
