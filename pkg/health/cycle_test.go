package health

import (
	"strings"
	"testing"
)

func TestCycle(t *testing.T) {
	for name, test := range map[string]struct{ edges, want string }{
		"none":                {"a:b b:c a:c", ""},
		"two":                 {"a:b b:a", "a b a"},
		"three":               {"a:b b:c c:a", "a b c a"},
		"the shortest":        {"a:b b:c c:a b:a", "a b a"},
		"one beside it":       {"a:b b:c c:b", ""},
		"itself":              {"a:a", "a a"},
		"what is not there":   {"a:gone", ""},
		"after a branch":      {"a:b a:c b:d c:d d:a", "a b d a"},
		"nothing at all":      {"", ""},
		"a cycle beside it":   {"a:b b:c c:d d:b c:a", "a b c a"},
		"many ways to a node": {"a:b a:c b:d c:d d:e", ""},
	} {
		edges := map[string][]string{}
		for edge := range strings.FieldsSeq(test.edges) {
			from, to, _ := strings.Cut(edge, ":")
			edges[from] = append(edges[from], to)
		}
		if got := strings.Join(Cycle("a", func(k string) []string { return edges[k] }), " "); got != test.want {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
}
