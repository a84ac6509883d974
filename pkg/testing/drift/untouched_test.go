package drift

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
	"nopea.io/nopea/pkg/apply"
	"nopea.io/nopea/pkg/ownership"
)

// others' marks on objects, which are nobody's business.
const (
	foreignLabel      = "example.com/colour"
	foreignAnnotation = "example.com/note"
)

// quiet is a thing that happens to an object and is no drift.
type quiet struct {
	what string
	do   func(context.Context, *object) (*unstructured.Unstructured, error)
	// extra: it is to be reported.
	extra bool
	count atomic.Int32
}

func dryRun(manager string) metav1.PatchOptions {
	return metav1.PatchOptions{FieldManager: manager, DryRun: []string{metav1.DryRunAll}}
}

// untouched lets things happen that are no drift, by dry runs and for real, and looks whether they are taken for it.
func (r *realWorld) untouched(t *testing.T) {
	var wrong complaints
	cases := append(marks(),
		&quiet{what: "status write", do: writeStatus},
		&quiet{what: "the same applied by another", do: applySame},
		&quiet{what: "sidecar", do: func(ctx context.Context, o *object) (*unstructured.Unstructured, error) {
			return o.addSidecar(ctx, dryRun("sidecar-injector"))
		}, extra: true},
	)
	objects := oneIn(min(3, setting(t, "NOPEA_DRIFT_SHARE", 12)), r.all(), int(r.seed))
	each(objects, func(_ int, o *object) {
		if err := o.reapplied(t.Context()); err != nil {
			wrong.add("%s: %v", o.id, err)
		}
		for _, c := range cases {
			after, err := c.do(t.Context(), o)
			if err == nil && after != nil {
				c.count.Add(1)
				err = o.unharmed(after, c.extra)
			}
			if err != nil {
				wrong.add("%s: %s: %v", o.id, c.what, err)
			}
		}
	})
	r.change("realworld", func(s *v1alpha1.GitRepositorySpec) { s.Suspend = true })
	var restarted, yielded atomic.Int32
	each(r.others, func(_ int, o *object) {
		if err := r.restart(t.Context(), o, &restarted); err != nil {
			wrong.add("%s: kubectl rollout restart: %v", o.id, err)
		}
		if err := o.autoscale(t.Context(), &yielded); err != nil {
			wrong.add("%s: the autoscaler: %v", o.id, err)
		}
	})
	r.change("realworld", func(s *v1alpha1.GitRepositorySpec) { s.Suspend = false })
	wrong.tell(t)
	var line []string
	for _, c := range cases {
		line = append(line, fmt.Sprintf("%d × %s", c.count.Load(), c.what))
		if c.count.Load() == 0 {
			t.Errorf("%s: it happened to no object", c.what)
		}
	}
	t.Logf("no drift: %d × re-apply, %s, %d × rollout restart, %d × autoscaler", len(objects), strings.Join(line, ", "), restarted.Load(), yielded.Load())
	if restarted.Load() == 0 || yielded.Load() == 0 {
		t.Error("nothing was restarted, or scaled")
	}
}

// marks are labels and annotations that somebody puts on an object, in each way.
func marks() []*quiet {
	var all []*quiet
	for _, how := range methods() {
		for field, name := range map[string]string{"labels": foreignLabel, "annotations": foreignAnnotation} {
			path := fieldpath.MakePathOrDie("metadata", field, name)
			e := &edit{target: target{path: path, held: len(path), absent: true}, op: set, to: "blue"}
			all = append(all, &quiet{what: fmt.Sprintf("foreign %s by %s", strings.TrimSuffix(field, "s"), how),
				do: func(ctx context.Context, o *object) (*unstructured.Unstructured, error) {
					return o.send(ctx, e, how, true)
				}})
		}
	}
	return all
}

// reapplied fails where applying the same again is not nothing at all.
func (o *object) reapplied(ctx context.Context) error {
	after, err := o.cluster.Apply(ctx, o.resource, o.desired, apply.Write{UID: o.base.GetUID(), DryRun: true})
	if err != nil {
		return err
	}
	facts, err := ownership.Read(o.id.GroupKind(), after, nil)
	if err != nil {
		return err
	}
	if facts.Signature != o.facts.Signature || facts.Generation != o.facts.Generation {
		return fmt.Errorf("a dry run of what was applied finds a difference: %+v, before %+v", facts, o.facts)
	}
	return nil
}

