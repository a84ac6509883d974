package manifest

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/yaml"
)

const hidden = "s3cret-hunter2"

func testVariables() Variables {
	return Variables{
		"A": {Value: "a"}, "N": {Value: "3"}, "T": {Value: "true"}, "YES": {Value: "yes"}, "E": {}, "Q": {Value: `"`}, "NUL": {Value: "null"}, "INF": {Value: ".inf"},
		"YAML": {Value: "x\nspec: {evil: true}"}, "AGAIN": {Value: "${A}"}, "LIST": {Value: "[1, 2]"}, "S": {Value: "/"}, "PW": {Value: hidden, Secret: true},
	}
}

// typeOf knows the kinds of Kubernetes itself.
func typeOf(gvk schema.GroupVersionKind) reflect.Type {
	object, err := scheme.Scheme.New(gvk)
	if err != nil {
		return nil
	}
	return reflect.TypeOf(object)
}

func TestSubstitute(t *testing.T) {
	const deployment = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\n"
	const custom = "apiVersion: example.com/v1\nkind: Thing\nmetadata: {name: web}\n"
	for name, test := range map[string]struct{ data, want string }{
		"nothing":             {custom + "spec: {a: $A, b: '$(A)', c: '$$', d: '{A}'}\n", custom + "spec: {a: $A, b: '$(A)', c: '$$', d: '{A}'}\n"},
		"in a text":           {custom + "spec: {a: 'x-${A}-${N}.'}\n", custom + "spec: {a: x-a-3.}\n"},
		"escaped":             {custom + "spec: {a: '$${A}', b: '$$${A}', c: '${A}$${A:-x}$${'}\n", custom + "spec: {a: '${A}', b: '$${A}', c: 'a${A:-x}${'}\n"},
		"defaults":            {custom + "spec: {a: '${X:=y}', b: '${X:=}', c: '${A:=y}', d: '${E:=y}', e: '${E}'}\n", custom + "spec: {a: y, b: '', c: a, d: y, e: ''}\n"},
		"numbers":             {custom + "spec: {a: '${N}', b: '1${N}', c: '1.${N}', d: '${T}', e: 'x${N}', f: '${X:=0x10}'}\n", custom + "spec: {a: 3, b: 13, c: 1.3, d: true, e: x3, f: 16}\n"},
		"texts all the same":  {custom + "spec: {a: '${Q}${N}${Q}', b: '${NUL}', c: '${INF}', d: '${LIST}'}\n", custom + "spec: {a: '3', b: 'null', c: '.inf', d: '[1, 2]'}\n"},
		"no fields by values": {custom + "spec: {a: '${YAML}'}\n", custom + "spec: {a: \"x\\nspec: {evil: true}\"}\n"},
		"values are not read": {custom + "spec: {a: '${AGAIN}'}\n", custom + "spec: {a: '${A}'}\n"},
		"keys are not read":   {custom + "spec: {'${A}': b}\n", custom + "spec: {'${A}': b}\n"},
		"by the kind's fields": {
			deployment + "spec: {replicas: '${N}', paused: '${T}', template: {metadata: {labels: {n: '${N}'}}, spec: {nodeSelector: {t: '${T}'}, containers: [{name: '${N}', args: ['${N}'], env: [{name: A, value: '${T}'}], ports: [{containerPort: '${N}'}], readinessProbe: {httpGet: {port: '${N}'}}, resources: {limits: {cpu: '${N}'}}}]}}}\n",
			deployment + "spec: {replicas: 3, paused: true, template: {metadata: {labels: {n: '3'}}, spec: {nodeSelector: {t: 'true'}, containers: [{name: '3', args: ['3'], env: [{name: A, value: 'true'}], ports: [{containerPort: 3}], readinessProbe: {httpGet: {port: 3}}, resources: {limits: {cpu: 3}}}]}}}\n",
		},
		"metadata of any kind": {custom + "x: {}\nmetadata2: {labels: {n: '${N}'}}\n", custom + "x: {}\nmetadata2: {labels: {n: 3}}\n"},
		"data":                 {"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: '${A}', annotations: {n: '${N}'}}\ndata: {n: '${N}', y: '${YES}'}\n", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, annotations: {n: '3'}}\ndata: {n: '3', y: 'yes'}\n"},
		"a Secret":             {"apiVersion: v1\nkind: Secret\nmetadata: {name: a}\nstringData: {p: '${PW}'}\n", "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\nstringData: {p: " + hidden + "}\n"},
		"disabled": {
			"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, annotations: {nopea.io/substitute: disabled}}\ndata: {a: '${X}${1}${'}\n",
			"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, annotations: {nopea.io/substitute: disabled}}\ndata: {a: '${X}${1}${'}\n",
		},
		"disabled for Flux": {
			"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, labels: {kustomize.toolkit.fluxcd.io/substitute: Disabled}}\ndata: {a: '${X}'}\n",
			"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, labels: {kustomize.toolkit.fluxcd.io/substitute: Disabled}}\ndata: {a: '${X}'}\n",
		},
	} {
		t.Run(name, func(t *testing.T) {
			objects, err := parseOne(t, "f.yaml", test.data)
			if err != nil {
				t.Fatal(err)
			}
			before, _ := json.Marshal(objects[0].Object)
			replaced, err := Substitute(objects, testVariables(), typeOf)
			if err != nil {
				t.Fatal(err)
			}
			var want, got map[string]any
			if err := yaml.Unmarshal([]byte(test.want), &want); err != nil {
				t.Fatal(err)
			}
			after, _ := json.Marshal(replaced[0].Object)
			_ = json.Unmarshal(after, &got)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
			if now, _ := json.Marshal(objects[0].Object); string(now) != string(before) {
				t.Error("the object that was given is changed")
			}
			if secret := strings.Contains(test.data, "${PW}"); replaced[0].Confidential != secret {
				t.Errorf("confidential: %v", replaced[0].Confidential)
			}
		})
	}
}

