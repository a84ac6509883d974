package health

import (
	"slices"

	"k8s.io/apimachinery/pkg/runtime/schema"
)

// workloads and the like: the kinds of Kubernetes itself that may fail to work although they were applied.
var assessed = map[schema.GroupKind]bool{
	{Group: "apps", Kind: "Deployment"}:                               true,
	{Group: "apps", Kind: "StatefulSet"}:                              true,
	{Group: "apps", Kind: "DaemonSet"}:                                true,
	{Group: "apps", Kind: "ReplicaSet"}:                               true,
	{Group: "", Kind: "Pod"}:                                          true,
	{Group: "", Kind: "PersistentVolumeClaim"}:                        true,
	{Group: "batch", Kind: "Job"}:                                     true,
	{Group: "apiextensions.k8s.io", Kind: "CustomResourceDefinition"}: true,
	{Group: "apiregistration.k8s.io", Kind: "APIService"}:             true,
}

// ownGroups are the API groups of Kubernetes itself. Every other group is of custom resources, or of an aggregated API.
var ownGroups = []string{
	"", "admissionregistration.k8s.io", "apiextensions.k8s.io", "apiregistration.k8s.io", "apps", "authentication.k8s.io",
	"authorization.k8s.io", "autoscaling", "batch", "certificates.k8s.io", "coordination.k8s.io", "discovery.k8s.io", "events.k8s.io",
	"extensions", "flowcontrol.apiserver.k8s.io", "internal.apiserver.k8s.io", "networking.k8s.io", "node.k8s.io", "policy",
	"rbac.authorization.k8s.io", "resource.k8s.io", "scheduling.k8s.io", "storage.k8s.io", "storagemigration.k8s.io",
}

// Custom tells whether a group is not one of Kubernetes' own. Such an object has a health as soon as somebody writes its status.
func Custom(group string) bool {
	return !slices.Contains(ownGroups, group)
}

// Has tells whether an object can be healthy or not, from its manifest. All others are as they should be once they are applied, and are
// never read.
func Has(kind schema.GroupKind, manifest map[string]any) bool {
	if kind == (schema.GroupKind{Kind: "Service"}) {
		spec, _ := manifest["spec"].(map[string]any)
		return spec["type"] == "LoadBalancer"
	}
	return assessed[kind] || Custom(kind.Group)
}
