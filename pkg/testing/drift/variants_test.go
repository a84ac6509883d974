package drift

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// choices are values of which a field that has one may as well have another.
var choices = [][]string{
	{"TCP", "UDP", "SCTP"}, {"Always", "IfNotPresent", "Never"}, {"ClusterIP", "NodePort"}, {"RollingUpdate", "Recreate", "OnDelete"},
	{"Ingress", "Egress"}, {"keep", "drop", "replace", "labeldrop"}, {"ServiceAccount", "User"}, {"Role", "ClusterRole"},
	{"HTTP", "HTTPS"}, {"http", "https"}, {"RuntimeDefault", "Unconfined"}, {"linux", "windows"}, {"ALL", "NET_ADMIN"},
	{"string", "integer", "boolean", "object", "array"}, {"map", "atomic", "granular", "set"}, {"Namespaced", "Cluster"},
	{"None", "HostToContainer", "Bidirectional"}, {"int32", "int64"}, {"true", "false"}, {"ClusterFirst", "Default"},
}

// variants are values that differ from a given one, the likeliest to be valid first; of a list or map, such in which one thing differs.
func variants(v any) []any {
	switch old := v.(type) {
	case bool:
		return []any{!old}
	case int64:
		return []any{old + 1, old - 1}
	case float64:
		return []any{old + 1}
	case string:
		return texts(old)
	case []any:
		var all []any
		for i, item := range old {
			for _, other := range first(2, variants(item)) {
				changed := slices.Clone(old)
				changed[i] = other
				all = append(all, changed)
			}
		}
		return first(6, all)
	case map[string]any:
		var all []any
		for _, name := range slices.Sorted(maps.Keys(old)) {
			for _, other := range first(2, variants(old[name])) {
				all = append(all, with(old, name, other))
			}
		}
		return first(6, all)
	}
	return nil
}

func texts(old string) []any {
	var all []any
	for _, choice := range choices {
		if i := slices.Index(choice, old); i >= 0 {
			for j := range choice[1:] {
				all = append(all, choice[(i+j+1)%len(choice)])
			}
		}
	}
	if bumped, ok := bump(old); ok {
		all = append(all, bumped)
	}
	return append(all, old+"x", "x"+old)
}

// bump is a text with its first number one higher, as in 30s and v1.2.
func bump(text string) (string, bool) {
	start := strings.IndexFunc(text, unicode.IsDigit)
	if start < 0 {
		return "", false
	}
	end := start
	for end < len(text) && text[end] >= '0' && text[end] <= '9' {
		end++
	}
	number, err := strconv.ParseUint(text[start:end], 10, 32)
	if err != nil {
		return "", false
	}
	return text[:start] + strconv.FormatUint(number+1, 10) + text[end:], true
}

// retyped are values of another type that may mean the same, or be taken for it.
func retyped(v any) []any {
	switch old := v.(type) {
	case bool:
		return []any{strconv.FormatBool(old)}
	case int64:
		return []any{strconv.FormatInt(old, 10)}
	case string:
		if number, err := strconv.ParseInt(old, 10, 64); err == nil {
			return []any{number}
		}
	}
	return nil
}

// more are items that a list may get beside those that it has. Keys are the fields that tell its items apart, if any do.
func more(list []any, keys []string) []any {
	if len(list) == 0 {
		return []any{"x", int64(1), map[string]any{"name": "x"}}
	}
	last := list[len(list)-1]
	item, ok := last.(map[string]any)
	if !ok {
		return append(variants(last), last)
	}
	if len(keys) == 0 {
		return append([]any{last}, variants(last)...)
	}
	another := func(numbers, words bool) map[string]any {
		made := item
		for _, key := range append([]string{"name"}, keys...) {
			switch old := item[key].(type) {
			case int64:
				if numbers {
					made = with(made, key, old+1000)
				}
			case string:
				if words || key == "name" {
					made = with(made, key, old+"x")
				}
			}
		}
		return made
	}
	return []any{another(true, false), another(false, true), another(true, true)}
}

func with(old map[string]any, name string, value any) map[string]any {
	changed := maps.Clone(old)
	changed[name] = value
	return changed
}

func first(n int, values []any) []any { return values[:min(n, len(values))] }
