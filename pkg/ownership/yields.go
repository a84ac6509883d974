package ownership

import (
	"maps"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
)

// yield is a field that NOPEA leaves to the controller whose business it is, as long as that controller holds it. Whoever else holds
// it, under whatever other name, took it.
type yield struct {
	kind        schema.GroupKind // the zero value stands for every kind
	path        fieldpath.Path
	manager     string
	subresource string
}

var yields = []yield{{
	// The HorizontalPodAutoscaler scales through the subresource. A person who scales has another manager.
	path: fieldpath.MakePathOrDie("spec", "replicas"), manager: "kube-controller-manager", subresource: "scale",
}, {
	// The rules of a ClusterRole with an aggregationRule are gathered from others.
	kind: schema.GroupKind{Group: "rbac.authorization.k8s.io", Kind: "ClusterRole"}, path: fieldpath.MakePathOrDie("rules"),
	manager: "clusterrole-aggregation-controller",
}, {
	// Argo Rollouts points the stable and the canary Service at the Pods of a revision.
	kind: schema.GroupKind{Kind: "Service"}, path: fieldpath.MakePathOrDie("spec", "selector"), manager: "rollouts-controller",
}}

func (y *yield) covers(gk schema.GroupKind, entry *metav1.ManagedFieldsEntry) bool {
	return (y.kind == schema.GroupKind{} || y.kind == gk) && y.manager == entry.Manager && y.subresource == entry.Subresource
}

// mayYield tells whether the entry may hold a field that is yielded.
func mayYield(gk schema.GroupKind, entry *metav1.ManagedFieldsEntry) bool {
	return slices.ContainsFunc(yields, func(y yield) bool { return y.covers(gk, entry) })
}

// YieldedPaths are the fields that the controllers whose business they are hold now. An apply has to leave them out, or the two fight.
// An entry that can not be read holds none.
func YieldedPaths(gk schema.GroupKind, managed []metav1.ManagedFieldsEntry) []fieldpath.Path {
	var paths []fieldpath.Path
	for _, y := range yields {
		if slices.ContainsFunc(managed, func(entry metav1.ManagedFieldsEntry) bool { return y.applies(gk, &entry) }) {
			paths = append(paths, y.path.Copy())
		}
	}
	return paths
}

// applies tells whether the entry holds the field.
func (y *yield) applies(gk schema.GroupKind, entry *metav1.ManagedFieldsEntry) bool {
	if !y.covers(gk, entry) {
		return false
	}
	fields, err := parse(entry)
	return err == nil && holds(fields, y.path)
}

// isYielded tells whether a path, as one of the entry's fields, is at or beneath one that is yielded to the entry's manager.
func isYielded(gk schema.GroupKind, entry *metav1.ManagedFieldsEntry, path fieldpath.Path) bool {
	return slices.ContainsFunc(yields, func(y yield) bool {
		return y.covers(gk, entry) && len(path) >= len(y.path) && path[:len(y.path)].Equals(y.path)
	})
}

// signYielded is the signature that NOPEA's own fields would have with the yielded ones back among them; zero when none is missing.
func signYielded(gk schema.GroupKind, managed []metav1.ManagedFieldsEntry, own *fieldpath.Set, at *metav1.Time) (Digest, error) {
	missing := fieldpath.NewSet()
	for _, path := range YieldedPaths(gk, managed) {
		if !own.Has(path) {
			missing.Insert(path)
		}
	}
	if missing.Empty() {
		return Digest{}, nil
	}
	return sign(own.Union(missing), at)
}

// Without is an object's content less the fields at the given paths, which go through field names only. What is not there is passed
// over. The given content is not changed; the answer shares with it what did not have to change.
func Without(content map[string]any, paths []fieldpath.Path) map[string]any {
	for _, path := range paths {
		content = without(content, path)
	}
	return content
}

func without(content map[string]any, path fieldpath.Path) map[string]any {
	if len(path) == 0 || path[0].FieldName == nil {
		return content
	}
	name := *path[0].FieldName
	value, ok := content[name]
	if !ok {
		return content
	}
	if len(path) == 1 {
		content = maps.Clone(content)
		delete(content, name)
		return content
	}
	inner, ok := value.(map[string]any)
	if !ok {
		return content
	}
	content = maps.Clone(content)
	content[name] = without(inner, path[1:])
	return content
}
