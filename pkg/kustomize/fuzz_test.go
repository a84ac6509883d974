package kustomize

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"nopea.io/nopea/pkg/manifest"
)

// FuzzBuild builds a kustomization of any text beside files that it may refer to. What comes is objects or an error of this package; nothing is
// fetched, and it ends soon.
func FuzzBuild(f *testing.F) {
	for _, text := range shop {
		f.Add(text, deployment)
	}
	for _, field := range []string{"patches: [{path: x.yaml, target: {kind: Deployment}}]", "patchesStrategicMerge: [x.yaml]", "transformers: [x.yaml]", "generators: [x.yaml]",
		"crds: [x.yaml]", "configurations: [x.yaml]", "replacements: [{path: x.yaml}]", "configMapGenerator: [{name: x, files: [x.yaml], envs: [x.yaml]}]", "components: [c]",
		"vars: [{name: V, objref: {kind: ConfigMap, name: c, apiVersion: v1}, fieldref: {fieldpath: data.a}}]"} {
		f.Add("resources: [deploy.yaml, x.yaml, base]\n"+field, "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata: {a: $(V)}\n")
		f.Add("resources: [deploy.yaml]\n"+field, "- {op: copy, from: /spec, path: /metadata/x}\n")
	}
	f.Add("transformers: [x.yaml]", "apiVersion: builtin\nkind: PatchTransformer\nmetadata: {name: x}\npatch: '[]'\n")
	f.Fuzz(func(t *testing.T, kustomization, other string) {
		tree := memory{
			"a/kustomization.yaml": kustomization, "a/deploy.yaml": deployment, "a/x.yaml": other,
			"a/base/kustomization.yaml": "resources: [s.yaml]\n", "a/base/s.yaml": shop["apps/shop/base/service.yml"],
			"a/c/kustomization.yaml": "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nresources: [x.yaml]\n", "a/c/x.yaml": other,
		}
		limits := DefaultLimits()
		limits.MaxWork = 8 << 20
		began := time.Now()
		first, err := Build(context.Background(), tree, "a", limits)
		if took := time.Since(began); took > 20*time.Second {
			t.Errorf("it took %s", took)
		}
		if err != nil {
			if !errors.As(err, new(*Error)) && !errors.As(err, new(*manifest.ErrorList)) {
				t.Errorf("an error of %T: %v", err, err)
			}
			if strings.Contains(err.Error(), "dial tcp") || strings.Contains(err.Error(), "git fetch") {
				t.Errorf("it was fetched: %v", err)
			}
			return
		}
		for _, object := range first {
			if _, read := tree[object.Origin.File]; !read {
				t.Errorf("%s %s comes from %q", object.GetKind(), object.GetName(), object.Origin.File)
			}
		}
	})
}
