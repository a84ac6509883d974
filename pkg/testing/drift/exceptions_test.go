package drift

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
	"nopea.io/nopea/pkg/ownership"
)

// signatureOf is what NOPEA goes by.
func (v *tenant) signatureOf(object *unstructured.Unstructured) ownership.Digest {
	v.t.Helper()
	signature, err := ownership.Signature(object.GetManagedFields())
	if err != nil {
		v.t.Fatal(err)
	}
	return signature
}

// TestReorderedLists finds lists of items in another order: no field is lost, but the generation moves.
func TestReorderedLists(t *testing.T) {
	lists := map[string]struct{ path, first string }{
		"env":             {"spec.template.spec.containers.0.env", "A"},
		"containers":      {"spec.template.spec.containers", "web"},
		"init-containers": {"spec.template.spec.initContainers", "first"},
		"volumes":         {"spec.template.spec.volumes", "one"},
	}
	files := make(map[string]string)
	for name := range lists {
		files[name+".yaml"] = deploymentYAML(name)
	}
	v := parallel(t, files)
	for name, list := range lists {
		o := v.thing(deployments, name)
		before, after := o.put(func(object *unstructured.Unstructured) *unstructured.Unstructured {
			return reversedAt(object, list.path)
		})
		if v.signatureOf(after) != v.signatureOf(before) {
			t.Errorf("%s: the signature shows it, so this is no exception", name)
		}
		if at(after, list.path+".0.name") == list.first {
			t.Fatalf("%s is not reordered", name)
		}
	}
	for name, list := range lists {
		v.thing(deployments, name).becomes(list.path+".0.name", list.first)
	}
}

// reversedAt is the object with a list the other way round.
func reversedAt(object *unstructured.Unstructured, path string) *unstructured.Unstructured {
	changed := object.DeepCopy()
	list := at(changed, path).([]any)
	copy(list, reversed(list))
	return changed
}

// TestForged hides an edit: afterwards somebody writes managedFields as they were. NOPEA has seen what was in between, even while it was
// not to put anything back.
func TestForged(t *testing.T) {
	v := parallel(t, map[string]string{"web.yaml": deploymentYAML("web"), "settings.yaml": settingsYAML})
	v.change("shop", func(s *v1alpha1.GitRepositorySpec) { s.Suspend = true })
	v.settleOther()
	for o, edit := range map[*thing]string{
		v.thing(deployments, "web"):     `{"spec":{"replicas":4}}`,
		v.thing(configMaps, "settings"): `{"data":{"key":"edited"}}`,
	} {
		v.forge(o, edit)
	}
	v.change("shop", func(s *v1alpha1.GitRepositorySpec) { s.Suspend = false })
	v.thing(deployments, "web").becomes("spec.replicas", int64(1))
	v.thing(configMaps, "settings").becomes("data.key", "one")
}

const settingsYAML = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata: {key: one, other: two}\n"

// forge edits an object and writes its managedFields as they were before.
func (v *tenant) forge(o *thing, patch string) {
	v.t.Helper()
	before := o.read()
	o.merge(patch)
	_, forged := o.put(func(edited *unstructured.Unstructured) *unstructured.Unstructured {
		edited.SetManagedFields(before.GetManagedFields())
		return edited
	})
	if v.signatureOf(forged) != v.signatureOf(before) {
		v.t.Fatalf("%s: the API server does not take the forged fields", o)
	}
}

// settleOther waits until a change of the GitRepository has come to the controller: something of another one, declared later, is applied.
func (v *tenant) settleOther() {
	v.t.Helper()
	v.declare("other", map[string]string{"other.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: other}\ndata: {key: one}\n"})
}

// TestAdditionsToEmpty: what is added to a list or map that Git has as empty is no drift. It is reported, or taken away where that is asked.
func TestAdditionsToEmpty(t *testing.T) {
	v := parallel(t, map[string]string{"web.yaml": deploymentYAML("web"),
		"empty.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: empty}\ndata: {}\n"})
	web, empty := v.thing(deployments, "web"), v.thing(configMaps, "empty")
	web.has(web.merge(`{"spec":{"template":{"spec":{"nodeSelector":{"disk":"ssd"}}}}}`), "spec.template.spec.nodeSelector.disk", "ssd")
	web.becomes("spec.template.spec.nodeSelector.disk", nil) // a map that is taken as a whole
	empty.merge(`{"data":{"added":"x"}}`)
	v.eventually("it is reported", func(ctx context.Context) error {
		repository, err := v.api.GitRepositories(v.namespace).Get(ctx, "shop", metav1.GetOptions{})
		if err != nil {
			return err
		}
		if drift := repository.Status.Drift; drift == nil || drift.Extra != 1 {
			return fmt.Errorf("the status says %+v", drift)
		}
		return nil
	})
	v.settle()
	empty.has(empty.read(), "data.added", "x")
	v.change("shop", func(s *v1alpha1.GitRepositorySpec) { s.ExtraFields = v1alpha1.ExtraFieldsRemove })
	empty.becomes("data.added", nil)
}

// TestAppliedUnderOurName: somebody else applies as the manager nopea. The field set may be the same; its time tells.
func TestAppliedUnderOurName(t *testing.T) {
	v := parallel(t, map[string]string{"settings.yaml": settingsYAML})
	o := v.thing(configMaps, "settings")
	before := o.read()
	v.eventually("the second in which NOPEA applied is over", func(context.Context) error {
		if entry := before.GetManagedFields()[0]; time.Now().Unix() <= entry.Time.Unix() {
			return errors.New("it is not")
		}
		return nil
	})
	after := v.impersonate(o, before)
	if v.signatureOf(after) == v.signatureOf(before) {
		t.Error("the signature does not show it")
	}
	o.becomes("data.key", "one")
	o.has(o.read(), "data.other", "two")
}

// impersonate applies an object with another value under the name of NOPEA's manager.
func (v *tenant) impersonate(o *thing, before *unstructured.Unstructured) *unstructured.Unstructured {
	v.t.Helper()
	content := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": "ConfigMap",
		"metadata": map[string]any{"name": o.name}, "data": map[string]any{"key": "edited", "other": "two"}}}
	content.SetLabels(before.GetLabels())
	content.SetAnnotations(before.GetAnnotations())
	body, err := content.MarshalJSON()
	if err != nil {
		v.t.Fatal(err)
	}
	after, err := o.tryPatch(types.ApplyPatchType, string(body), metav1.PatchOptions{FieldManager: v1alpha1.FieldManager, Force: new(true)})
	if err != nil {
		v.t.Fatal(err)
	}
	return after
}
