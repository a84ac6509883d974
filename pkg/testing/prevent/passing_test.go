package prevent

import (
	"context"
	"errors"
	"fmt"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
)

// patch is a merge patch by the administrator that has to pass.
func (v *tenant) patch(on interface {
	Patch(context.Context, string, types.PatchType, []byte, metav1.PatchOptions, ...string) (*unstructured.Unstructured, error)
}, name, body string, subresources ...string) {
	v.t.Helper()
	v.must(on.Patch(background(), name, types.MergePatchType, []byte(body), metav1.PatchOptions{}, subresources...))
}

func TestFieldsOfOthersPass(t *testing.T) {
	t.Parallel()
	v := newTenant(t)
	before := v.entry(v.apply(deployments, deployment("web")))
	for name, patch := range map[string]struct {
		kind types.PatchType
		body string
	}{
		"label":                 {types.MergePatchType, `{"metadata":{"labels":{"mine":"too"}}}`},
		"annotation":            {types.MergePatchType, `{"metadata":{"annotations":{"mine":"too"}}}`},
		"finalizer":             {types.MergePatchType, `{"metadata":{"finalizers":["example.org/mine"]}}`},
		"finalizer gone":        {types.MergePatchType, `{"metadata":{"finalizers":null}}`},
		"field":                 {types.MergePatchType, `{"spec":{"minReadySeconds":3}}`},
		"container":             {types.StrategicMergePatchType, containerPatch(`"name":"side","image":"example.org/side:1"`)},
		"field of a container":  {types.StrategicMergePatchType, containerPatch(`"name":"main","command":["sh"]`)},
		"variable of container": {types.StrategicMergePatchType, containerPatch(`"name":"main","env":[{"name":"SIZE","value":"9"}]`)},
		"value that it has":     {types.MergePatchType, `{"spec":{"replicas":2}}`},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := v.on(deployments).Patch(background(), "web", patch.kind, []byte(patch.body), metav1.PatchOptions{}); err != nil {
				t.Error(err)
			}
		})
	}
	t.Run("apply of another manager", func(t *testing.T) {
		object := v.object("{apiVersion: apps/v1, kind: Deployment, metadata: {name: web, labels: {theirs: too}}, spec: {replicas: 2}}")
		if _, err := v.on(deployments).Apply(background(), "web", object, metav1.ApplyOptions{FieldManager: "somebody"}); err != nil {
			t.Error(err)
		}
	})
	if after := v.entry(v.get(deployments, "web")); after != before {
		t.Errorf("NOPEA's entry is\n%s\nand was\n%s", after, before)
	}
}

func containerPatch(container string) string {
	return `{"spec":{"template":{"spec":{"containers":[{` + container + `}]}}}}`
}

func TestNopeaPasses(t *testing.T) {
	t.Parallel()
	v := newTenant(t)
	v.apply(configMaps, "{apiVersion: v1, kind: ConfigMap, metadata: {name: settings}, data: {one: a, two: b}}")
	t.Run("it adds, changes and drops fields", func(t *testing.T) {
		changed := v.apply(configMaps, "{apiVersion: v1, kind: ConfigMap, metadata: {name: settings}, data: {two: c, three: d}}")
		data, _, err := unstructured.NestedStringMap(changed.Object, "data")
		if err != nil || len(data) != 2 || data["two"] != "c" || data["three"] != "d" {
			t.Errorf("the data is %v, %v", data, err)
		}
	})
	t.Run("it hands a field over", func(t *testing.T) {
		object := v.object("{apiVersion: v1, kind: ConfigMap, metadata: {name: settings}, data: {three: d}}")
		v.must(v.nopea.Resource(configMaps).Namespace(v.namespace).
			Apply(background(), "settings", object, metav1.ApplyOptions{FieldManager: v1alpha1.HandoverManager}))
		kept := v.apply(configMaps, "{apiVersion: v1, kind: ConfigMap, metadata: {name: settings}, data: {two: c}}")
		if value, _, _ := unstructured.NestedString(kept.Object, "data", "three"); value != "d" {
			t.Errorf("the data is %v", kept.Object["data"])
		}
	})
	t.Run("it opens what it protected", func(*testing.T) {
		open := v.object("{apiVersion: v1, kind: ConfigMap, metadata: {name: open}, data: {one: a}}")
		v.applyObject(configMaps, v.protect(open.DeepCopy()))
		v.refused(v.on(configMaps).Patch(background(), "open", types.MergePatchType, []byte(`{"data":{"one":"b"}}`), metav1.PatchOptions{}))
		v.applyObject(configMaps, open)
		v.patch(v.on(configMaps), "open", `{"data":{"one":"b"}}`)
	})
	t.Run("it prunes", func(*testing.T) {
		v.must(nil, v.nopea.Resource(configMaps).Namespace(v.namespace).Delete(background(), "settings", metav1.DeleteOptions{}))
	})
}