func TestSubstituteErrors(t *testing.T) {
	for data, want := range map[string]string{
		"a: '${X}'":               `f.yaml:1: Thing "web": spec.a: the variable "X" is set neither by`,
		"a: ['', {b: 'x${X}'}]":   `spec.a[1].b: the variable "X"`,
		"a: '${A:-hunter2}'":      "spec.a: ${A…} is no variable: only ${NAME} and ${NAME:=default}",
		"a: '${A=hunter2}'":       "${A…} is no variable",
		"a: '${A%%hunter2}'":      "${A…} is no variable",
		"a: '${1}'":               "${1…} is no variable",
		"a: '${}'":                "${…} is no variable",
		"a: '${hunter2'":          "a ${ has no }",
		"a: '${X:=${hunter2}}'":   `the default of the variable "X" holds another variable`,
		"a: '${B:=x}${C}'":        `the variable "C"`,
		"a: '${A}'\n  b: '${C:+'": "a ${ has no }",
	} {
		objects, err := parseOne(t, "f.yaml", "apiVersion: example.com/v1\nkind: Thing\nmetadata: {name: web}\nspec:\n  "+data+"\n")
		if err != nil {
			t.Fatal(err)
		}
		_, err = Substitute(objects, testVariables(), typeOf)
		var list *ErrorList
		if !errors.As(err, &list) || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: got %v, want %s", data, err, want)
		}
	}
	for data, want := range map[string]string{
		"metadata: {name: '${PW}'}":                                   "metadata.name: a value of a Secret would be shown there",
		"metadata: {name: a, namespace: '${PW}'}":                     "metadata.namespace: a value of a Secret",
		"metadata: {name: a, annotations: {nopea.io/drift: '${PW}'}}": "metadata.annotations.nopea.io/drift: a value of a Secret",
		"metadata: {name: '${S}'}":                                    "metadata.name",
		"metadata: {name: '${E}'}":                                    "metadata.name is empty",
		"metadata: {name: a}\nspec: {a: '" + strings.Repeat("${B:="+strings.Repeat("x", 1<<20)+"}", 4) + "'}": "too large",
	} {
		objects, err := parseOne(t, "f.yaml", "apiVersion: example.com/v1\nkind: Thing\n"+data+"\n")
		if err != nil {
			t.Fatal(err)
		}
		_, err = Substitute(objects, testVariables(), typeOf)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), hidden) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

func TestSubstituteIsBounded(t *testing.T) {
	var objects []Object
	for i := range 50 {
		parsed, err := parseOne(t, "f.yaml", configMap(fmt.Sprint("c", i))+"data: {a: '${BIG}'}\n")
		if err != nil {
			t.Fatal(err)
		}
		objects = append(objects, parsed...)
	}
	if _, err := Substitute(objects, Variables{"BIG": {Value: strings.Repeat("x", 1<<20)}}, typeOf); err == nil || !strings.Contains(err.Error(), "too large") {
		t.Fatal(err)
	}
}

func FuzzSubstitute(f *testing.F) {
	f.Add("a-${A}-$${B}", "value", "")
	f.Add("${A:=x}${B}", "${A}", `"`)
	f.Add("${A}${", "1", "true")
	f.Fuzz(func(t *testing.T, text, a, b string) {
		object := func() []Object {
			return []Object{{Unstructured: newObject(map[string]any{"spec": map[string]any{"text": text, "list": []any{text, int64(1)}}})}}
		}
		given := object()
		variables := Variables{"A": {Value: a, Secret: true}, "B": {Value: b}}
		got, err := Substitute(given, variables, typeOf)
		if !reflect.DeepEqual(given, object()) {
			t.Fatal("the object that was given is changed")
		}
		var list *ErrorList
		if err != nil {
			if !errors.As(err, &list) {
				t.Fatalf("no list of errors: %v", err)
			}
			return
		}
		spec := got[0].Object["spec"].(map[string]any)
		if len(spec) != 2 || len(spec["list"].([]any)) != 2 || !reflect.DeepEqual(spec["text"], spec["list"].([]any)[0]) {
			t.Fatalf("the structure changed: %v", spec)
		}
		switch spec["text"].(type) {
		case string, int64, float64, bool:
		default:
			t.Fatalf("a text became %T", spec["text"])
		}
		checkHoldable(t, got[0].Unstructured)
	})
}

func newObject(fields map[string]any) *unstructured.Unstructured {
	fields["apiVersion"], fields["kind"], fields["metadata"] = "example.com/v1", "Thing", map[string]any{"name": "web"}
	return &unstructured.Unstructured{Object: fields}
}
