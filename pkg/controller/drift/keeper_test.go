package drift

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	utilwait "k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/tools/events"
	"k8s.io/component-base/metrics/testutil"
	"k8s.io/utils/clock"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
	"nopea.io/nopea/pkg/apply"
	"nopea.io/nopea/pkg/controller/watch"
	"nopea.io/nopea/pkg/ownership"
	"nopea.io/nopea/pkg/testing/localcluster"
)

var cluster *localcluster.Cluster

func TestMain(m *testing.M) {
	RegisterMetrics()
	code, err := runTests(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func runTests(m *testing.M) (code int, err error) {
	dir, err := os.MkdirTemp("", "nopea-drift-")
	if err != nil {
		return 1, err
	}
	if cluster, err = localcluster.Start(context.Background(), localcluster.Options{Dir: filepath.Join(dir, "cluster")}); err != nil {
		return 1, err
	}
	defer func() {
		err = errors.Join(err, cluster.Stop())
		if code == 0 && err == nil {
			err = os.RemoveAll(dir)
		}
	}()
	return m.Run(), nil
}

// deaf passes on what a watch tells, unless it is told not to listen.
type deaf struct {
	*Keeper
	closed atomic.Bool
}

func (d *deaf) Changed(id apply.ID, before, after ownership.Facts, existed, exists bool, object *metav1.PartialObjectMetadata) {
	if !d.closed.Load() {
		d.Keeper.Changed(id, before, after, existed, exists, object)
	}
}

// house is a Keeper of one ConfigMap on the real cluster, with an administrator's rights.
type house struct {
	t         *testing.T
	namespace string
	kube      kubernetes.Interface
	keeper    *Keeper
	ears      *deaf
}

func newHouse(t *testing.T, namespace, interval string, verify time.Duration) *house {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	config, err := cluster.Config()
	must(err)
	config.QPS = -1
	kube, err := kubernetes.NewForConfig(config)
	must(err)
	objects, err := dynamic.NewForConfig(config)
	must(err)
	metadataClient, err := metadata.NewForConfig(config)
	must(err)
	discoveryClient, err := discovery.NewDiscoveryClientForConfig(config)
	must(err)
	_, err = kube.CoreV1().Namespaces().Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}, metav1.CreateOptions{})
	must(err)

	known := apply.NewDiscovery(discoveryClient, clock.RealClock{})
	keeper := New(Options{
		Discovery: known, Recorder: events.NewFakeRecorder(1000), Clock: clock.RealClock{}, Concurrent: 2,
		LongestPause: time.Hour, VerifyInterval: verify, Changed: func(apply.Owner) {},
	})
	h := &house{t: t, namespace: namespace, kube: kube, keeper: keeper, ears: &deaf{Keeper: keeper}}
	watcher := watch.New(metadataClient, discoveryClient, h.ears, clock.RealClock{})
	keeper.Use(watcher)
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { watcher.Run(ctx) })
	running.Go(func() { keeper.Run(ctx, ctx) })
	t.Cleanup(func() { cancel(); running.Wait() })

	owner := apply.Owner{Namespace: namespace, Name: "shop"}
	acting := &apply.Cluster{Owner: owner, Metadata: metadataClient, Objects: objects, Discovery: known, Watch: watcher, Witness: keeper,
		Rival: func(context.Context, apply.Owner, apply.ID) (apply.Rival, error) {
			return apply.Rival{Holds: true}, nil
		}}
	body, err := apply.Encode(map[string]any{
		"apiVersion": "v1", "kind": "ConfigMap", "data": map[string]any{"key": "one"},
		"metadata": map[string]any{"name": "kept", "namespace": namespace,
			"labels": map[string]any{v1alpha1.LabelRepository: "shop", v1alpha1.LabelNamespace: namespace}},
	})
	must(err)
	desired := []apply.Desired{{ID: apply.ID{Kind: "ConfigMap", Namespace: namespace, Name: "kept"}, Version: "v1", Body: body, Hash: "h", File: "kept.yaml"}}
	repository := &v1alpha1.GitRepository{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "shop"},
		Spec: v1alpha1.GitRepositorySpec{ReconcileInterval: interval}}
	keeper.Expect(ctx, owner, desired)
	keeper.Publish(ctx, Repository{Owner: owner, Object: repository, Cluster: acting, Identified: func(context.Context) error { return nil }},
		desired, apply.NewInventory(nil))
	plan := apply.NewPlan(desired, apply.NewInventory(nil), apply.Observation{}, apply.Options{})
	for _, outcome := range acting.Execute(ctx, &plan, false, nil) {
		must(outcome.Err)
	}
	return h
}