func TestBreakGlassPasses(t *testing.T) {
	t.Parallel()
	v := newTenant(t)
	v.apply(configMaps, configMap("settings"))
	ada := v.adminAs("ada", breakGlass).Resource(configMaps).Namespace(v.namespace)
	v.patch(ada, "settings", `{"data":{"greeting":"Good bye"}}`)
	v.must(nil, ada.Delete(background(), "settings", metav1.DeleteOptions{}))
}

// TestUnprotectedPasses is about objects that lack one of the two: the label, or NOPEA's entry.
func TestUnprotectedPasses(t *testing.T) {
	t.Parallel()
	v := newTenant(t)
	t.Run("without the label", func(*testing.T) {
		v.applyObject(configMaps, v.object(configMap("open")))
		v.patch(v.on(configMaps), "open", `{"data":{"greeting":"Good bye"}}`)
		v.must(nil, v.on(configMaps).Delete(background(), "open", metav1.DeleteOptions{}))
	})
	t.Run("with a copied label", func(*testing.T) {
		v.create(configMaps, v.protect(v.object(configMap("copy"))))
		v.patch(v.on(configMaps), "copy", `{"data":{"greeting":"Good bye"}}`)
		v.patch(v.on(configMaps), "copy", `{"metadata":{"labels":null,"annotations":null}}`)
		v.patch(v.on(configMaps), "copy", `{"metadata":{"managedFields":[{}]}}`)
		v.must(nil, v.on(configMaps).Delete(background(), "copy", metav1.DeleteOptions{}))
	})
	t.Run("deletecollection of copies", func(t *testing.T) {
		for i := range 3 {
			v.create(configMaps, v.protect(v.object(configMap(fmt.Sprintf("copy-%d", i)))))
		}
		selector := metav1.ListOptions{LabelSelector: v1alpha1.LabelPrevent}
		v.must(nil, v.on(configMaps).DeleteCollection(background(), metav1.DeleteOptions{}, selector))
		left, err := v.on(configMaps).List(background(), selector)
		if err != nil || len(left.Items) > 0 {
			t.Errorf("there are %d left, %v", len(left.Items), err)
		}
	})
}

// TestScalePasses is a limit: a Scale carries no label.
func TestScalePasses(t *testing.T) {
	t.Parallel()
	v := newTenant(t)
	before := v.entry(v.apply(deployments, deployment("web")))
	v.patch(v.on(deployments), "web", `{"spec":{"replicas":7}}`, "scale")
	if v.entry(v.get(deployments, "web")) == before {
		t.Error("NOPEA's entry does not show that replicas were changed")
	}
}

