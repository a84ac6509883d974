package kustomize

import "strings"

// endsSomewhere tells whether following the references between OpenAPI definitions ends, and soon: the library follows each of them, and would
// never return from a cycle.
func endsSomewhere(values []any) bool {
	definitions := map[string]any{}
	for _, value := range values {
		all, ok := value.(map[string]any)
		if !ok {
			return false
		}
		for name, definition := range all {
			definitions[name] = definition
		}
	}
	const maxDepth, maxFollowed = 32, 10_000
	followed := 0
	var follow func(name string, depth int) bool
	follow = func(name string, depth int) bool {
		if followed++; depth > maxDepth || followed > maxFollowed {
			return false
		}
		for _, next := range references(definitions[name], nil) {
			if !follow(next, depth+1) {
				return false
			}
		}
		return true
	}
	for name := range definitions {
		if !follow(name, 0) {
			return false
		}
	}
	return len(definitions) > 0
}

func references(value any, found []string) []string {
	switch v := value.(type) {
	case []any:
		for _, item := range v {
			found = references(item, found)
		}
	case map[string]any:
		for key, item := range v {
			if target, ok := item.(string); ok && strings.EqualFold(key, "$ref") {
				found = append(found, target)
			}
			found = references(item, found)
		}
	}
	return found
}
