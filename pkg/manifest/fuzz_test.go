package manifest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"reflect"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	"sigs.k8s.io/yaml"
)

// FuzzParse looks for panics, for results that differ between runs, and for values that differ from kubectl's.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		configMap("a") + "---\n" + configMap("b") + "...\n",
		"%YAML 1.2\n---\n" + configMap("a") + "data:\n  x: |\n    a\n    ---\n  y: >-\n    b\n",
		configMap("a") + "v: [1, 0x1f, 1.5, 1e3, yes, ~, 2001-01-01, !!str 1, 0b1, 1_0, .5, -0.0, 1e21]\n",
		configMap("a") + "x: &x {a: 1}\ny: {<<: *x, b: *x}\n? z\n: 1\n",
		"apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: Secret, metadata: {name: a}, data: {a: YQ==}, stringData: {b: c}}\n",
		`{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"},"v":[1,1.0,"\ud83d\ude00"]}{"kind":1}`,
		"apiVersion: rbac.authorization.k8s.io/v1\nkind: RoleList\nitems:\n- metadata: {name: a, labels: {a: b}}\n",
		"a: {{ .Values.a }}\n", "- - - a\n", "\uFEFFa: 1\r\n", "a: \"\\u0000\\x41\"\n# c\n", "&a [*a]", "{a: b, ? c}",
		crd("Cluster"),
	} {
		f.Add([]byte(seed), false)
		f.Add([]byte(seed), true)
	}
	f.Fuzz(func(t *testing.T, data []byte, isJSON bool) {
		file := File{Path: "f.yaml", Data: data}
		if isJSON {
			file.Path = "f.json"
		}
		objects, err := Parse(context.Background(), []File{file}, Limits{})
		again, errAgain := Parse(context.Background(), []File{file}, Limits{})
		if !reflect.DeepEqual(objects, again) || (err == nil) != (errAgain == nil) || err != nil && err.Error() != errAgain.Error() {
			t.Fatalf("two runs differ: %v and %v", err, errAgain)
		}
		var list *ErrorList
		if err != nil && !errors.As(err, &list) {
			t.Fatalf("no list of errors: %v", err)
		}
		for _, obj := range objects {
			if obj.GetName() == "" || obj.GetKind() == "" || obj.GetAPIVersion() == "" {
				t.Fatalf("an object without name, kind or apiVersion: %v", obj)
			}
			checkHoldable(t, obj.Unstructured)
		}
		if _, err := Normalize(objects, Options{Scope: testScope, DefaultNamespace: "x"}); err != nil && !errors.As(err, &list) {
			t.Fatal(err)
		}
		if len(objects) == 1 && objects[0].Origin.Item == 0 && !isJSON {
			compareWithKubectl(t, data, objects[0])
		}
	})
}

// checkHoldable tells that an object is made of what Kubernetes' decoding gives, and nothing else.
func checkHoldable(t *testing.T, obj *unstructured.Unstructured) {
	if _, err := Hash(obj); err != nil {
		t.Fatal(err)
	}
	obj.DeepCopy() // panics at other types
}

// compareWithKubectl is for files of one document that both take. Merge keys are left out: kubectl lets those after a key
// win over it, against the specification.
func compareWithKubectl(t *testing.T, data []byte, obj Object) {
	if bytes.Contains(data, []byte("<<")) || bytes.Contains(data, []byte("!")) || bytes.Contains(data, []byte("0b")) {
		return
	}
	text, err := yaml.YAMLToJSONStrict(allowVersion12(data))
	if err != nil || !json.Valid(text) {
		return
	}
	var want map[string]any
	if err := utiljson.Unmarshal(text, &want); err != nil || want == nil {
		return // the first document is empty
	}
	if clean(want) != nil {
		t.Fatalf("kubectl's object is not valid, ours is: %v", want)
	}
	if !reflect.DeepEqual(want, obj.Object) {
		t.Fatalf("kubectl's %#v\nours %#v", want, obj.Object)
	}
}
