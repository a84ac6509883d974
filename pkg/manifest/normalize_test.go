package manifest

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// testScope is an API server that knows these kinds, in any version.
func testScope(gvk schema.GroupVersionKind) (namespaced, known bool) {
	switch gvk.Kind {
	case "ConfigMap", "Deployment", "Ingress":
		return true, true
	case "Namespace", "CustomResourceDefinition":
		return false, true
	}
	return false, false
}

func mustParse(t *testing.T, files ...File) []Object {
	t.Helper()
	objects, err := Parse(context.Background(), files, Limits{})
	if err != nil {
		t.Fatal(err)
	}
	return objects
}

func TestNormalizeNamespaces(t *testing.T) {
	const none, own, cluster = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: own}\n", "apiVersion: v1\nkind: Namespace\nmetadata: {name: a, namespace: x}\n"
	for name, test := range map[string]struct {
		data, target, def, want string
	}{
		"default":                   {none, "", "team", "team"},
		"target before default":     {none, "target", "team", "target"},
		"target fills, no override": {own, "target", "team", "own"},
		"cluster-scoped":            {cluster, "target", "team", ""},
		"no default":                {none, "", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			objects := mustParse(t, File{Path: "f.yaml", Data: []byte(test.data)})
			before := objects[0].DeepCopy()
			normal, err := Normalize(objects, Options{Scope: testScope, TargetNamespace: test.target, DefaultNamespace: test.def})
			if err != nil {
				t.Fatal(err)
			}
			if got := normal[0].GetNamespace(); got != test.want {
				t.Errorf("namespace %q, want %q", got, test.want)
			}
			if diff := cmp.Diff(before.Object, objects[0].Object); diff != "" {
				t.Errorf("the object given was changed: %s", diff)
			}
		})
	}
}

func TestNormalizeLabelsAndAnnotations(t *testing.T) {
	objects := mustParse(t, File{Path: "f.yaml", Data: []byte("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, labels: {keep: x, over: x}}\n")})
	before := objects[0].DeepCopy()
	normal, err := Normalize(objects, Options{
		Scope: testScope, DefaultNamespace: "team",
		Labels: func(Object) map[string]string { return map[string]string{"over": "y", "new": "z"} },
		Annotations: func(o Object) map[string]string {
			return map[string]string{"at": o.GetNamespace() + " " + o.Origin.String()}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]string{"keep": "x", "over": "y", "new": "z"}, normal[0].GetLabels()); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[string]string{"at": "team f.yaml"}, normal[0].GetAnnotations()); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(before.Object, objects[0].Object); diff != "" {
		t.Errorf("the object given was changed: %s", diff)
	}
	normal, err = Normalize(objects, Options{Scope: testScope, Labels: func(Object) map[string]string { return nil }})
	if err != nil || normal[0].GetAnnotations() != nil {
		t.Errorf("an empty field was added: %v, %v", normal, err)
	}
}

func TestNormalizeErrors(t *testing.T) {
	a := File{Path: "a.yaml", Data: []byte(configMap("x"))}
	for name, test := range map[string]struct {
		files []File
		code  Code
		want  string
	}{
		"twice": {[]File{a, {Path: "b.yaml", Data: []byte(configMap("other") + "---\n" + configMap("x"))}}, Duplicate,
			`b.yaml:6 (document 2): ConfigMap "team/x" is also written in a.yaml; remove one of them`},
		"twice after defaulting": {[]File{a, {Path: "b.yaml", Data: []byte("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x, namespace: team}\n")}}, Duplicate,
			`b.yaml:1: ConfigMap "team/x" is also written in a.yaml`},
		"twice in other versions": {[]File{
			{Path: "a.yaml", Data: []byte("apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: x}\n")},
			{Path: "b.yaml", Data: []byte("apiVersion: networking.k8s.io/v1beta1\nkind: Ingress\nmetadata: {name: x}\n")}}, Duplicate, `b.yaml:1: Ingress "team/x"`},
		"twice, cluster-scoped": {[]File{
			{Path: "a.yaml", Data: []byte("apiVersion: v1\nkind: Namespace\nmetadata: {name: x}\n---\napiVersion: v1\nkind: Namespace\nmetadata: {name: x, namespace: ns}\n")}}, Duplicate,
			`a.yaml:5 (document 2): Namespace "x" is also written in a.yaml (document 1)`},
		"unknown kind": {[]File{{Path: "a.yaml", Data: []byte("apiVersion: example.com/v1\nkind: Gadget\nmetadata: {name: x}\n")}}, UnknownKind,
			`a.yaml:1: Gadget "x": the API server knows no kind "Gadget" in "example.com/v1"`},
		"version that the CRD does not serve": {[]File{{Path: "crd.yaml", Data: []byte(crd("Namespaced"))},
			{Path: "a.yaml", Data: []byte("apiVersion: example.com/v1alpha1\nkind: Widget\nmetadata: {name: x}\n")}}, UnknownKind, `a.yaml:1: Widget "x"`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Normalize(mustParse(t, test.files...), Options{Scope: testScope, DefaultNamespace: "team"})
			var e *Error
			if !errors.As(err, &e) || e.Code != test.code || !strings.HasPrefix(e.Error(), test.want) {
				t.Errorf("got %v, want %s", err, test.want)
			}
		})
	}
}

