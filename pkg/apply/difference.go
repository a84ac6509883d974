package apply

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
)

// FieldChange is a field that differs between an object as it is and as it would be. From and To are JSON, shortened where they are long,
// and empty where the field is not there. What a Secret holds is masked.
type FieldChange struct {
	Path, From, To string
}

const (
	// mask stands for a value that is not shown: neither its length nor a hash of it.
	mask = "***"
	// maxPath bounds the text of a path; names in it may be long.
	maxPath = 512
	// around is how much of what two long values have in common is shown before they begin to differ.
	around = 64
)

// Hidden says what is masked beside what a Secret holds: all values, or those of the object as it is.
type Hidden struct{ All, Before bool }

// Differences lists what differs between two states of an object, in the order of the fields' names. What the API server keeps for itself,
// the status, and the marks by which NOPEA knows its objects, do not count.
func Differences(gk schema.GroupKind, before, after map[string]any, hidden Hidden) []FieldChange {
	d := &differ{secret: gk == schema.GroupKind{Kind: "Secret"}, hidden: hidden}
	d.maps(nil, counted(before), counted(after))
	return d.changes
}

// counted is an object without what does not count.
func counted(object map[string]any) map[string]any {
	object = maps.Clone(object)
	delete(object, "status")
	metadata, _ := object["metadata"].(map[string]any)
	metadata = maps.Clone(metadata)
	for _, name := range []string{"managedFields", "resourceVersion", "generation", "uid", "creationTimestamp", "selfLink"} {
		delete(metadata, name)
	}
	for name, marks := range map[string][]string{
		"labels": {v1alpha1.LabelRepository, v1alpha1.LabelNamespace}, "annotations": {v1alpha1.AnnotationOrigin},
	} {
		values, ok := metadata[name].(map[string]any)
		if !ok {
			continue
		}
		values = maps.Clone(values)
		for _, mark := range marks {
			delete(values, mark)
		}
		if metadata[name] = values; len(values) == 0 {
			delete(metadata, name)
		}
	}
	if metadata != nil {
		object["metadata"] = metadata
	}
	return object
}

// differ gathers what differs.
type differ struct {
	secret  bool
	hidden  Hidden
	changes []FieldChange
}

// pathStep is a step of a path: the name of a field, or the text of a list item's number or name in brackets.
type pathStep struct {
	field string
	item  string
}

func (d *differ) values(path []pathStep, before, after any) {
	if before == nil && after == nil {
		return
	}
	if !d.opaque(path) {
		switch before := before.(type) {
		case map[string]any:
			if after, ok := after.(map[string]any); ok {
				d.maps(path, before, after)
				return
			}
		case []any:
			// The names of items are values.
			if after, ok := after.([]any); ok && !d.masked(path) {
				d.lists(path, before, after)
				return
			}
		}
	}
	if from, to := encoded(before), encoded(after); from != to {
		d.add(path, from, to)
	}
}

func (d *differ) maps(path []pathStep, before, after map[string]any) {
	names := maps.Clone(before)
	maps.Copy(names, after)
	for _, name := range slices.Sorted(maps.Keys(names)) {
		d.values(append(slices.Clip(path), pathStep{field: name}), before[name], after[name])
	}
}

// lists compares items by their names, where all have one, and else by their numbers. A list without names that became longer or
// shorter is told as a whole.
func (d *differ) lists(path []pathStep, before, after []any) {
	was, is := named(before), named(after)
	if was == nil || is == nil {
		if len(before) != len(after) {
			d.add(path, encoded(before), encoded(after))
			return
		}
		for i := range before {
			d.values(append(slices.Clip(path), pathStep{item: strconv.Itoa(i)}), before[i], after[i])
		}
		return
	}
	var stayed, stays []string
	for i, name := range was {
		j := slices.Index(is, name)
		if j < 0 && d.hidden.Before {
			d.values(append(slices.Clip(path), pathStep{item: itemName(mask)}), before[i], nil)
			continue
		}
		var item any
		if j >= 0 {
			item, stayed = after[j], append(stayed, name)
		}
		d.values(append(slices.Clip(path), pathStep{item: itemName(name)}), before[i], item)
	}
	for j, name := range is {
		if slices.Contains(was, name) {
			stays = append(stays, name)
			continue
		}
		d.values(append(slices.Clip(path), pathStep{item: itemName(name)}), nil, after[j])
	}
	if !slices.Equal(stayed, stays) {
		d.add(path, encoded(stayed), encoded(stays))
	}
}

