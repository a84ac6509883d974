package prevent

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
)

// subject is an object that NOPEA applied, and a field of it that somebody else wants otherwise.
type subject struct {
	*tenant
	resource schema.GroupVersionResource
	name     string
	manifest *unstructured.Unstructured
	path     []string
	value    any
	// schemaless says that the kind knows no strategic merge patch.
	schemaless bool
}

func TestRefused(t *testing.T) {
	t.Parallel()
	widgets := newWidgets(t, "refused.example.org")
	for name, test := range map[string]struct {
		resource   schema.GroupVersionResource
		manifest   string
		path       string
		value      any
		schemaless bool
	}{
		"Deployment":      {resource: deployments, manifest: deployment("web"), path: "spec.replicas", value: int64(5)},
		"ConfigMap":       {resource: configMaps, manifest: configMap("settings"), path: "data.greeting", value: "Good bye"},
		"Secret":          {resource: secrets, manifest: secret("login"), path: "data.password", value: "YW5vdGhlcg=="},
		"Service":         {resource: services, manifest: service("web"), path: "spec.selector", value: map[string]any{"app": "other"}},
		"custom resource": {resource: widgets, manifest: widget("refused.example.org", "cog"), path: "spec.size", value: int64(9), schemaless: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := newTenant(t)
			s := &subject{tenant: v, resource: test.resource, manifest: v.protect(v.object(test.manifest)),
				path: strings.Split(test.path, "."), value: test.value, schemaless: test.schemaless}
			s.name = s.manifest.GetName()
			before := v.entry(v.applyObject(s.resource, s.manifest))
			for what, try := range s.attempts() {
				t.Run(what, func(t *testing.T) { v.in(t).refused(try(v.on(s.resource))) })
			}
			if after := v.entry(v.get(s.resource, s.name)); after != before {
				t.Errorf("something got through: NOPEA's entry is\n%s\nand was\n%s", after, before)
			}
		})
	}
}

type attempt = func(dynamic.ResourceInterface) (any, error)

// attempts are all the ways to change or delete the subject.
func (s *subject) attempts() map[string]attempt {
	edit := func(change func(*unstructured.Unstructured) error) attempt {
		return func(on dynamic.ResourceInterface) (any, error) { return nil, update(on, s.name, change) }
	}
	patch := func(kind types.PatchType, body any) attempt {
		return func(on dynamic.ResourceInterface) (any, error) {
			data, err := json.Marshal(body)
			if err != nil {
				return nil, err
			}
			return on.Patch(background(), s.name, kind, data, metav1.PatchOptions{})
		}
	}
	apply := func(manager string, object *unstructured.Unstructured) attempt {
		return func(on dynamic.ResourceInterface) (any, error) {
			return on.Apply(background(), s.name, object, metav1.ApplyOptions{FieldManager: manager, Force: true})
		}
	}
	pointer := "/" + strings.Join(s.path, "/")
	all := map[string]attempt{
		"update":                          edit(s.set),
		"update under the name nopea":     s.updateAsNopea,
		"merge patch":                     patch(types.MergePatchType, s.changed().Object),
		"JSON patch":                      patch(types.JSONPatchType, []any{map[string]any{"op": "replace", "path": pointer, "value": s.value}}),
		"removed field":                   patch(types.JSONPatchType, []any{map[string]any{"op": "remove", "path": pointer}}),
		"forced apply of another manager": apply("somebody", s.changed()),
		"apply under the name nopea":      apply(v1alpha1.FieldManager, s.whole()),
		"delete": func(on dynamic.ResourceInterface) (any, error) {
			return nil, on.Delete(background(), s.name, metav1.DeleteOptions{})
		},
		"deletecollection": func(on dynamic.ResourceInterface) (any, error) {
			return nil, on.DeleteCollection(background(), metav1.DeleteOptions{}, metav1.ListOptions{LabelSelector: v1alpha1.LabelRepository})
		},
		"removed label":         patch(types.MergePatchType, meta("labels", "tier", nil)),
		"changed annotation":    patch(types.MergePatchType, meta("annotations", "note", "yours")),
		"removed annotation":    patch(types.MergePatchType, meta("annotations", "note", nil)),
		"removed label prevent": patch(types.MergePatchType, meta("labels", v1alpha1.LabelPrevent, nil)),
		"changed label prevent": patch(types.MergePatchType, meta("labels", v1alpha1.LabelPrevent, "false")),
		"no labels at all":      patch(types.MergePatchType, map[string]any{"metadata": map[string]any{"labels": nil, "annotations": nil}}),
		"managedFields reset":   patch(types.MergePatchType, map[string]any{"metadata": map[string]any{"managedFields": []any{map[string]any{}}}}),
		"managedFields without nopea's": edit(func(live *unstructured.Unstructured) error {
			live.SetManagedFields([]metav1.ManagedFieldsEntry{{
				Manager: "somebody", Operation: metav1.ManagedFieldsOperationUpdate,
				APIVersion: live.GetAPIVersion(), FieldsType: "FieldsV1", FieldsV1: metav1.NewFieldsV1("{}"),
			}})
			return nil
		}),
	}
	if !s.schemaless {
		// For a custom resource this means that the managed fields stay as they are.
		all["managedFields emptied"] = edit(func(live *unstructured.Unstructured) error {
			return unstructured.SetNestedSlice(live.Object, []any{}, "metadata", "managedFields")
		})
		all["strategic merge patch"] = patch(types.StrategicMergePatchType, s.changed().Object)
	}
	return all
}