func (h *house) edit(patch string) *corev1.ConfigMap {
	h.t.Helper()
	edited, err := h.kube.CoreV1().ConfigMaps(h.namespace).Patch(h.t.Context(), "kept", types.MergePatchType, []byte(patch), metav1.PatchOptions{FieldManager: "kubectl-edit"})
	if err != nil {
		h.t.Fatal(err)
	}
	return edited
}

func (h *house) restored() {
	h.t.Helper()
	if err := utilwait.PollUntilContextTimeout(h.t.Context(), 20*time.Millisecond, time.Minute, true, func(ctx context.Context) (bool, error) {
		live, err := h.kube.CoreV1().ConfigMaps(h.namespace).Get(ctx, "kept", metav1.GetOptions{})
		return err == nil && live.Data["key"] == "one", nil
	}); err != nil {
		h.t.Fatalf("it was not put back: %v", err)
	}
}

func missed(t *testing.T) float64 {
	t.Helper()
	value, err := testutil.GetCounterMetricValue(missedTotal)
	if err != nil {
		t.Fatal(err)
	}
	return value
}

// TestMissedEvents: what no event told of, the fresh lists find, put back and count.
func TestMissedEvents(t *testing.T) {
	h := newHouse(t, "missed", "1s", 0)
	h.edit(`{"data":{"key":"edited"}}`)
	h.restored()
	before := missed(t)
	h.ears.closed.Store(true)
	h.edit(`{"data":{"key":"edited"}}`)
	h.restored()
	if err := utilwait.PollUntilContextTimeout(t.Context(), 20*time.Millisecond, time.Minute, true, func(context.Context) (bool, error) {
		return missed(t) == before+1, nil
	}); err != nil {
		t.Errorf("%v missed changes were counted, %v before: %v", missed(t), before, err)
	}
	if err := h.kube.CoreV1().ConfigMaps(h.namespace).Delete(t.Context(), "kept", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	h.restored()
}

// TestForgedOwnership: an edit whose author then gives NOPEA's fields back to it, by name and time, is found by events when the watch
// shows it in between, and by the slow pass when it does not.
func TestForgedOwnership(t *testing.T) {
	h := newHouse(t, "forged", "1h", time.Second)
	live, err := h.kube.CoreV1().ConfigMaps(h.namespace).Get(t.Context(), "kept", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	h.ears.closed.Store(true)
	forged, err := json.Marshal(map[string]any{"data": map[string]any{"key": "forged"}, "metadata": map[string]any{"managedFields": live.ManagedFields}})
	if err != nil {
		t.Fatal(err)
	}
	edited := h.edit(string(forged))
	before, _ := ownership.Signature(live.ManagedFields)
	if after, _ := ownership.Signature(edited.ManagedFields); after != before {
		// The API server takes the field out again: the forgery takes a second write, of the ownership alone.
		again, err := json.Marshal(map[string]any{"metadata": map[string]any{"managedFields": live.ManagedFields}})
		if err != nil {
			t.Fatal(err)
		}
		edited = h.edit(string(again))
		if after, _ := ownership.Signature(edited.ManagedFields); after != before {
			t.Fatal("the forgery did not succeed")
		}
	}
	h.restored()
}
