package realworld

import (
	"path"
	"slices"
	"strings"
)

// OverlayPath is the folder of an Overlay that is to be built.
const OverlayPath = "monitoring"

// Overlay is a tree whose kustomization patches the Deployment grafana and the Prometheus k8s of the manifests of kube-prometheus, and
// does what else it is told to. Their own kustomizations are left out.
func Overlay(manifests map[string]string, others ...string) map[string]string {
	tree := map[string]string{OverlayPath + "/kustomization.yaml": `
resources: [../vendor]
patches:
- target: {kind: Prometheus, name: k8s}
  patch: '[{"op": "replace", "path": "/spec/replicas", "value": 1}]'
- patch: |
    apiVersion: apps/v1
    kind: Deployment
    metadata: {name: grafana, namespace: monitoring}
    spec: {replicas: 2}
` + strings.Join(others, "\n") + "\n"}
	var names []string
	for name, content := range manifests {
		if path.Ext(name) != ".yaml" || path.Base(name) == "kustomization.yaml" {
			continue
		}
		tree["vendor/"+name] = content
		names = append(names, name)
	}
	slices.Sort(names)
	tree["vendor/kustomization.yaml"] = "resources: [" + strings.Join(names, ", ") + "]\n"
	return tree
}