// updateAsNopea changes only a label that NOPEA does not hold: the name is reason enough.
func (s *subject) updateAsNopea(on dynamic.ResourceInterface) (any, error) {
	body := []byte(`{"metadata":{"labels":{"mine":"too"}}}`)
	return on.Patch(background(), s.name, types.MergePatchType, body, metav1.PatchOptions{FieldManager: v1alpha1.FieldManager})
}

func (s *subject) set(object *unstructured.Unstructured) error {
	return unstructured.SetNestedField(object.Object, s.value, s.path...)
}

// changed is the field alone, as a patch or an apply of it has it.
func (s *subject) changed() *unstructured.Unstructured {
	s.t.Helper()
	object := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": s.manifest.GetAPIVersion(), "kind": s.manifest.GetKind(), "metadata": map[string]any{"name": s.name},
	}}
	s.must(nil, s.set(object))
	return object
}

// whole is the manifest with the field changed: the field set that NOPEA applied stays the same.
func (s *subject) whole() *unstructured.Unstructured {
	s.t.Helper()
	object := s.manifest.DeepCopy()
	s.must(nil, s.set(object))
	return object
}

// meta is a merge patch of one label or annotation.
func meta(field, key string, value any) map[string]any {
	return map[string]any{"metadata": map[string]any{field: map[string]any{key: value}}}
}

// TestRefusedForgery writes the managed fields into the request that changes something.
func TestRefusedForgery(t *testing.T) {
	t.Parallel()
	v := newTenant(t)
	v.apply(autoscalers, autoscaler("web"))
	first := autoscalers
	first.Version = "v1"
	version := func(name string) func(*metav1.ManagedFieldsEntry) {
		return func(entry *metav1.ManagedFieldsEntry) { entry.APIVersion = "autoscaling/" + name }
	}
	for name, forge := range map[string]struct {
		through schema.GroupVersionResource
		entry   func(*metav1.ManagedFieldsEntry)
		path    string
		value   any
	}{
		"as they were":                  {autoscalers, version("v2"), "spec.maxReplicas", int64(50)},
		"of another version":            {autoscalers, version("v1"), "spec.metrics", []any{}},
		"of a version that is not":      {autoscalers, version("v9"), "spec.maxReplicas", int64(50)},
		"through another version":       {first, version("v2"), "spec.targetCPUUtilizationPercentage", int64(99)},
		"of another, through another":   {first, version("v1"), "spec.targetCPUUtilizationPercentage", int64(99)},
		"with nothing changed but that": {autoscalers, version("v1"), "metadata.annotations.mine", "too"},
		"of another time": {autoscalers, func(entry *metav1.ManagedFieldsEntry) { entry.Time = &metav1.Time{Time: entry.Time.Add(-time.Hour)} },
			"metadata.annotations.mine", "too"},
	} {
		t.Run(name, func(t *testing.T) {
			v.in(t).refused(nil, update(v.on(forge.through), "web", func(live *unstructured.Unstructured) error {
				entries := live.GetManagedFields()
				for i := range entries {
					forge.entry(&entries[i])
				}
				live.SetManagedFields(entries)
				return unstructured.SetNestedField(live.Object, forge.value, strings.Split(forge.path, ".")...)
			}))
		})
	}
}

// TestRefusedWithoutTheMark applies as the tenant's own ServiceAccount, which may do everything but carry the mark.
func TestRefusedWithoutTheMark(t *testing.T) {
	t.Parallel()
	v := newTenant(t)
	v.apply(configMaps, configMap("settings"))
	account := v.adminAs("system:serviceaccount:"+v.namespace+":nopea", "system:serviceaccounts")
	other := v.protect(v.object(configMap("settings")))
	v.must(nil, unstructured.SetNestedField(other.Object, "Good bye", "data", "greeting"))
	v.refused(account.Resource(configMaps).Namespace(v.namespace).
		Apply(background(), "settings", other, metav1.ApplyOptions{FieldManager: v1alpha1.FieldManager, Force: true}))
	v.refused(nil, account.Resource(configMaps).Namespace(v.namespace).Delete(background(), "settings", metav1.DeleteOptions{}))
}

// TestRefusedLabels takes the label off in the very request that changes the rest.
func TestRefusedLabels(t *testing.T) {
	t.Parallel()
	v := newTenant(t)
	live := v.apply(configMaps, configMap("settings"))
	live.SetLabels(map[string]string{"mine": "all"})
	live.SetAnnotations(nil)
	v.must(nil, unstructured.SetNestedField(live.Object, "Good bye", "data", "greeting"))
	v.refused(v.on(configMaps).Update(background(), live, metav1.UpdateOptions{}))
}
