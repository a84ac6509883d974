package drift

import (
	"maps"
	"reflect"
	"slices"
	"strings"

	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
	"sigs.k8s.io/structured-merge-diff/v6/value"
)

// listType is how the API server merges the innermost list that a field is in, or is itself.
type listType string

const (
	noList     listType = "no list"
	mapList    listType = "map"
	setList    listType = "set"
	atomicList listType = "atomic"
)

func listTypes() []listType { return []listType{noList, mapList, setList, atomicList} }

// shape is what an edit finds at a path.
type shape string

const (
	aLabel       shape = "label"
	anAnnotation shape = "annotation"
	aString      shape = "string"
	aNumber      shape = "number"
	aBoolean     shape = "boolean"
	aList        shape = "list as a whole"
	aMap         shape = "map as a whole"
	anElement    shape = "set element"
	anItem       shape = "list item"
	items        shape = "list of items"
)

// target is a place in an object that NOPEA applied: a leaf of its field set, or something in one that the API server takes as a whole,
// or a list whose items NOPEA holds one by one, or such an item.
type target struct {
	path fieldpath.Path
	// held is how much of the path leads to what NOPEA holds as a whole.
	held  int
	list  listType
	shape shape
	// leaf: it is a field that Git has, not a container of several.
	leaf bool
	// value there; absent: the one that was applied means the same as none, and the API server stores none.
	value  any
	absent bool
	// keys are the fields that tell the items of a list apart.
	keys []string
	// like are the values of such fields elsewhere in the object.
	like []any
}

// targets of an object's content, by NOPEA's field set and by what was applied. The order is the set's.
func targets(own *fieldpath.Set, content, manifest map[string]any) []target {
	var found []target
	visit(own, nil, func(path fieldpath.Path, inner *fieldpath.Set) {
		_, at, ok := find(content, path)
		if !ok {
			_, at, _ = find(manifest, path)
		}
		t := target{path: path.Copy(), held: len(path), value: at, absent: !ok, list: enclosing(path)}
		switch {
		case inner.Empty():
			found = append(found, within(t)...)
			return
		case path[len(path)-1].Key != nil:
			t.shape = anItem
		default:
			if t.list, t.keys = itemsOf(inner); t.list == noList {
				return
			}
			t.shape = items
		}
		found = append(found, t)
	})
	like := make(map[string][]any)
	for _, t := range found {
		if t.leaf && t.shape == aString {
			like[pattern(t.path)] = append(like[pattern(t.path)], t.value)
		}
	}
	for i := range found {
		found[i].like = like[pattern(found[i].path)]
	}
	return found
}

// within are a target that NOPEA holds as a whole and what is in it.
func within(t target) []target {
	t.shape, t.leaf = shapeOf(t.path, t.value), true
	found := []target{t}
	into := func(element fieldpath.PathElement, inner any) {
		found[0].leaf = false
		path := append(t.path.Copy(), element)
		found = append(found, within(target{path: path, held: t.held, value: inner, list: enclosing(path)})...)
	}
	switch v := t.value.(type) {
	case []any:
		found[0].list = atomicList
		for i, item := range v {
			into(fieldpath.IndexElement(i), item)
		}
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			into(fieldpath.FieldNameElement(name), v[name])
		}
	}
	return found
}

// pattern is a path without what tells one list item from another.
func pattern(path fieldpath.Path) string {
	var names []string
	for _, element := range path {
		if element.FieldName != nil {
			names = append(names, *element.FieldName)
		}
	}
	return strings.Join(names, ".")
}

// visit gives each path of a field set, and what the set has in it: nothing for a leaf.
func visit(set *fieldpath.Set, prefix fieldpath.Path, see func(fieldpath.Path, *fieldpath.Set)) {
	set.Members.Iterate(func(element fieldpath.PathElement) {
		if inner, ok := set.Children.Get(element); !ok || inner.Empty() {
			see(append(prefix, element), &fieldpath.Set{})
		}
	})
	set.Children.Iterate(func(element fieldpath.PathElement) {
		if inner, _ := set.Children.Get(element); !inner.Empty() {
			path := slices.Concat(prefix, fieldpath.Path{element})
			see(path, inner)
			visit(inner, path, see)
		}
	})
}

func enclosing(path fieldpath.Path) listType {
	for _, element := range slices.Backward(path) {
		switch {
		case element.Index != nil:
			return atomicList
		case element.Key != nil:
			return mapList
		case element.Value != nil:
			return setList
		}
	}
	return noList
}

// itemsOf is the type of a list by what NOPEA holds in it, and the fields that tell its items apart.
func itemsOf(inner *fieldpath.Set) (found listType, keys []string) {
	found = noList
	see := func(element fieldpath.PathElement) {
		switch {
		case element.Key != nil:
			found, keys = mapList, nil
			for _, key := range *element.Key {
				keys = append(keys, key.Name)
			}
		case element.Value != nil:
			found = setList
		}
	}
	inner.Members.Iterate(see)
	inner.Children.Iterate(see)
	return found, keys
}