// TestTerminatingPasses is about objects that somebody exempt deletes while they hold a finalizer that Git has put there.
func TestTerminatingPasses(t *testing.T) {
	t.Parallel()
	v := newTenant(t)
	v.apply(configMaps, "{apiVersion: v1, kind: ConfigMap, metadata: {name: held, finalizers: [example.org/hold]}}")
	v.refused(v.on(configMaps).Patch(background(), "held", types.MergePatchType, []byte(`{"metadata":{"finalizers":null}}`), metav1.PatchOptions{}))
	v.must(nil, v.adminAs("ada", breakGlass).Resource(configMaps).Namespace(v.namespace).Delete(background(), "held", metav1.DeleteOptions{}))
	v.must(nil, v.on(configMaps).Delete(background(), "held", metav1.DeleteOptions{})) // once more
	v.patch(v.on(configMaps), "held", `{"metadata":{"finalizers":null}}`)
	v.gone(configMaps, "held")
}

// TestSchemaChange turns a keyed list of a custom resource into one value. The API server then writes NOPEA's entry anew at the next
// write, whoever writes.
func TestSchemaChange(t *testing.T) {
	t.Parallel()
	v := newTenant(t)
	const group = "schema.example.org"
	widgets := newWidgets(t, group)
	before := v.entry(v.apply(widgets, widget(group, "cog")))
	v.apply(widgets, widget(group, "rim"))
	defineWidgets(t, group, "atomic")
	eventually(t, "a status that is written shows in NOPEA's entry that the schema is another", func(ctx context.Context) error {
		live, err := v.on(widgets).Get(ctx, "cog", metav1.GetOptions{})
		if err != nil {
			return err
		}
		spins, _, _ := unstructured.NestedBool(live.Object, "status", "spins")
		body := fmt.Appendf(nil, `{"status":{"spins":%t}}`, !spins)
		live, err = v.on(widgets).Patch(ctx, "cog", types.MergePatchType, body, metav1.PatchOptions{}, "status")
		if apierrors.IsForbidden(err) {
			t.Fatal(err)
		}
		if err == nil && v.entry(live) == before {
			err = errors.New("the entry is as before")
		}
		return err
	})
	const unowned = `{"metadata":{"annotations":{"mine":"too"}}}`
	v.patch(v.on(widgets), "cog", unowned)
	// A limit: where no status is written, fields of others have to wait for NOPEA's next apply.
	v.refused(v.on(widgets).Patch(background(), "rim", types.MergePatchType, []byte(unowned), metav1.PatchOptions{}))
	v.apply(widgets, widget(group, "rim"))
	v.patch(v.on(widgets), "rim", unowned)
}

// TestOtherVersionPasses changes a field that NOPEA does not hold through another version than the one that it applied.
func TestOtherVersionPasses(t *testing.T) {
	t.Parallel()
	v := newTenant(t)
	before := v.entry(v.apply(autoscalers, autoscaler("web")))
	first := autoscalers
	first.Version = "v1"
	v.patch(v.on(first), "web", `{"spec":{"minReplicas":2}}`)
	if after := v.entry(v.get(autoscalers, "web")); after != before {
		t.Errorf("NOPEA's entry is\n%s\nand was\n%s", after, before)
	}
}

// TestLargeObject is near the limit of what an object may hold, and within that of what CEL may cost.
func TestLargeObject(t *testing.T) {
	t.Parallel()
	v := newTenant(t)
	data := make(map[string]string)
	for i := range 20_000 {
		data[fmt.Sprintf("key-%05d", i)] = "value"
	}
	object := v.protect(v.object(configMap("large")))
	v.must(nil, unstructured.SetNestedStringMap(object.Object, data, "data"))
	entry := v.entry(v.applyObject(configMaps, object))
	t.Logf("NOPEA's entry is of %d KB", len(entry)>>10)
	v.refused(v.on(configMaps).Patch(background(), "large", types.MergePatchType, []byte(`{"data":{"key-19999":"other"}}`), metav1.PatchOptions{}))
	v.refused(nil, v.on(configMaps).Delete(background(), "large", metav1.DeleteOptions{}))
	v.patch(v.on(configMaps), "large", `{"metadata":{"labels":{"mine":"too"}}}`)
}
