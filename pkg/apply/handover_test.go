package apply

import (
	"encoding/json"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

func TestHandover(t *testing.T) {
	const (
		manifest = `{"spec":{"replicas":1,"template":{"containers":[{"name":"a","image":"x"},{"name":"b","image":"y"}]},"args":["1"]}}`
		live     = `{"apiVersion":"v1","kind":"Thing","metadata":{"name":"t","namespace":"n"},"spec":{"replicas":7,` +
			`"template":{"containers":[{"name":"b","image":"new","port":1},{"name":"a","image":"x"}]},"args":["2"]}}`
		fields = `{"f:spec":{"f:replicas":{},"f:args":{},"f:template":{"f:containers":{"k:{\"name\":\"a\"}":{".":{},"f:name":{},"f:image":{}},` +
			`"k:{\"name\":\"b\"}":{".":{},"f:name":{},"f:image":{}}}}}}`
		head = `{"apiVersion":"v1","kind":"Thing","metadata":{"name":"t","namespace":"n"},"spec":`
	)
	for name, test := range map[string]struct {
		paths       []string
		want, fault string
	}{
		"a scalar":              {paths: []string{"spec/replicas"}, want: head + `{"replicas":7}}`},
		"in a list item":        {paths: []string{"spec/template/containers/1/image"}, want: head + `{"template":{"containers":[{"image":"new","name":"b"}]}}}`},
		"two in one list":       {paths: []string{"spec/template/containers/1/image", "spec/template/containers/0/image"}, want: head + `{"template":{"containers":[{"image":"new","name":"b"},{"image":"x","name":"a"}]}}}`},
		"a whole atomic list":   {paths: []string{"spec/args"}, want: head + `{"args":["2"]}}`},
		"part of an atomic one": {paths: []string{"spec/args/0"}, fault: "spec.args"},
		"not held":              {paths: []string{"spec/other"}},
	} {
		t.Run(name, func(t *testing.T) {
			var content, object map[string]any
			for text, target := range map[string]*map[string]any{manifest: &content, live: &object} {
				if err := json.Unmarshal([]byte(text), target); err != nil {
					t.Fatal(err)
				}
			}
			at := &unstructured.Unstructured{Object: object}
			at.SetManagedFields([]metav1.ManagedFieldsEntry{{Manager: "nopea", Operation: metav1.ManagedFieldsOperationApply, APIVersion: "v1",
				FieldsType: "FieldsV1", FieldsV1: metav1.NewFieldsV1(fields)}})
			var left []Field
			for _, path := range test.paths {
				left = append(left, Field{Path: strings.Split(path, "/")})
			}
			part, err := handover(content, left, at)
			if test.fault != "" {
				if err == nil || !strings.Contains(err.Error(), test.fault) {
					t.Fatalf("got %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			got := ""
			if part != nil {
				text, err := json.Marshal(part)
				if err != nil {
					t.Fatal(err)
				}
				got = string(text)
			}
			if got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
}

func TestIdentified(t *testing.T) {
	body, err := Encode(map[string]any{"apiVersion": "v1", "kind": "ConfigMap", "metadata": map[string]any{"name": "x"}, "data": map[string]any{"a": "b"}})
	if err != nil {
		t.Fatal(err)
	}
	for got, want := range map[string]string{
		string(body):                     `{"metadata":{"name":"x"},"apiVersion":"v1","data":{"a":"b"},"kind":"ConfigMap"}`,
		string(identified(body, "u\"1")): `{"metadata":{"uid":"u\"1","name":"x"},"apiVersion":"v1","data":{"a":"b"},"kind":"ConfigMap"}`,
		string(identified(body, "")):     `{"metadata":{"resourceVersion":"1","name":"x"},"apiVersion":"v1","data":{"a":"b"},"kind":"ConfigMap"}`,
	} {
		if got != want || !json.Valid([]byte(got)) {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
	if _, err := Encode(map[string]any{"kind": "x"}); err == nil {
		t.Error("a manifest without metadata was encoded")
	}
}

func TestRemoval(t *testing.T) {
	patch, err := removal("42", [][]string{{"spec", "list", "2"}, {"spec", "a/b"}, {"spec", "list", "10"}})
	const want = `[{"op":"test","path":"/metadata/resourceVersion","value":"42"},{"op":"remove","path":"/spec/list/10"},` +
		`{"op":"remove","path":"/spec/list/2"},{"op":"remove","path":"/spec/a~1b"}]`
	if err != nil || string(patch) != want {
		t.Errorf("got  %s, %v\nwant %s", patch, err, want)
	}
}