// named are the names of a list's items; nil unless each has one of its own.
func named(list []any) []string {
	names, seen := make([]string, 0, len(list)), make(map[string]bool, len(list))
	for _, item := range list {
		fields, _ := item.(map[string]any)
		name, _ := fields["name"].(string)
		if name == "" || seen[name] {
			return nil
		}
		seen[name] = true
		names = append(names, name)
	}
	return names
}

func (d *differ) add(path []pathStep, from, to string) {
	switch {
	case d.masked(path):
		from, to = masked(from), masked(to)
	case d.hidden.Before:
		from = masked(from)
		_, to = excerpts("", to)
	default:
		from, to = excerpts(from, to)
	}
	d.changes = append(d.changes, FieldChange{Path: pathText(path), From: from, To: to})
}

func masked(value string) string {
	if value == "" {
		return ""
	}
	return mask
}

// masked tells whether the value at a path is not to be shown. Of a Secret are shown only the fields that can hold nothing secret: tools
// copy contents into annotations, as kubectl's client-side apply does.
func (d *differ) masked(path []pathStep) bool {
	switch {
	case d.hidden.All:
		return true
	case !d.secret:
		return false
	case len(path) == 1:
		return path[0].field != "type" && path[0].field != "immutable"
	}
	return path[0].field != "metadata" || path[1].field == "annotations"
}

// opaque tells whether what is beneath a path stays unnamed: it is masked, and is not one of the maps whose keys are names.
func (d *differ) opaque(path []pathStep) bool {
	if !d.masked(path) || !d.secret {
		return false
	}
	switch len(path) {
	case 1:
		return !slices.Contains([]string{"data", "stringData", "metadata"}, path[0].field)
	case 2:
		return path[0].field != "metadata"
	}
	return true
}

// encoded is a value as JSON; empty for none.
func encoded(value any) string {
	if value == nil {
		return ""
	}
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		// What was decoded from JSON can be encoded.
		return fmt.Sprintf("%q", "a value that cannot be shown")
	}
	return strings.TrimSuffix(text.String(), "\n")
}

// excerpts shortens two values that differ, to where they do.
func excerpts(from, to string) (string, string) {
	if len(from) <= v1alpha1.MaxPlanValue && len(to) <= v1alpha1.MaxPlanValue {
		return from, to
	}
	common := 0
	for common < min(len(from), len(to)) && from[common] == to[common] {
		common++
	}
	skip := max(0, common-around)
	for skip > 0 && !utf8.RuneStart(from[skip]) {
		skip--
	}
	return excerpt(from, skip), excerpt(to, skip)
}

func excerpt(text string, skip int) string {
	const more = "…"
	head := ""
	if skip > 0 {
		head, text = more, text[skip:]
	}
	if most := v1alpha1.MaxPlanValue - len(head) - len(more); len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + more
	}
	return head + text
}

// plain names need no quotes in a path.
var plain = regexp.MustCompile(`^[A-Za-z0-9_/-]+$`)

func itemName(name string) string {
	if !plain.MatchString(name) {
		name = strconv.Quote(name)
	}
	return "name=" + name
}

// pathText writes a path as kubectl does: spec.containers[name=app].env[0], metadata.annotations["example.com/x"].
func pathText(path []pathStep) string {
	var text strings.Builder
	for _, s := range path {
		switch {
		case s.item != "":
			text.WriteString("[" + s.item + "]")
		case !plain.MatchString(s.field):
			text.WriteString("[" + strconv.Quote(s.field) + "]")
		default:
			if text.Len() > 0 {
				text.WriteByte('.')
			}
			text.WriteString(s.field)
		}
	}
	if text.Len() > maxPath {
		return strings.ToValidUTF8(text.String()[:maxPath-len("…")], "") + "…"
	}
	return text.String()
}
