package apply

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/yaml"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
)

var (
	secretKind    = schema.GroupKind{Kind: "Secret"}
	configMapKind = schema.GroupKind{Kind: "ConfigMap"}
)

func object(t *testing.T, text string) map[string]any {
	t.Helper()
	var content map[string]any
	if err := yaml.Unmarshal([]byte(text), &content); err != nil {
		t.Fatal(err)
	}
	return content
}

func TestDifferences(t *testing.T) {
	long := strings.Repeat("a line of a file\n", 500)
	for name, test := range map[string]struct {
		kind          schema.GroupKind
		before, after string
		want          []FieldChange
	}{
		"nothing": {configMapKind, "data: {a: x}", "data: {a: x}", nil},
		"what the API server keeps": {configMapKind,
			"metadata: {name: a, uid: u, resourceVersion: '1', generation: 1, creationTimestamp: x, managedFields: [{manager: a}]}\nstatus: {a: 1}",
			"metadata: {name: a, uid: v, resourceVersion: '2', generation: 2, managedFields: []}\nstatus: {a: 2}", nil},
		"only the owner": {configMapKind, "metadata: {name: a}",
			"metadata: {name: a, labels: {nopea.io/repository: shop, nopea.io/namespace: team-a}, annotations: {nopea.io/origin: a.yaml}}", nil},
		"a value, a new one and one that goes": {configMapKind, "data: {a: x, b: x, f.txt: x}", "data: {a: v, c: z, f.txt: x}", []FieldChange{
			{"data.a", `"x"`, `"v"`}, {"data.b", `"x"`, ""}, {"data.c", "", `"z"`}}},
		"a key that needs quotes": {configMapKind, "metadata: {annotations: {example.com/x: a}}", "metadata: {annotations: {example.com/x: b}}", []FieldChange{
			{`metadata.annotations["example.com/x"]`, `"a"`, `"b"`}}},
		"items by name": {configMapKind, "spec: {c: [{name: a, image: 1}, {name: b}]}", "spec: {c: [{name: a, image: 2}, {name: c, x: true}]}", []FieldChange{
			{"spec.c[name=a].image", "1", "2"}, {"spec.c[name=b]", `{"name":"b"}`, ""}, {"spec.c[name=c]", "", `{"name":"c","x":true}`}}},
		"only the order": {configMapKind, "spec: {c: [{name: a}, {name: b}]}", "spec: {c: [{name: b}, {name: a}]}", []FieldChange{
			{"spec.c", `["a","b"]`, `["b","a"]`}}},
		"items by number":           {configMapKind, "args: [a, b]", "args: [a, c]", []FieldChange{{"args[1]", `"b"`, `"c"`}}},
		"a list that became longer": {configMapKind, "args: [a]", "args: [a, b]", []FieldChange{{"args", `["a"]`, `["a","b"]`}}},
		"another type":              {configMapKind, "a: {b: 1}", "a: [1]", []FieldChange{{"a", `{"b":1}`, "[1]"}}},
		"markup stays":              {configMapKind, "a: <b>", "a: '&'", []FieldChange{{"a", `"<b>"`, `"&"`}}},
		"a long value": {configMapKind, fmt.Sprintf("data: {f: %q}", long+"one"), fmt.Sprintf("data: {f: %q}", long+"two"), []FieldChange{
			{"data.f", "…" + escaped(long)[len(escaped(long))-64:] + `one"`, "…" + escaped(long)[len(escaped(long))-64:] + `two"`}}},
		"a Secret": {secretKind, "type: Opaque\ndata: {a: c2VjcmV0, b: c2VjcmV0}\nmetadata: {labels: {x: '1'}, annotations: {l: secret}}",
			"type: other\ndata: {a: aGlkZGVu, c: aGlkZGVu}\nmetadata: {labels: {x: '2'}, annotations: {l: hidden}}", []FieldChange{
				{"data.a", mask, mask}, {"data.b", mask, ""}, {"data.c", "", mask}, {"metadata.annotations.l", mask, mask},
				{"metadata.labels.x", `"1"`, `"2"`}, {"type", `"Opaque"`, `"other"`}}},
		"a Secret's first data": {secretKind, "metadata: {}", "data: {a: aGlkZGVu}\nmetadata: {annotations: {l: hidden}}", []FieldChange{
			{"data", "", mask}, {"metadata.annotations", "", mask}}},
	} {
		t.Run(name, func(t *testing.T) {
			if got := Differences(test.kind, object(t, test.before), object(t, test.after), Hidden{}); !reflect.DeepEqual(got, test.want) {
				t.Errorf("got  %q\nwant %q", got, test.want)
			}
		})
	}
}

func escaped(text string) string {
	quoted, err := json.Marshal(text)
	if err != nil {
		panic(err)
	}
	return string(quoted[1 : len(quoted)-1])
}

