package drift

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
	"sigs.k8s.io/structured-merge-diff/v6/value"
)

// op is what an edit does at its target.
type op string

const (
	set     op = "set"
	retype  op = "retype"
	remove  op = "remove"
	add     op = "append"
	reorder op = "reorder"
)

func ops() []op { return []op{set, retype, remove, add, reorder} }

// edit is one change of an object by somebody else.
type edit struct {
	target
	op op
	// to is the new value, or the item to append.
	to any
}

// editsOf are the edits of a target by what they do: each in several versions, to try until the API server takes one.
func editsOf(t target) [][]edit {
	var all [][]edit
	try := func(op op, values ...any) {
		var versions []edit
		for _, to := range values {
			versions = append(versions, edit{target: t, op: op, to: to})
		}
		if len(versions) > 0 {
			all = append(all, versions)
		}
	}
	if t.absent {
		try(set, variants(t.value)...)
		return all
	}
	list, _ := t.value.([]any)
	switch t.shape {
	case anItem:
	case items, aList:
		try(add, more(list, t.keys)...)
	case aMap:
		try(add, "x")
	case aLabel, anAnnotation, anElement:
		try(set, variants(t.value)...)
	default:
		try(set, append(variants(t.value), t.others()...)...)
		try(retype, retyped(t.value)...)
	}
	try(remove, nil)
	if len(list) > 1 && !same(list, reversed(list)) {
		try(reorder, nil)
	}
	return all
}

// others are two values that such a field has elsewhere, where something it refers to is likely to exist.
func (t *target) others() []any {
	return first(2, slices.DeleteFunc(slices.Clone(t.like), func(v any) bool { return v == t.value }))
}

func reversed(list []any) []any {
	other := slices.Clone(list)
	slices.Reverse(other)
	return other
}

// change is an edit of a certain object.
type change struct {
	*edit
	// at leads to what changes.
	at []any
	// value there afterwards.
	value  any
	edited map[string]any
}

// gone is the value of what is removed.
type gone struct{}

// on works an edit out for an object as it is now.
func (e *edit) on(live map[string]any) (*change, bool) {
	at, old, ok := find(live, e.path)
	if last := e.path[len(e.path)-1]; !ok && e.absent && last.FieldName != nil {
		at, _, ok = find(live, e.path[:len(e.path)-1])
		at = append(at, *last.FieldName)
	}
	if !ok {
		return nil, false
	}
	c := &change{edit: e, at: at, value: e.to}
	switch list, _ := old.([]any); e.op {
	case remove:
		c.value = gone{}
	case reorder:
		c.value = reversed(list)
	case add:
		if fields, ok := old.(map[string]any); ok {
			c.value = with(fields, "x", e.to)
		} else {
			c.value = append(slices.Clone(list), e.to)
		}
	}
	c.edited = replaced(live, at, c.value).(map[string]any)
	return c, true
}

// replaced is content with another value at a place. It shares with the given content what is the same.
func replaced(content any, at []any, by any) any {
	if len(at) == 0 {
		return by
	}
	switch step := at[0].(type) {
	case string:
		fields := maps.Clone(content.(map[string]any))
		if inner := replaced(fields[step], at[1:], by); isGone(inner) {
			delete(fields, step)
		} else {
			fields[step] = inner
		}
		return fields
	case int:
		list := slices.Clone(content.([]any))
		inner := replaced(list[step], at[1:], by)
		if isGone(inner) {
			return slices.Delete(list, step, step+1)
		}
		list[step] = inner
		return list
	}
	panic(fmt.Sprintf("a step of type %T", at[0]))
}

func isGone(v any) bool {
	_, ok := v.(gone)
	return ok
}

// jsonPatch is the change as RFC 6902 has it.
func (c *change) jsonPatch() ([]byte, error) {
	var pointer strings.Builder
	for _, step := range c.at {
		pointer.WriteByte('/')
		switch s := step.(type) {
		case int:
			pointer.WriteString(strconv.Itoa(s))
		case string:
			pointer.WriteString(strings.NewReplacer("~", "~0", "/", "~1").Replace(s))
		}
	}
	operation := map[string]any{"op": "replace", "path": pointer.String(), "value": c.value}
	_, isList := c.value.([]any)
	switch {
	case c.absent:
		operation["op"] = "add"
	case c.op == remove:
		operation = map[string]any{"op": "remove", "path": pointer.String()}
	case c.op == add && isList:
		operation = map[string]any{"op": "add", "path": pointer.String() + "/-", "value": c.to}
	}
	return json.Marshal([]any{operation})
}

// mergePatch is the change as RFC 7396 has it: a list is replaced as a whole.
func (c *change) mergePatch() ([]byte, error) {
	end := slices.IndexFunc(c.at, func(step any) bool { _, ok := step.(int); return ok })
	if end < 0 {
		end = len(c.at)
	}
	var patch any = c.edited
	for _, step := range c.at[:end] {
		patch = patch.(map[string]any)[step.(string)]
	}
	for _, step := range slices.Backward(c.at[:end]) {
		patch = map[string]any{step.(string): patch}
	}
	return json.Marshal(patch)
}

// applied is the least that another manager applies to bring the change about.
func (c *change) applied() map[string]any {
	to := c.value
	if c.op == add && c.shape == items {
		to = []any{c.to}
	}
	if c.held < len(c.path) {
		_, to, _ = find(c.edited, c.path[:c.held])
	}
	for _, element := range slices.Backward(c.path[:c.held]) {
		to = around(element, to)
	}
	return to.(map[string]any)
}

// around is the smallest value that has another at the element.
func around(element fieldpath.PathElement, inner any) any {
	switch {
	case element.FieldName != nil:
		return map[string]any{*element.FieldName: inner}
	case element.Key != nil:
		item := maps.Clone(inner.(map[string]any))
		for _, key := range *element.Key {
			if _, ok := item[key.Name]; !ok {
				item[key.Name] = key.Value.Unstructured()
			}
		}
		return []any{item}
	case element.Value != nil:
		return []any{value.Value(*element.Value).Unstructured()}
	}
	panic("a path element of another kind")
}
