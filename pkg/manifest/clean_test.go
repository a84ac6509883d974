package manifest

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/yaml"
)

func TestClean(t *testing.T) {
	for name, test := range map[string]struct{ data, want string }{
		"status and what the server sets": {
			data: "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a, namespace: b, uid: x, resourceVersion: '1', generation: 1, creationTimestamp: null, deletionTimestamp: null, deletionGracePeriodSeconds: 1, managedFields: [], selfLink: x, generateName: a-, finalizers: [x], ownerReferences: [{name: o}]}\nspec: {template: {metadata: {creationTimestamp: null}}}\nstatus: {}\n",
			want: "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a, namespace: b, finalizers: [x], ownerReferences: [{name: o}]}\nspec: {template: {metadata: {creationTimestamp: null}}}\n",
		},
		"empty fields": {
			data: "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: '', labels: , annotations: }\n",
			want: "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n",
		},
		"Secret: stringData wins": {
			data: "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\ndata: {a: YQ==, b: Yg==, n: }\nstringData: {b: other, c: 'é', e: }\n",
			want: "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\ndata: {a: YQ==, b: b3RoZXI=, c: w6k=, e: '', n: ''}\n",
		},
		"Secret: stringData alone": {
			data: "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\nstringData: {b: b}\ndata:\n",
			want: "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\ndata: {b: Yg==}\n",
		},
		"Secret: base64 in lines": {
			data: "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\ndata:\n  b: |\n    YWFh\n    YQ==\nstringData: {}\n",
			want: "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\ndata: {b: YWFhYQ==}\n",
		},
		"another group's Secret": {
			data: "apiVersion: example.com/v1\nkind: Secret\nmetadata: {name: a}\nstringData: {b: b}\ndata: {a: '%'}\n",
			want: "apiVersion: example.com/v1\nkind: Secret\nmetadata: {name: a}\nstringData: {b: b}\ndata: {a: '%'}\n",
		},
	} {
		t.Run(name, func(t *testing.T) {
			objects, err := parseOne(t, "f.yaml", test.data)
			if err != nil {
				t.Fatal(err)
			}
			if objects[0].GroupVersionKind().GroupKind().String() == "Secret" {
				if err := encodeSecret(objects[0].Object); err != nil {
					t.Fatal(err)
				}
			}
			var want map[string]any
			if err := yaml.Unmarshal([]byte(test.want), &want); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, objects[0].Object); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestSecretErrorsNameKeysOnly(t *testing.T) {
	secret := "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\n"
	for data, want := range map[string]string{
		"data: {password: hunter2!}":                  `data of the Secret: the value of "password" is not base64`,
		"data: {password: 20220202}\nx: hunter2":      `data of the Secret: the value of "password" must be base64 text, not a number`,
		"data: [hunter2]":                             "data of the Secret must be a mapping, not a list",
		"stringData: {password: [hunter2]}":           `stringData of the Secret: the value of "password" must be text, not a list`,
		"stringData: hunter2":                         "stringData of the Secret must be a mapping, not a text",
		"stringData: {a: 'hunter2', a: \"hunter2\"}":  `the key "a" is set twice`,
		"stringData:\n  password: hunter2: hunter2":   "YAML: mapping values are not allowed",
		"stringData:\n  password: 'hunter2\n":         "YAML: found unexpected end of stream",
		"stringData:\n  password: !hunter2":           "a tag (!name) stands",
		"stringData:\n  password: @hunter2":           "YAML: found character that cannot start any token",
		"stringData:\n  password: *hunter2":           "YAML: an alias (*name) names",
		"stringData:\n  password: !!int hunter2":      "the value does not fit its tag !!int",
		"stringData:\n  password: \"\\hunter2\"":      "YAML: found unknown escape character",
		"stringData:\n  password: |hunter2\n    text": "YAML: did not find expected comment or line break",
	} {
		objects, err := parseOne(t, "f.yaml", secret+data)
		if err == nil {
			_, err = Normalize(objects, Options{Scope: func(schema.GroupVersionKind) (bool, bool) { return true, true }})
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %s", data, err, want)
		} else if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q: the error tells the secret: %v", data, err)
		}
	}
	_, err := parseOne(t, "f.json", `{"apiVersion":"v1","kind":"Secret","metadata":{"name":"a"},"stringData":{"p":hunter2}}`)
	if err == nil || strings.Contains(err.Error(), "h") && strings.Contains(err.Error(), "'h'") {
		t.Errorf("JSON: %v", err)
	}
}

// An object that SOPS encrypted never passes as it is.
func TestEncryptedObjectsAreRefused(t *testing.T) {
	for name, data := range map[string]string{
		"an object":         "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\nsops: {mac: x}\n",
		"without content":   "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\nsops:\n",
		"with an escape":    "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\n\"\\x73ops\": {}\n",
		"a merged key":      "x: &x {sops: {}}\napiVersion: v1\nkind: Secret\nmetadata: {name: a}\n<<: *x\n",
		"a List":            "apiVersion: v1\nkind: List\nitems: []\nsops: {}\n",
		"an item":           "apiVersion: v1\nkind: List\nitems: [{apiVersion: v1, kind: Secret, metadata: {name: a}, sops: {}}]\n",
		"the second":        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: b}\n---\napiVersion: v1\nkind: Secret\nmetadata: {name: a}\nsops: {}\n",
		"what is no object": "sops: {}\n",
	} {
		if _, err := parseOne(t, "f.yaml", data); err == nil || !strings.Contains(err.Error(), "top-level sops key") {
			t.Errorf("%s: error %v", name, err)
		}
	}
}
