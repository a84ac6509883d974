package kustomize

import (
	"strings"
	"testing"

	"nopea.io/nopea/pkg/testing/realworld"
)

// kubePrometheus is a tree that patches published manifests that nobody wrote for this project. Where they are absent the test is skipped.
func kubePrometheus(t testing.TB) memory {
	t.Helper()
	return realworld.Overlay(realworld.Read(t, "kube-prometheus/manifests"),
		"labels: [{pairs: {team: platform}}]", `images: [{name: grafana/grafana, newTag: "99.0"}]`)
}

func TestKubePrometheus(t *testing.T) {
	objects := build(t, kubePrometheus(t), realworld.OverlayPath)
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
