package ownership

import (
	"reflect"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
)

func TestYields(t *testing.T) {
	const replicas, selector = `{"f:spec":{"f:replicas":{}}}`, `{"f:spec":{"f:selector":{}}}`
	for name, test := range map[string]struct {
		kind schema.GroupKind
		by   metav1.ManagedFieldsEntry
		want []string
	}{
		"the autoscaler":                       {deployment, entry("kube-controller-manager", update, "scale", replicas, 200), []string{"spec.replicas"}},
		"the autoscaler of a custom resource":  {schema.GroupKind{Group: "example.com", Kind: "Web"}, entry("kube-controller-manager", update, "scale", replicas, 200), []string{"spec.replicas"}},
		"kubectl scale":                        {deployment, entry("kubectl", update, "scale", replicas, 200), nil},
		"not through the subresource":          {deployment, entry("kube-controller-manager", update, "", replicas, 200), nil},
		"something else by the autoscaler":     {deployment, entry("kube-controller-manager", update, "scale", selector, 200), nil},
		"Argo Rollouts":                        {service, entry("rollouts-controller", update, "", selector, 200), []string{"spec.selector"}},
		"Argo Rollouts on another kind":        {deployment, entry("rollouts-controller", update, "", selector, 200), nil},
		"an entry that can not be read":        {deployment, entry("kube-controller-manager", update, "scale", `{"f:spec`, 200), nil},
		"an entry without fields":              {deployment, metav1.ManagedFieldsEntry{Manager: "kube-controller-manager", Subresource: "scale"}, nil},
		"a person under the autoscaler's name": {deployment, entry("kube-controller-manager-2", update, "scale", replicas, 200), nil},
	} {
		var got []string
		for _, path := range YieldedPaths(test.kind, entries{own(replicas), test.by}) {
			got = append(got, Name(path))
		}
		if !reflect.DeepEqual(got, test.want) {
			t.Errorf("%s: yields %q, want %q", name, got, test.want)
		}
	}
}

// TestYieldedSignature: what was taken by its rightful controller shows in the signature, and not in the yielded one.
func TestYieldedSignature(t *testing.T) {
	const all, less = `{"f:spec":{"f:paused":{},"f:replicas":{}}}`, `{"f:spec":{"f:paused":{}}}`
	autoscaler := entry("kube-controller-manager", update, "scale", `{"f:spec":{"f:replicas":{}}}`, 200)
	read := func(managed ...metav1.ManagedFieldsEntry) Facts {
		t.Helper()
		facts, err := Read(deployment, objectWith(managed...), nil)
		if err != nil {
			t.Fatal(err)
		}
		return facts
	}
	before, taken, shared := read(own(all)), read(own(less), autoscaler), read(own(all), autoscaler)
	if before.Yielded != (Digest{}) || shared.Yielded != (Digest{}) {
		t.Errorf("nothing is missing, and yet yielded: %s, %s", before.Yielded, shared.Yielded)
	}
	if taken.Signature == before.Signature || taken.Yielded != before.Signature {
		t.Errorf("before %s; taken: signature %s, yielded %s", before.Signature, taken.Signature, taken.Yielded)
	}
	person := read(own(less), entry("kubectl", update, "scale", `{"f:spec":{"f:replicas":{}}}`, 200))
	if person.Yielded != (Digest{}) {
		t.Error("yielded to a person")
	}
	more := read(own(`{}`), autoscaler)
	if more.Yielded == before.Signature || more.Yielded == (Digest{}) {
		t.Errorf("with another field gone too: yielded %s", more.Yielded)
	}
	if none := read(autoscaler); none.Yielded != (Digest{}) || none.Signature != (Digest{}) {
		t.Errorf("NOPEA applied nothing: %+v", none)
	}
}

func TestWithout(t *testing.T) {
	inner := map[string]any{"replicas": int64(3), "paused": true}
	content := map[string]any{"kind": "Deployment", "spec": inner, "list": []any{"a"}}
	replicas := fieldpath.MakePathOrDie("spec", "replicas")
	got := Without(content, []fieldpath.Path{replicas, fieldpath.MakePathOrDie("spec", "gone", "deep"), fieldpath.MakePathOrDie("list", "a"), {}})
	want := map[string]any{"kind": "Deployment", "spec": map[string]any{"paused": true}, "list": []any{"a"}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if len(inner) != 2 || len(content) != 3 {
		t.Errorf("the content given was changed: %v", content)
	}
	if got := Without(nil, []fieldpath.Path{replicas}); got != nil {
		t.Errorf("nothing became %v", got)
	}
}
