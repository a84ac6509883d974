package kustomize

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// kubePrometheus is a tree that patches published manifests that nobody wrote for this project. Where they are absent the test is skipped.
func kubePrometheus(t testing.TB) memory {
	t.Helper()
	root := os.Getenv("NOPEA_REALWORLD")
	if root == "" {
		root = filepath.Join("..", "..", "..", "shared", "realworld")
	}
	root = filepath.Join(root, "kube-prometheus", "manifests")
	if _, err := os.Stat(root); err != nil {
		t.Skipf("no manifests in %s: set NOPEA_REALWORLD to the folder that holds kube-prometheus", root)
	}
	tree := memory{"monitoring/kustomization.yaml": `
resources: [../vendor]
labels: [{pairs: {team: platform}}]
images: [{name: grafana/grafana, newTag: "99.0"}]
patches:
- target: {kind: Prometheus, name: k8s}
  patch: '[{"op": "replace", "path": "/spec/replicas", "value": 1}]'
- patch: |
    apiVersion: apps/v1
    kind: Deployment
    metadata: {name: grafana, namespace: monitoring}
    spec: {replicas: 2}
`}
	var names []string
	err := filepath.WalkDir(root, func(name string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() || filepath.Ext(name) != ".yaml" {
			return err
		}
		data, err := os.ReadFile(name)
		relative := strings.TrimPrefix(name, root+"/")
		tree["vendor/"+relative] = string(data)
		if filepath.Base(name) != "kustomization.yaml" {
			names = append(names, relative)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(names)
	tree["vendor/kustomization.yaml"] = "resources: [" + strings.Join(names, ", ") + "]\n"
	return tree
}

func TestKubePrometheus(t *testing.T) {
	objects := build(t, kubePrometheus(t), "monitoring")
	if len(objects) < 130 {
		t.Errorf("%d objects", len(objects))
	}
	grafana := find(t, objects, "Deployment", "grafana")
	if grafana.GetNamespace() != "monitoring" || grafana.GetLabels()["team"] != "platform" || !strings.HasPrefix(grafana.Origin.File, "vendor/") {
		t.Errorf("%s in %s with %v", grafana.Origin, grafana.GetNamespace(), grafana.GetLabels())
	}
	if replicas := find(t, objects, "Prometheus", "k8s").Object["spec"].(map[string]any)["replicas"]; replicas != int64(1) {
		t.Errorf("replicas %v", replicas)
	}
}