// unharmed fails where an event is taken for drift, or for an extra field that it does not show.
func (o *object) unharmed(after *unstructured.Unstructured, extra bool) error {
	signs, err := o.signs(after)
	if err != nil {
		return err
	}
	if signs.lost || signs.extra != extra {
		return fmt.Errorf("it is seen as %+v", signs)
	}
	return nil
}

// writeStatus writes the status, where the kind has one that is written apart.
func writeStatus(ctx context.Context, o *object) (*unstructured.Unstructured, error) {
	after, err := o.patch(ctx, types.MergePatchType, dryRun("its-controller"), statusPatch(o.id.Kind), "status")
	if apierrors.IsNotFound(err) || apierrors.IsMethodNotSupported(err) {
		return nil, nil
	}
	return after, err
}

func statusPatch(kind string) func() ([]byte, error) {
	status := map[string]any{"conditions": []any{map[string]any{
		"type": "Tested", "status": "True", "reason": "Test", "message": "", "lastTransitionTime": "2026-01-01T00:00:00Z",
	}}}
	switch kind {
	case "Prometheus", "Alertmanager":
		for _, count := range []string{"availableReplicas", "replicas", "unavailableReplicas", "updatedReplicas"} {
			status[count] = 1
		}
		status["paused"] = false
		delete(status, "conditions")
	case "ServiceMonitor", "PrometheusRule":
		status = map[string]any{"bindings": []any{}}
	}
	return func() ([]byte, error) { return json.Marshal(map[string]any{"status": status}) }
}

// applySame has another manager apply what NOPEA applied, without force. A value that the API server stores in another form conflicts.
func applySame(ctx context.Context, o *object) (*unstructured.Unstructured, error) {
	after, err := o.patch(ctx, types.ApplyPatchType, dryRun("another"), func() ([]byte, error) { return o.desired.Body, nil })
	if apierrors.IsConflict(err) {
		return nil, nil
	}
	return after, err
}

// addSidecar puts another container beside those of a Pod template, if the object has one.
func (o *object) addSidecar(ctx context.Context, options metav1.PatchOptions) (*unstructured.Unstructured, error) {
	if _, ok, _ := unstructured.NestedSlice(o.base.Object, "spec", "template", "spec", "containers"); !ok {
		return nil, nil
	}
	var content any = []any{map[string]any{"name": "sidecar", "image": "sidecar:1"}}
	for _, name := range []string{"containers", "spec", "template", "spec"} {
		content = map[string]any{name: content}
	}
	return o.forceApply(ctx, content.(map[string]any), options)
}

// restart is kubectl rollout restart.
func (r *realWorld) restart(ctx context.Context, o *object, count *atomic.Int32) error {
	if o.id.Group != "apps" {
		return nil
	}
	if _, err := r.on.Cluster.Kubectl(ctx, nil, "rollout", "restart", "-n", o.id.Namespace, strings.ToLower(o.id.Kind)+"/"+o.id.Name); err != nil {
		return err
	}
	count.Add(1)
	return o.unharmedNow(ctx)
}

func (o *object) unharmedNow(ctx context.Context) error {
	live, err := o.client.Get(ctx, o.id.Name, metav1.GetOptions{})
	if err != nil {
		return err
	}
	return o.unharmed(live, false)
}

// autoscale scales as the HorizontalPodAutoscaler does: the replicas are then its own, and NOPEA yields.
func (o *object) autoscale(ctx context.Context, count *atomic.Int32) error {
	if !o.scalable || !o.own.Has(fieldpath.MakePathOrDie("spec", "replicas")) || o.id.Group != "apps" {
		return nil
	}
	if err := o.scale(ctx, "kube-controller-manager"); err != nil {
		return err
	}
	if err := o.unharmedNow(ctx); err != nil {
		return err
	}
	count.Add(1)
	return o.restore(ctx)
}
