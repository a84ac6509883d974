package manifest

import (
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// ScopeOf tells whether the objects of a kind live in a namespace, and whether the API server knows the kind at all. The
// caller fills it from API discovery.
type ScopeOf func(schema.GroupVersionKind) (namespaced, known bool)

// CRDScopes are the kinds that CustomResourceDefinitions among the objects will serve, each with whether it is
// namespaced. A definition that is not well-formed gives nothing; the API server will say what is wrong with it.
func CRDScopes(objects []Object) map[schema.GroupVersionKind]bool {
	scopes := map[schema.GroupVersionKind]bool{}
	for _, obj := range objects {
		if obj.GroupVersionKind().GroupKind() != (schema.GroupKind{Group: "apiextensions.k8s.io", Kind: "CustomResourceDefinition"}) {
			continue
		}
		group, _, _ := unstructured.NestedString(obj.Object, "spec", "group")
		kind, _, _ := unstructured.NestedString(obj.Object, "spec", "names", "kind")
		scope, _, _ := unstructured.NestedString(obj.Object, "spec", "scope")
		if group == "" || kind == "" || scope != "Namespaced" && scope != "Cluster" {
			continue
		}
		for _, version := range servedVersions(obj) {
			scopes[schema.GroupVersionKind{Group: group, Version: version, Kind: kind}] = scope == "Namespaced"
		}
	}
	return scopes
}

// servedVersions reads spec.versions without copying the schemas in it.
func servedVersions(crd Object) []string {
	field, _, _ := unstructured.NestedFieldNoCopy(crd.Object, "spec", "versions")
	versions, _ := field.([]any)
	var served []string
	for _, v := range versions {
		version, _ := v.(map[string]any)
		name, _ := version["name"].(string)
		if name != "" && version["served"] == true {
			served = append(served, name)
		}
	}
	return served
}
