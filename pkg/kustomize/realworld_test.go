package kustomize

import (
	"path"
	"slices"
	"strings"
	"testing"

	"nopea.io/nopea/pkg/testing/realworld"
)

// kubePrometheus is a tree that patches published manifests that nobody wrote for this project. Where they are absent the test is skipped.
func kubePrometheus(t testing.TB) memory {
	t.Helper()
	files := realworld.Read(t, "kube-prometheus/manifests")
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
	for name, content := range files {
		if path.Ext(name) != ".yaml" {
			continue
		}
		tree["vendor/"+name] = content
		if path.Base(name) != "kustomization.yaml" {
			names = append(names, name)
		}
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