func TestNormalizeObjectsOfOthers(t *testing.T) {
	for name, content := range map[string]map[string]any{
		"no metadata":     {"apiVersion": "v1", "kind": "ConfigMap"},
		"labels are text": {"apiVersion": "v1", "kind": "ConfigMap", "metadata": map[string]any{"name": "a", "labels": "x"}},
	} {
		_, err := Normalize([]Object{{Unstructured: &unstructured.Unstructured{Object: content}}}, Options{Scope: testScope})
		var e *Error
		if !errors.As(err, &e) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func crd(scope string) string {
	return "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: widgets.example.com}\n" +
		"spec: {group: example.com, scope: " + scope + ", names: {kind: Widget}, versions: [{name: v1, served: true}, {name: v1alpha1, served: false}, {name: v2, served: true}]}\n"
}

func TestCRDScopes(t *testing.T) {
	kind := func(version string) schema.GroupVersionKind {
		return schema.GroupVersionKind{Group: "example.com", Version: version, Kind: "Widget"}
	}
	for scope, want := range map[string]map[schema.GroupVersionKind]bool{
		"Namespaced": {kind("v1"): true, kind("v2"): true},
		"Cluster":    {kind("v1"): false, kind("v2"): false},
		"Other":      {},
		"[]":         {},
	} {
		if diff := cmp.Diff(want, CRDScopes(mustParse(t, File{Path: "crd.yaml", Data: []byte(crd(scope))}))); diff != "" {
			t.Errorf("%s: %s", scope, diff)
		}
	}
	broken := "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: a}\nspec: {group: a, scope: Cluster, names: {kind: A}, versions: [1, {served: true}, {name: 1, served: true}]}\n"
	if got := CRDScopes(mustParse(t, File{Path: "crd.yaml", Data: []byte(broken)})); len(got) != 0 {
		t.Errorf("got %v", got)
	}
}

func TestNormalizeWithCRDInTree(t *testing.T) {
	widget := File{Path: "a.yaml", Data: []byte("apiVersion: example.com/v2\nkind: Widget\nmetadata: {name: x, namespace: ns}\n")}
	for scope, want := range map[string]string{"Namespaced": "ns", "Cluster": ""} {
		normal, err := Normalize(mustParse(t, File{Path: "z.yaml", Data: []byte(crd(scope))}, widget), Options{Scope: testScope})
		if err != nil {
			t.Fatal(err)
		}
		if got := normal[0].GetNamespace(); got != want {
			t.Errorf("%s: namespace %q", scope, got)
		}
	}
}

func TestHash(t *testing.T) {
	hash := func(data string) string {
		sum, err := Hash(mustParse(t, File{Path: "f.yaml", Data: []byte(data)})[0].Unstructured)
		if err != nil {
			t.Fatal(err)
		}
		return sum
	}
	a := hash("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {a: '1', b: '2'}\n")
	if a != "56f845fe8226da0f1a5961992bf30bb087200b5f8971fdec651fb29e59c9e2f4" {
		t.Errorf("hash %s", a)
	}
	if b := hash("kind: ConfigMap\n# other order\nmetadata: {name: a, uid: x}\ndata: {b: \"2\", a: '1'}\napiVersion: v1\nstatus: {}\n"); a != b {
		t.Error("the same object has another hash")
	}
	if b := hash("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {a: '1', b: '3'}\n"); a == b {
		t.Error("another object has the same hash")
	}
	if _, err := Hash(&unstructured.Unstructured{Object: map[string]any{"a": func() {}}}); err == nil {
		t.Error("no error for what JSON cannot hold")
	}
}
