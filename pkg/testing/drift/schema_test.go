package drift

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
)

// widgetsYAML defines a kind in two versions, of which v1 is stored.
func widgetsYAML(group, conversion, listType string) string {
	version := func(name string, storage bool) string {
		return fmt.Sprintf(`
  - name: %s
    served: true
    storage: %t
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec:
            type: object
            properties:
              text: {type: string}
              items:
                type: array
                items: {type: object, required: [name], properties: {name: {type: string}, value: {type: string}}}
                %s`, name, storage, listType)
	}
	return fmt.Sprintf(`apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.%[1]s}
spec:
  group: %[1]s
  names: {kind: Widget, plural: widgets}
  scope: Namespaced
  conversion: %[2]s
  versions:%[3]s%[4]s
`, group, conversion, version("v1", true), version("v2", false))
}

const (
	noConversion   = `{strategy: None}`
	deadConversion = `{strategy: Webhook, webhook: {conversionReviewVersions: [v1], clientConfig: {url: "https://127.0.0.1:1/convert"}}}`
	ofItems        = `x-kubernetes-list-type: map
                x-kubernetes-list-map-keys: [name]`
	asAWhole = `x-kubernetes-list-type: atomic`
)

func widgetYAML(group, version, name string) string {
	return fmt.Sprintf("apiVersion: %s/%s\nkind: Widget\nmetadata: {name: %s}\nspec: {text: one, items: [{name: a, value: \"1\"}, {name: b, value: \"2\"}]}\n", group, version, name)
}

// defined is a tenant with a kind of its own.
func defined(t *testing.T) (v *tenant, group string) {
	t.Helper()
	t.Parallel()
	v = newTenant(t, world)
	group = v.namespace + ".example.com"
	v.apply(widgetsYAML(group, noConversion, ofItems))
	v.eventually("the kind is served", func(ctx context.Context) error {
		_, err := v.objects.Resource(widgets(group)).List(ctx, metav1.ListOptions{})
		return err
	})
	return v, group
}

func widgets(group string) schema.GroupVersionResource {
	return schema.GroupVersionResource{Group: group, Version: "v1", Resource: "widgets"}
}

// TestConversionWebhookDown: a kind is converted by a webhook that does not answer. What is stored in the version of the manifest is put
// back meanwhile; the rest is once the webhook is back.
func TestConversionWebhookDown(t *testing.T) {
	v, group := defined(t)
	v.declare("shop", map[string]string{"witness.yaml": witnessYAML,
		"stored.yaml": widgetYAML(group, "v1", "stored"), "converted.yaml": widgetYAML(group, "v2", "converted")})
	stored, converted := v.thing(widgets(group), "stored"), v.thing(widgets(group), "converted")
	v.apply(widgetsYAML(group, deadConversion, ofItems))
	v.eventually("nothing can be converted", func(ctx context.Context) error {
		other := widgets(group)
		other.Version = "v2"
		if _, err := v.objects.Resource(other).Namespace(v.namespace).Get(ctx, "stored", metav1.GetOptions{}); err == nil {
			return errors.New("it still is")
		}
		return nil
	})
	for range 3 {
		stored.merge(`{"spec":{"text":"edited"}}`)
		stored.becomes("spec.text", "one")
	}
	after, err := converted.tryPatch(types.MergePatchType, `{"spec":{"text":"edited"}}`, metav1.PatchOptions{FieldManager: editor})
	if err != nil {
		t.Logf("the API server refuses the edit: %v", err)
	} else {
		converted.has(after, "spec.text", "edited")
		v.settle()
	}
	v.apply(widgetsYAML(group, noConversion, ofItems))
	converted.becomes("spec.text", "one")
	stored.merge(`{"spec":{"text":"edited"}}`)
	stored.becomes("spec.text", "one")
}

// TestListTypeChanges turns a list of items into one that is taken as a whole, and back: who owns what of all objects of a kind moves at
// once, and none of their values. NOPEA must not write them all, let alone again and again; and edits are put back as before.
func TestListTypeChanges(t *testing.T) {
	v, group := defined(t)
	const count = 60
	files := map[string]string{"witness.yaml": witnessYAML}
	for i := range count {
		name := fmt.Sprintf("widget-%d", i)
		files[name+".yaml"] = widgetYAML(group, "v1", name)
	}
	v.declare("shop", files)
	for round, listType := range []string{asAWhole, ofItems} {
		v.apply(widgetsYAML(group, noConversion, listType))
		v.eventually("the schema is in effect", func(context.Context) error { return v.merges(group, listType == ofItems) })
		mark, written := v.mark(), make(map[string]string)
		for i := range count {
			// Any write has the API server rewrite who owns what.
			o := v.thing(widgets(group), fmt.Sprintf("widget-%d", i))
			written[o.name] = o.merge(fmt.Sprintf(`{"metadata":{"labels":{"example.com/round":"%d"}}}`, round)).GetResourceVersion()
		}
		v.settle()
		moved := 0
		for name, version := range v.versions(group) {
			if version != written[name] {
				moved++
			}
		}
		settled := v.versions(group)
		v.settle()
		for name, version := range v.versions(group) {
			if version != settled[name] {
				t.Errorf("%s is still being written", name)
			}
		}
		writes := 0
		for i := range count {
			writes += len(v.thing(widgets(group), fmt.Sprintf("widget-%d", i)).writes(mark))
		}
		t.Logf("%s: %d objects, NOPEA sent %d applies, which wrote %d of them", strings.Fields(listType)[1], count, writes, moved)
		if writes > count || moved > 0 {
			t.Errorf("NOPEA sent %d applies to %d objects that are as Git has them, and wrote %d", writes, count, moved)
		}
		edited := v.thing(widgets(group), "widget-7")
		edited.json(`[{"op":"replace","path":"/spec/items/0/value","value":"edited"}]`)
		began := time.Now()
		edited.becomes("spec.items.0.value", "1")
		t.Logf("an edit was put back after %s", time.Since(began).Round(time.Millisecond))
	}
}

// merges fails while the list of widgets is not merged by items, or still is.
func (v *tenant) merges(group string, want bool) error {
	body := fmt.Sprintf(`{"apiVersion":"%s/v1","kind":"Widget","metadata":{"name":"widget-0"},"spec":{"items":[{"name":"c"}]}}`, group)
	after, err := v.thing(widgets(group), "widget-0").tryPatch(types.ApplyPatchType, body,
		metav1.PatchOptions{FieldManager: "another", Force: new(true), DryRun: []string{metav1.DryRunAll}})
	if err != nil {
		return err
	}
	if list, _ := at(after, "spec.items").([]any); len(list) == 3 != want {
		return fmt.Errorf("an apply leaves %d items", len(list))
	}
	return nil
}

// versions are the resourceVersions of all widgets.
func (v *tenant) versions(group string) map[string]string {
	v.t.Helper()
	list, err := v.objects.Resource(widgets(group)).Namespace(v.namespace).List(background(), metav1.ListOptions{})
	if err != nil {
		v.t.Fatal(err)
	}
	found := make(map[string]string)
	for i := range list.Items {
		found[list.Items[i].GetName()] = list.Items[i].GetResourceVersion()
	}
	return found
}
