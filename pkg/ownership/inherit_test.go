package ownership

import (
	"slices"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
)

func versioned(version string, of metav1.ManagedFieldsEntry) metav1.ManagedFieldsEntry {
	of.APIVersion = version
	return of
}

func TestInherit(t *testing.T) {
	const a, b, ab, status = `{"f:data":{"f:a":{}}}`, `{"f:data":{"f:b":{}}}`, `{"f:data":{"f:a":{},"f:b":{}}}`, `{"f:status":{}}`
	for name, test := range map[string]struct {
		before entries
		// after are the entries as "manager operation version fields", NOPEA's first; nil when nothing is to be moved.
		after []string
	}{
		"nothing":               {nil, nil},
		"its own alone":         {entries{own(a)}, nil},
		"made by hand":          {entries{entry("kubectl-create", update, "", a, 1), entry("kubectl-edit", update, "", b, 1), entry("kubectl", update, "", b, 1)}, nil},
		"a controller's status": {entries{entry("kustomize-controller", apply, "status", status, 1)}, nil},
		"Flux":                  {entries{entry("kustomize-controller", apply, "", ab, 1)}, []string{"nopea Apply v1 " + ab}},
		"Flux, and a controller": {entries{entry("kustomize-controller", apply, "", a, 1), entry("kube-controller-manager", update, "", b, 1), entry("x", update, "status", status, 1)},
			[]string{"nopea Apply v1 " + a, "kube-controller-manager Update v1 " + b, "x Update v1 " + status}},
		"kubectl both ways": {entries{entry("kubectl-client-side-apply", update, "", a, 1), entry("kubectl", apply, "", b, 1)}, []string{"nopea Apply v1 " + ab}},
		"Helm, after NOPEA": {entries{own(a), entry("helm", update, "", b, 1)}, []string{"nopea Apply v1 " + ab}},
		"Argo CD both ways": {entries{entry("argocd-controller", apply, "", a, 1), entry("argocd-application-controller", update, "", b, 1)}, []string{"nopea Apply v1 " + ab}},
		"of its own version first": {entries{own(a), versioned("v2", entry("Helm", update, "", a, 1)), entry("helm", update, "", b, 1)},
			[]string{"nopea Apply v1 " + ab, "Helm Update v2 " + a}},
		"of another version":  {entries{versioned("v2", entry("helm", update, "", b, 1)), own(a)}, []string{"nopea Apply v2 " + b}},
		"before any apply":    {entries{entry("before-first-apply", update, "", ab, 1)}, nil},
		"before its apply":    {entries{entry("before-first-apply", update, "", ab, 1), own(a)}, []string{"before-first-apply Update v1 " + b, "nopea Apply v1 " + a}},
		"apart from what was": {entries{entry("before-first-apply", update, "", b, 1), own(a)}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			kept := slices.Clone(test.before)
			after, err := Inherit(test.before)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for i := range after {
				got = append(got, strings.Join([]string{after[i].Manager, string(after[i].Operation), after[i].APIVersion, string(after[i].FieldsV1.GetRawBytes())}, " "))
			}
			if !slices.Equal(got, test.after) {
				t.Fatalf("got %q, want %q", got, test.after)
			}
			for i := range kept {
				if string(kept[i].FieldsV1.GetRawBytes()) != string(test.before[i].FieldsV1.GetRawBytes()) {
					t.Fatal("it changed what it was given")
				}
			}
			if after != nil && !Inherits(test.before) {
				t.Error("it was not foreseen")
			}
			if len(after) > 0 && slices.Contains([]string{"nopea"}, after[0].Manager) {
				// The names of a second version come next, and then there is nothing left.
				for range 3 {
					if next, err := Inherit(after); err != nil {
						t.Fatal(err)
					} else if next != nil {
						after = next
					}
				}
				if left := Deployers(after); len(left) > 0 {
					t.Fatalf("%v are left", left)
				}
			}
		})
	}
}

func TestInheritDamaged(t *testing.T) {
	if _, err := Inherit(entries{entry("helm", update, "", `{"f:`, 1)}); err == nil || !strings.Contains(err.Error(), `"helm"`) {
		t.Fatal(err)
	}
}

func TestForfeited(t *testing.T) {
	managed := entries{
		entry("helm", update, "", `{"f:metadata":{"f:labels":{"f:app":{},"f:old":{}}},"f:spec":{"f:a":{},"f:b":{},"f:c":{}},"f:status":{"f:x":{}}}`, 1),
		entry("kustomize-controller", apply, "", `{"f:spec":{"f:b":{}}}`, 1),
		entry("someone", update, "", `{"f:spec":{"f:c":{}}}`, 1),
	}
	paths, err := Forfeited(managed, entries{own(`{"f:metadata":{"f:labels":{"f:app":{}}},"f:spec":{"f:a":{}}}`)})
	if err != nil {
		t.Fatal(err)
	}
	want := []fieldpath.Path{fieldpath.MakePathOrDie("metadata", "labels", "old"), fieldpath.MakePathOrDie("spec", "b")}
	if !slices.EqualFunc(paths, want, func(a, b fieldpath.Path) bool { return a.Equals(b) }) {
		t.Fatalf("got %v, want %v", paths, want)
	}
}
