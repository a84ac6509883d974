package apply

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"

	"nopea.io/nopea/pkg/ownership"
)

// handover is the part of a live object, with its values, that has to be applied under another manager before NOPEA leaves the given
// fields out of its manifest: those of them that NOPEA holds. Nil when it holds none.
func handover(manifest map[string]any, fields []Field, live *unstructured.Unstructured) (map[string]any, error) {
	held, err := heldFields(manifest, fields, live)
	if err != nil || len(held) == 0 {
		return nil, err
	}
	part := map[string]any{"apiVersion": live.GetAPIVersion(), "kind": live.GetKind(), "metadata": map[string]any{"name": live.GetName()}}
	if namespace := live.GetNamespace(); namespace != "" {
		part["metadata"].(map[string]any)["namespace"] = namespace
	}
	for _, field := range held {
		place(part, field.path, field.value)
	}
	return part, nil
}

// heldField is a field of a live object that NOPEA holds, and its value.
type heldField struct {
	path  fieldpath.Path
	value any
}

// heldFields are those at and beneath the given fields of a manifest.
func heldFields(manifest map[string]any, fields []Field, live *unstructured.Unstructured) ([]heldField, error) {
	own, err := ownership.Fields(live.GetManagedFields())
	if err != nil {
		return nil, err
	}
	var all []heldField
	for _, field := range fields {
		held, err := heldAt(own, manifest, field.Path)
		if err != nil {
			return nil, err
		}
		for _, path := range held {
			if value, ok := valueAt(live.Object, path); ok {
				all = append(all, heldField{path, value})
			}
		}
	}
	return all, nil
}

// heldAt lists the fields of a set at and beneath a path of the manifest.
func heldAt(set *fieldpath.Set, manifest any, path []string) ([]fieldpath.Path, error) {
	var prefix fieldpath.Path
	for i, step := range path {
		element, inner, ok := stepInto(set, manifest, step)
		if !ok {
			return nil, nil
		}
		prefix = append(prefix, element)
		children, deeper := set.Children.Get(element)
		if i < len(path)-1 && !deeper {
			if set.Members.Has(element) {
				return nil, fmt.Errorf("%s cannot be left to somebody else: the API server keeps %s as a whole; name that in ignoreDifferences",
					ownership.Name(append(prefix.Copy(), fieldpath.PathElement{FieldName: &path[i+1]})), ownership.Name(prefix))
			}
			return nil, nil
		}
		if i == len(path)-1 {
			return beneath(prefix, set.Members.Has(element), children), nil
		}
		set, manifest = children, inner
	}
	return nil, nil
}

func beneath(prefix fieldpath.Path, member bool, children *fieldpath.Set) []fieldpath.Path {
	if children == nil || children.Empty() {
		if member {
			return []fieldpath.Path{prefix.Copy()}
		}
		return nil
	}
	var paths []fieldpath.Path
	children.Leaves().Iterate(func(path fieldpath.Path) {
		paths = append(paths, append(prefix.Copy(), path.Copy()...))
	})
	return paths
}

// stepInto finds the element of a set that a step of a JSON pointer means. The items of a list are known to the API server by their
// keys, and to the pointer by their number.
func stepInto(set *fieldpath.Set, manifest any, step string) (fieldpath.PathElement, any, bool) {
	switch content := manifest.(type) {
	case map[string]any:
		inner, ok := content[step]
		return fieldpath.PathElement{FieldName: &step}, inner, ok
	case []any:
		number, err := strconv.Atoi(step)
		if err != nil || number < 0 || number >= len(content) {
			return fieldpath.PathElement{}, nil, false
		}
		item, _ := content[number].(map[string]any)
		var found *fieldpath.PathElement
		match := func(element fieldpath.PathElement) {
			if found == nil && element.Key != nil && keyed(element, item, true) {
				found = &element
			}
		}
		set.Children.Iterate(match)
		set.Members.Iterate(match)
		if found != nil {
			return *found, item, true
		}
	}
	return fieldpath.PathElement{}, nil, false
}

// keyed tells whether a list item has the keys of a path element. A manifest may leave keys out that have a default.
func keyed(element fieldpath.PathElement, item map[string]any, lenient bool) bool {
	if item == nil {
		return false
	}
	for _, key := range *element.Key {
		value, ok := item[key.Name]
		if !ok && lenient {
			continue
		}
		if !ok || !equal(value, key.Value.Unstructured()) {
			return false
		}
	}
	return true
}

// equal compares scalars, whatever type a number was decoded to.
func equal(a, b any) bool {
	return reflect.DeepEqual(a, b) || fmt.Sprint(a) == fmt.Sprint(b)
}

// valueAt is what an object holds at a path.
func valueAt(content any, path fieldpath.Path) (any, bool) {
	for _, element := range path {
		switch inner := content.(type) {
		case map[string]any:
			if element.FieldName == nil {
				return nil, false
			}
			value, ok := inner[*element.FieldName]
			if !ok {
				return nil, false
			}
			content = value
		case []any:
			i := slices.IndexFunc(inner, func(item any) bool { return isElement(element, item) })
			if i < 0 {
				return nil, false
			}
			content = inner[i]
		default:
			return nil, false
		}
	}
	return content, true
}

func isElement(element fieldpath.PathElement, item any) bool {
	switch {
	case element.Key != nil:
		fields, _ := item.(map[string]any)
		return keyed(element, fields, false)
	case element.Value != nil:
		return equal(item, (*element.Value).Unstructured())
	}
	return false
}

// place puts a value at a path, and makes what leads there.
func place(content map[string]any, path fieldpath.Path, value any) {
	element := path[0]
	if element.FieldName == nil {
		return
	}
	name := *element.FieldName
	if len(path) == 1 {
		content[name] = value
		return
	}
	if path[1].FieldName != nil {
		inner, ok := content[name].(map[string]any)
		if !ok {
			inner = map[string]any{}
			content[name] = inner
		}
		place(inner, path[1:], value)
		return
	}
	list, _ := content[name].([]any)
	content[name] = placeItem(list, path[1:], value)
}

// placeItem puts a value into a list whose items have keys or are values.
func placeItem(list []any, path fieldpath.Path, value any) []any {
	i := slices.IndexFunc(list, func(item any) bool { return isElement(path[0], item) })
	if path[0].Key == nil || len(path) == 1 {
		if i >= 0 {
			list[i] = value
			return list
		}
		return append(list, value)
	}
	if i < 0 {
		item := make(map[string]any)
		for _, key := range *path[0].Key {
			item[key.Name] = key.Value.Unstructured()
		}
		list, i = append(list, item), len(list)
	}
	item := maps.Clone(list[i].(map[string]any))
	place(item, path[1:], value)
	list[i] = item
	return list
}