func shapeOf(path fieldpath.Path, at any) shape {
	last := path[len(path)-1]
	switch {
	case last.Value != nil:
		return anElement
	case last.Key != nil:
		return anItem
	case len(path) == 3 && isField(path[0], "metadata") && isField(path[1], "labels"):
		return aLabel
	case len(path) == 3 && isField(path[0], "metadata") && isField(path[1], "annotations"):
		return anAnnotation
	}
	switch at.(type) {
	case []any:
		return aList
	case map[string]any:
		return aMap
	case bool:
		return aBoolean
	case int64, float64:
		return aNumber
	}
	return aString
}

func isField(element fieldpath.PathElement, name string) bool {
	return element.FieldName != nil && *element.FieldName == name
}

// find follows a path into a value: at are the names of fields and the numbers of list items on the way.
func find(content any, path fieldpath.Path) (at []any, found any, ok bool) {
	found = content
	for _, element := range path {
		var step any
		if step, found, ok = enter(found, element); !ok {
			return nil, nil, false
		}
		at = append(at, step)
	}
	return at, found, true
}

func enter(content any, element fieldpath.PathElement) (step, found any, ok bool) {
	switch inner := content.(type) {
	case map[string]any:
		if element.FieldName == nil {
			return nil, nil, false
		}
		found, ok = inner[*element.FieldName]
		return *element.FieldName, found, ok
	case []any:
		if i := element.Index; i != nil {
			if *i >= len(inner) {
				return nil, nil, false
			}
			return *i, inner[*i], true
		}
		i := slices.IndexFunc(inner, func(item any) bool { return isItem(item, element) })
		if i < 0 {
			return nil, nil, false
		}
		return i, inner[i], true
	}
	return nil, nil, false
}

func isItem(item any, element fieldpath.PathElement) bool {
	switch {
	case element.Value != nil:
		return value.Equals(*element.Value, value.NewValueInterface(item))
	case element.Key != nil:
		fields, ok := item.(map[string]any)
		return ok && !slices.ContainsFunc(*element.Key, func(key value.Field) bool {
			return !value.Equals(key.Value, value.NewValueInterface(fields[key.Name]))
		})
	}
	return false
}

// disturbed gives the first field of a set that has not the value in an object that it has in another, or the first list whose items have
// another order. What others added in between does not count, nor what they put into an empty list or map.
func disturbed(own *fieldpath.Set, was, is any, path fieldpath.Path) (fieldpath.Path, bool) {
	var found fieldpath.Path
	note := func(at fieldpath.Path) {
		if found == nil {
			found = at.Copy()
		}
	}
	own.Members.Iterate(func(element fieldpath.PathElement) {
		if inner, ok := own.Children.Get(element); ok && !inner.Empty() {
			return
		}
		_, before, there := enter(was, element)
		if _, after, ok := enter(is, element); ok != there || !same(before, after) {
			note(append(path, element))
		}
	})
	last := -1
	own.Children.Iterate(func(element fieldpath.PathElement) {
		inner, _ := own.Children.Get(element)
		_, before, _ := enter(was, element)
		_, after, ok := enter(is, element)
		at := slices.Concat(path, fieldpath.Path{element})
		if !ok {
			note(at)
		} else if place, ok := disturbed(inner, before, after, at); ok {
			note(place)
		}
	})
	for _, i := range places(own, was, is) {
		if i < last {
			note(path)
		}
		last = i
	}
	return found, found != nil
}

func same(before, after any) bool {
	switch b := before.(type) {
	case map[string]any:
		if _, ok := after.(map[string]any); ok && len(b) == 0 {
			return true
		}
	case []any:
		if _, ok := after.([]any); ok && len(b) == 0 {
			return true
		}
	}
	return reflect.DeepEqual(before, after)
}

// places are where the items of one list that NOPEA holds stand in another.
func places(own *fieldpath.Set, was, is any) []int {
	before, ok := was.([]any)
	after, ok2 := is.([]any)
	if !ok || !ok2 {
		return nil
	}
	var elements []fieldpath.PathElement
	own.Members.Iterate(func(element fieldpath.PathElement) { elements = append(elements, element) })
	own.Children.Iterate(func(element fieldpath.PathElement) {
		if !own.Members.Has(element) {
			elements = append(elements, element)
		}
	})
	place := func(in []any, element fieldpath.PathElement) int {
		return slices.IndexFunc(in, func(item any) bool { return isItem(item, element) })
	}
	slices.SortFunc(elements, func(a, b fieldpath.PathElement) int { return place(before, a) - place(before, b) })
	var found []int
	for _, element := range elements {
		if i := place(after, element); i >= 0 {
			found = append(found, i)
		}
	}
	return found
}