// TestDifferencesOfAnything: an object does not differ from itself; one that does is told; values and paths are short and whole runes.
func TestDifferencesOfAnything(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		before := map[string]any{"spec": anything(random, 5)}
		if got := Differences(configMapKind, before, runtime.DeepCopyJSON(before), Hidden{}); len(got) > 0 {
			t.Fatalf("%v differs from itself: %v", before, got)
		}
		after := map[string]any{"spec": anything(random, 5)}
		changes := Differences(configMapKind, before, after, Hidden{})
		if differ := encoded(before["spec"]) != encoded(after["spec"]); differ != (len(changes) > 0) {
			t.Fatalf("%v and %v: %v", before, after, changes)
		}
		for _, change := range changes {
			if len(change.From) > v1alpha1.MaxPlanValue || len(change.To) > v1alpha1.MaxPlanValue || len(change.Path) > maxPath ||
				!utf8.ValidString(change.From+change.To+change.Path) {
				t.Fatalf("%d and %d bytes at %q", len(change.From), len(change.To), change.Path)
			}
			if change.From == change.To {
				t.Fatalf("%q looks the same", change)
			}
		}
	}
}

// anything is a JSON value without null, which counts as absent.
func anything(random *rand.Rand, depth int) any {
	kind := random.IntN(6)
	if depth == 0 {
		kind %= 3
	}
	switch kind {
	case 0:
		return random.Int64N(3)
	case 1:
		return strings.Repeat(string(rune('ä'+random.IntN(2))), 1+random.IntN(2)*random.IntN(2000))
	case 2:
		return random.IntN(2) == 0
	case 3:
		list := make([]any, random.IntN(4))
		for i := range list {
			list[i] = anything(random, depth-1)
		}
		return list
	case 4:
		list := make([]any, random.IntN(4))
		for i, name := range random.Perm(len(list)) {
			list[i] = map[string]any{"name": fmt.Sprintf("n.%d", name), "value": anything(random, depth-1)}
		}
		return list
	}
	fields := make(map[string]any)
	for range random.IntN(4) {
		fields[fmt.Sprintf("f%d", random.IntN(5))] = anything(random, depth-1)
	}
	return fields
}

// FuzzSecretsStayMasked puts a secret into every place of a Secret that can hold one, in any shape.
func FuzzSecretsStayMasked(f *testing.F) {
	f.Add(`{"password":"@"}`, `{"password":"x"}`, `{"last":"@"}`)
	f.Add(`[{"name":"@"}]`, `[{"name":"b"}]`, `"@"`)
	f.Add(`{"a":{"b":["@"]}}`, `{}`, `{}`)
	f.Fuzz(func(t *testing.T, before, after, annotations string) {
		const hidden = "hidden-in-plain-sight"
		decode := func(text string) any {
			var value any
			if json.Unmarshal([]byte(text), &value) != nil {
				return nil
			}
			return hide(value, hidden)
		}
		for _, place := range []string{"data", "stringData", "else"} {
			was := map[string]any{place: decode(before), "metadata": map[string]any{"annotations": decode(annotations)}}
			is := map[string]any{place: decode(after), "metadata": map[string]any{"annotations": decode(before)}}
			for _, change := range slices.Concat(Differences(secretKind, was, is, Hidden{}), Differences(secretKind, is, was, Hidden{}),
				Differences(configMapKind, was, is, Hidden{All: true})) {
				if change.From != "" && change.From != mask || change.To != "" && change.To != mask || strings.Contains(change.Path, hidden) {
					t.Errorf("%+v shows what a Secret holds", change)
				}
			}
		}
	})
}

// hide puts a secret in the place of every text, but for the names of fields.
func hide(value any, hidden string) any {
	switch value := value.(type) {
	case map[string]any:
		for name := range value {
			value[name] = hide(value[name], hidden)
		}
		return value
	case []any:
		for i := range value {
			value[i] = hide(value[i], hidden)
		}
		return value
	case string:
		return hidden + value
	}
	return value
}

// TestHiddenValues masks the live values of objects into which values of Secrets may have been put, and all values of those into which they
// are put now.
func TestHiddenValues(t *testing.T) {
	before := object(t, "data: {a: x}\nspec: {c: [{name: a, image: 1}, {name: b}]}")
	after := object(t, "data: {a: v}\nspec: {c: [{name: a, image: 2}]}")
	for hidden, want := range map[Hidden][]FieldChange{
		{Before: true}: {{"data.a", mask, `"v"`}, {"spec.c[name=a].image", mask, "2"}, {`spec.c[name="***"]`, mask, ""}},
		{All: true}:    {{"data.a", mask, mask}, {"spec.c", mask, mask}},
	} {
		if got := Differences(configMapKind, before, after, hidden); !reflect.DeepEqual(got, want) {
			t.Errorf("%+v: got  %q\nwant %q", hidden, got, want)
		}
	}
}
