package manifest

import (
	"cmp"
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Options say how [Normalize] completes objects.
type Options struct {
	// Scope tells what the API server serves. Kinds that it does not know may still be defined by a
	// CustomResourceDefinition in the same tree.
	Scope ScopeOf
	// TargetNamespace is set on namespaced objects that name no namespace; it never replaces one that is written.
	TargetNamespace string
	// DefaultNamespace stands in for TargetNamespace where that is empty: the GitRepository's own.
	DefaultNamespace string
	// Labels and Annotations give what to set on an object, over what is written. They are called with the object as it
	// is after its namespace is set, must not change it, and may be nil.
	Labels, Annotations func(Object) map[string]string
}

// Normalize makes objects ready to apply: namespaces filled in where they belong and removed where they do not, labels
// and annotations set, stringData of a Secret merged into data. An object of a kind that nobody knows, and an object that is written twice, is an error.
// The objects given are not changed. The result is sorted by file, document and item.
func Normalize(objects []Object, opts Options) ([]Object, error) {
	objects = slices.Clone(objects)
	slices.SortStableFunc(objects, func(a, b Object) int { return compareOrigins(a.Origin, b.Origin) })
	n := normalizer{opts: opts, crds: CRDScopes(objects), seen: make(map[identity]Origin, len(objects))}
	var errs ErrorList
	for i, obj := range objects {
		normal, err := n.normalize(obj)
		if err != nil {
			errs.add(err.at(obj.Origin))
			continue
		}
		objects[i] = normal
	}
	if err := errs.orNil(); err != nil {
		return nil, err
	}
	return objects, nil
}

// identity is what makes two manifests the same object: the API server holds one object under all versions of its kind.
type identity struct {
	schema.GroupKind
	namespace, name string
}

type normalizer struct {
	opts Options
	crds map[schema.GroupVersionKind]bool
	seen map[identity]Origin
}

func (n *normalizer) normalize(obj Object) (Object, *Error) {
	gvk := obj.GroupVersionKind()
	namespaced, known := n.scope(gvk)
	if !known {
		return Object{}, fault(UnknownKind, "%s %s: the API server knows no kind %s in %s and no CustomResourceDefinition in the tree serves it; "+
			"add or install its definition, or correct kind and apiVersion", gvk.Kind, quote(obj.GetName()), quote(gvk.Kind), quote(gvk.GroupVersion().String()))
	}
	metadata, ok := obj.Object["metadata"].(map[string]any)
	if !ok {
		return Object{}, fault(MissingName, "metadata.name is missing; set it")
	}
	// Only what changes is copied: the object, its metadata, labels and annotations.
	content := maps.Clone(obj.Object)
	metadata = maps.Clone(metadata)
	content["metadata"] = metadata
	obj.Unstructured = &unstructured.Unstructured{Object: content}
	if gvk.Group == "" && gvk.Kind == "Secret" {
		if err := encodeSecret(content); err != nil {
			return Object{}, err
		}
	}

	n.setNamespace(obj, metadata, namespaced)
	if err := n.checkTwice(obj, gvk); err != nil {
		return Object{}, err
	}
	if err := setTexts(obj, metadata, "labels", n.opts.Labels); err != nil {
		return Object{}, err
	}
	return obj, setTexts(obj, metadata, "annotations", n.opts.Annotations)
}

// scope asks the API server first: the scope of a kind that it serves cannot change.
func (n *normalizer) scope(gvk schema.GroupVersionKind) (namespaced, known bool) {
	if n.opts.Scope != nil {
		if namespaced, known = n.opts.Scope(gvk); known {
			return namespaced, true
		}
	}
	namespaced, known = n.crds[gvk]
	return namespaced, known
}

func (n *normalizer) setNamespace(obj Object, metadata map[string]any, namespaced bool) {
	switch {
	case !namespaced:
		delete(metadata, "namespace")
	case obj.GetNamespace() == "":
		if namespace := cmp.Or(n.opts.TargetNamespace, n.opts.DefaultNamespace); namespace != "" {
			metadata["namespace"] = namespace
		}
	}
}

func (n *normalizer) checkTwice(obj Object, gvk schema.GroupVersionKind) *Error {
	id := identity{GroupKind: gvk.GroupKind(), namespace: obj.GetNamespace(), name: obj.GetName()}
	first, twice := n.seen[id]
	if !twice {
		n.seen[id] = obj.Origin
		return nil
	}
	name := obj.GetName()
	if id.namespace != "" {
		name = id.namespace + "/" + name
	}
	return fault(Duplicate, "%s %s is also written in %s; remove one of them", gvk.Kind, quote(name), first)
}

// setTexts sets labels or annotations over those that are written.
func setTexts(obj Object, metadata map[string]any, field string, texts func(Object) map[string]string) *Error {
	if written := metadata[field]; written != nil {
		if err := checkTexts("metadata."+field, written); err != nil {
			return err
		}
	}
	if texts == nil {
		return nil
	}
	set := texts(obj)
	if len(set) == 0 {
		return nil
	}
	written, _ := metadata[field].(map[string]any)
	all := make(map[string]any, len(written)+len(set))
	maps.Copy(all, written)
	for key, text := range set {
		all[key] = text
	}
	metadata[field] = all
	return nil
}
