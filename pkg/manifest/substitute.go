package manifest

import (
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"nopea.io/nopea/pkg/directive"
)

const (
	// maxSubstituted bounds all texts of a tree that held variables, once these are replaced.
	maxSubstituted = 32 << 20
	// maxSubstitutedText bounds one of them: the API server takes objects up to 3 MB.
	maxSubstitutedText = 3 << 20
)

// Substitute replaces the variables in the texts of objects: in values, not in keys, and never in what a value holds. An object whose
// annotations ask for it is left alone. The objects given are not changed.
//
// A text stays one value, whatever is put into it: no value can add fields. Where the Go type of the kind has a text, it stays a text.
// Elsewhere it becomes a number or a boolean if it reads as one once its variables are replaced, as it would, written there without
// quotation marks: quotation marks around a variable do not count, as they do not with Flux.
//
// Values of Secrets are refused where they would be shown: in an object's identity and in annotations and labels of nopea.io.
func Substitute(objects []Object, variables Variables, types TypeOf) ([]Object, error) {
	objects = slices.Clone(objects)
	room := int64(maxSubstituted)
	var errs ErrorList
	for i, object := range objects {
		if !holdsVariable(object.Object) || directive.SubstitutesNothing(object.GetLabels(), object.GetAnnotations()) {
			continue
		}
		s := &substitution{variables: variables, room: &room}
		replaced, err := s.object(object, known(types(object.GroupVersionKind())))
		if err != nil {
			err.Message = describeObject(object) + ": " + err.Message
			errs.add(err.at(object.Origin))
			continue
		}
		objects[i] = replaced
	}
	if err := errs.orNil(); err != nil {
		return nil, err
	}
	return objects, nil
}

// holdsVariable tells whether there may be anything to replace.
func holdsVariable(value any) bool {
	switch v := value.(type) {
	case map[string]any:
		for _, inner := range v {
			if holdsVariable(inner) {
				return true
			}
		}
	case []any:
		return slices.ContainsFunc(v, holdsVariable)
	case string:
		return strings.Contains(v, "${")
	}
	return false
}

func describeObject(object Object) string {
	return fmt.Sprintf("%s %s", object.GetKind(), quote(object.GetName()))
}

// substitution is that of one object.
type substitution struct {
	variables Variables
	room      *int64
	path      []string
	secret    bool
}

func (s *substitution) object(object Object, t reflect.Type) (Object, *Error) {
	content := object.Object
	var changed map[string]any
	for _, key := range sortedKeys(content) {
		kind := typeOfField(t, key)
		switch key {
		case "metadata":
			kind = metadataType
		case "apiVersion", "kind":
			kind = textType
		}
		value, differs, err := s.in(key, content[key], kind)
		if err != nil {
			return Object{}, err
		}
		if differs {
			if changed == nil {
				changed = maps.Clone(content)
			}
			changed[key] = value
		}
	}
	if changed == nil {
		return object, nil
	}
	object.Unstructured, object.Confidential = &unstructured.Unstructured{Object: changed}, object.Confidential || s.secret
	return object, s.check(changed)
}

// check does again what was checked while the variables were not replaced yet.
func (s *substitution) check(content map[string]any) *Error {
	if err := checkType(content); err != nil {
		return err
	}
	metadata, _ := content["metadata"].(map[string]any)
	metadata = maps.Clone(metadata)
	content["metadata"] = metadata
	return checkMetadata(metadata)
}

// in replaces the variables of what is under a key or number.
func (s *substitution) in(step string, value any, t reflect.Type) (any, bool, *Error) {
	s.path = append(s.path, step)
	defer func() { s.path = s.path[:len(s.path)-1] }()
	return s.value(value, t)
}

func (s *substitution) value(value any, t reflect.Type) (any, bool, *Error) {
	switch v := value.(type) {
	case map[string]any:
		return s.mapping(v, t)
	case []any:
		return s.list(v, t)
	case string:
		return s.text(v, t)
	}
	return value, false, nil
}

func (s *substitution) mapping(m map[string]any, t reflect.Type) (any, bool, *Error) {
	var changed map[string]any
	for _, key := range sortedKeys(m) {
		value, differs, err := s.in(key, m[key], typeOfField(t, key))
		if err != nil {
			return nil, false, err
		}
		if differs {
			if changed == nil {
				changed = maps.Clone(m)
			}
			changed[key] = value
		}
	}
	if changed == nil {
		return m, false, nil
	}
	return changed, true, nil
}

func (s *substitution) list(items []any, t reflect.Type) (any, bool, *Error) {
	var changed []any
	for i, item := range items {
		value, differs, err := s.in(fmt.Sprintf("[%d]", i), item, typeOfItem(t))
		if err != nil {
			return nil, false, err
		}
		if differs {
			if changed == nil {
				changed = slices.Clone(items)
			}
			changed[i] = value
		}
	}
	if changed == nil {
		return items, false, nil
	}
	return changed, true, nil
}

func (s *substitution) text(text string, t reflect.Type) (any, bool, *Error) {
	if !strings.Contains(text, "${") {
		return text, false, nil
	}
	result, err := s.variables.expand(text, min(*s.room, maxSubstitutedText))
	if err != nil {
		err.Message = s.where() + ": " + err.Message
		return nil, false, err
	}
	*s.room -= int64(len(result.text))
	if result.secret {
		if s.shown() {
			return nil, false, fault(InvalidVariable, "%s: a value of a Secret would be shown there; take it from a ConfigMap or from spec.substitute", s.where())
		}
		s.secret = true
	}
	if !result.replaced || result.quoted || isText(t) {
		return result.text, true, nil
	}
	switch read := plainScalar(result.text).(type) {
	case int64, bool:
		return read, true, nil
	case float64:
		if !math.IsNaN(read) && !math.IsInf(read, 0) {
			return read, true, nil
		}
	}
	return result.text, true, nil
}

// where the substitution stands, as in spec.containers[0].image.
func (s *substitution) where() string {
	where := strings.ReplaceAll(strings.Join(s.path, "."), ".[", "[")
	const longest = 300
	if len(where) > longest {
		where = strings.ToValidUTF8(where[:longest], "") + "…"
	}
	return strings.Trim(strconv.Quote(where), `"`)
}

// shown tells whether what stands here is shown in status, events and errors.
func (s *substitution) shown() bool {
	switch {
	case s.path[0] == "apiVersion", s.path[0] == "kind":
		return true
	case s.path[0] != "metadata" || len(s.path) < 2:
		return false
	case s.path[1] == "name", s.path[1] == "namespace":
		return true
	}
	return len(s.path) == 3 && (s.path[1] == "labels" || s.path[1] == "annotations") && strings.HasPrefix(s.path[2], "nopea.io/")
}
