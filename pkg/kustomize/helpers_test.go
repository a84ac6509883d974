package kustomize

import (
	"context"
	"encoding/json"
	"io/fs"
	"path"
	"strings"
	"testing"

	"nopea.io/nopea/pkg/manifest"
)

// memory is a tree of texts by path.
type memory map[string]string

func (m memory) File(_ context.Context, name string) ([]byte, error) {
	if text, ok := m[name]; ok {
		return []byte(text), nil
	}
	for file := range m {
		if name == "" || strings.HasPrefix(file, name+"/") {
			return nil, ErrFolder
		}
	}
	return nil, fs.ErrNotExist
}

func (m memory) with(name, text string) memory {
	more := memory{name: text}
	for file, text := range m {
		if file != name {
			more[file] = text
		}
	}
	return more
}

func build(t testing.TB, tree Tree, folder string) []manifest.Object {
	t.Helper()
	objects, err := Build(context.Background(), tree, folder, DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	return objects
}

// find gives the one object of a kind and name.
func find(t testing.TB, objects []manifest.Object, kind, name string) manifest.Object {
	t.Helper()
	for _, object := range objects {
		if object.GetKind() == kind && object.GetName() == name {
			return object
		}
	}
	t.Fatalf("no %s %s among %s", kind, name, describe(objects))
	return manifest.Object{}
}

func describe(objects []manifest.Object) string {
	var names []string
	for _, object := range objects {
		names = append(names, path.Join(object.GetKind(), object.GetNamespace(), object.GetName()))
	}
	return strings.Join(names, ", ")
}

// text is all that a build gives, to compare byte by byte.
func text(t testing.TB, objects []manifest.Object) string {
	t.Helper()
	var b strings.Builder
	for _, object := range objects {
		data, err := json.Marshal(object.Object)
		if err != nil {
			t.Fatal(err)
		}
		b.WriteString(object.Origin.String() + " " + string(data) + "\n")
	}
	return b.String()
}

const deployment = `apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - {name: web, image: example.com/web:1, env: [{name: A, value: a}], envFrom: [{configMapRef: {name: settings}}]}
`

// shop is an application with a base, a component and three environments.
var shop = memory{
	"apps/shop/base/kustomization.yaml": "resources: [deploy.yaml, service.yml]\nconfigMapGenerator:\n- name: settings\n  files: [config.ini, key=other.txt]\n  literals: [a=b]\n  envs: [all.env]\n",
	"apps/shop/base/deploy.yaml":        deployment,
	"apps/shop/base/service.yml":        "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {selector: {app: web}, ports: [{port: 80}]}\n",
	"apps/shop/base/config.ini":         "x = y\n",
	"apps/shop/base/other.txt":          "{{ not yaml: [ }}",
	"apps/shop/base/all.env":            "# comment\nC=d\nEMPTY\n",
	"components/tls/Kustomization": "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nsecretGenerator:\n- {name: tls, files: [cert.pem], options: {disableNameSuffixHash: true}}\n" +
		"patches:\n- target: {kind: Deployment}\n  patch: |\n    - {op: add, path: /spec/template/spec/volumes, value: [{name: tls, secret: {secretName: tls}}]}\n",
	"components/tls/cert.pem":           "CERT",
	"apps/shop/dev/kustomization.yaml":  overlay("dev", "1"),
	"apps/shop/test/kustomization.yml":  overlay("test", "2"),
	"apps/shop/prod/kustomization.yaml": overlay("prod", "3") + "components: [../../../components/tls]\npatches: [{path: more.yaml}]\n",
	"apps/shop/prod/more.yaml":          "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec: {template: {spec: {containers: [{name: web, env: [{name: B, value: b}]}]}}}\n",
}

func overlay(name, replicas string) string {
	return "namespace: " + name + "\nnamePrefix: " + name + "-\nresources: [../base]\nimages: [{name: example.com/web, newTag: '" + replicas + "'}]\nreplicas: [{name: web, count: " + replicas +
		"}]\nreplacements:\n- source: {kind: Deployment, name: web, fieldPath: 'spec.template.spec.containers.0.image'}\n  targets: [{select: {kind: Service}, fieldPaths: [metadata.annotations.image], options: {create: true}}]\n"
}
