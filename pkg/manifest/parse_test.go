package manifest

import (
	"context"
	"errors"
	"fmt"
	"math"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func parseOne(t *testing.T, path, data string) ([]Object, error) {
	t.Helper()
	return Parse(context.Background(), []File{{Path: path, Data: []byte(data)}}, Limits{})
}

// configMap is a manifest of four lines, to which more fields can be added.
func configMap(name string) string {
	return "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: " + name + "\n"
}

func TestWanted(t *testing.T) {
	for path, want := range map[string]bool{
		"a.yaml": true, "shop/a.yml": true, "shop/a.json": true, "A.YAML": true, "a.b.yaml": true,
		"a.txt": false, "yaml": false, "README.md": false, ".yaml": false, ".hidden.yaml": false, ".github/a.yaml": false,
		"shop/.git/a.yaml": false, "a.yaml.bak": false, "a.yaml/readme": false, "": false,
	} {
		if got := Wanted(path); got != want {
			t.Errorf("Wanted(%q) = %v", path, got)
		}
	}
}

// TestDocuments tells which objects, by name and origin, a file holds.
func TestDocuments(t *testing.T) {
	a, b := configMap("a"), configMap("b")
	jsonObject := func(name string) string {
		return `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"` + name + `"}}`
	}
	for name, test := range map[string]struct {
		path, data string
		want       []string // name, origin, line
	}{
		"one":                   {data: a, want: []string{"a f.yaml 1"}},
		"empty":                 {data: ""},
		"only comments":         {data: "# one\n---\n# two\n---\n\n...\n"},
		"null":                  {data: "null\n---\n~\n"},
		"two":                   {data: a + "---\n" + b, want: []string{"a f.yaml (document 1) 1", "b f.yaml (document 2) 6"}},
		"leading marker":        {data: "---\n" + a, want: []string{"a f.yaml 2"}},
		"licence before marker": {data: "# licence\n---\n# more\n" + a, want: []string{"a f.yaml 4"}},
		"empty between":         {data: a + "---\n---\n# nothing\n---\n" + b, want: []string{"a f.yaml (document 1) 1", "b f.yaml (document 2) 9"}},
		"end marker":            {data: a + "...\n# after\n---\n" + b + "...\n", want: []string{"a f.yaml (document 1) 1", "b f.yaml (document 2) 8"}},
		"comment after marker":  {data: "--- # here\n" + a, want: []string{"a f.yaml 2"}},
		"value after marker":    {data: "--- " + jsonObject("a") + "\n--- " + jsonObject("b"), want: []string{"a f.yaml (document 1) 1", "b f.yaml (document 2) 2"}},
		"directive 1.1":         {data: "%YAML 1.1\n---\n" + a, want: []string{"a f.yaml 3"}},
		"directive 1.2":         {data: "# x\n%YAML 1.2\n---\n" + a, want: []string{"a f.yaml 4"}},
		"byte order mark":       {data: "\uFEFF" + a, want: []string{"a f.yaml 1"}},
		"mark and directive":    {data: "\uFEFF%YAML 1.2\n---\n" + a, want: []string{"a f.yaml 3"}},
		"CRLF":                  {data: strings.ReplaceAll(a+"---\n"+b, "\n", "\r\n"), want: []string{"a f.yaml (document 1) 1", "b f.yaml (document 2) 6"}},
		"marker within block":   {data: a + "data:\n  x: |\n    one\n    ---\n    two\n", want: []string{"a f.yaml 1"}},
		"marker ends block":     {data: a + "data:\n  x: |\n    one\n---\n" + b, want: []string{"a f.yaml (document 1) 1", "b f.yaml (document 2) 9"}},
		"JSON":                  {path: "f.json", data: jsonObject("a"), want: []string{"a f.json 1"}},
		"JSON values":           {path: "f.json", data: "\uFEFF" + jsonObject("a") + "\n\n" + jsonObject("b") + jsonObject("c") + "null", want: []string{"a f.json (document 1) 1", "b f.json (document 2) 3", "c f.json (document 3) 3"}},
		"JSON named YAML":       {data: jsonObject("a"), want: []string{"a f.yaml 1"}},
		"empty JSON":            {path: "f.json", data: " \n"},
		"List": {data: "apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: ConfigMap, metadata: {name: a}}\n- {apiVersion: v1, kind: Secret, metadata: {name: b}}\n",
			want: []string{"a f.yaml (item 1) 1", "b f.yaml (item 2) 1"}},
		"List among documents": {data: a + "---\napiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: ConfigMap, metadata: {name: b}}\n",
			want: []string{"a f.yaml (document 1) 1", "b f.yaml (document 2, item 1) 6"}},
		"empty List":           {data: "apiVersion: v1\nkind: List\n"},
		"typed list inherits":  {data: "apiVersion: rbac.authorization.k8s.io/v1\nkind: RoleList\nitems:\n- metadata: {name: a}\n", want: []string{"a f.yaml (item 1) 1"}},
		"kind that ends so":    {data: "apiVersion: example.com/v1\nkind: AllowList\nmetadata: {name: a}\nspec: {items: []}\n", want: []string{"a f.yaml 1"}},
		"kind List of another": {data: "apiVersion: example.com/v1\nkind: List\nmetadata: {name: a}\n", want: []string{"a f.yaml 1"}},
	} {
		t.Run(name, func(t *testing.T) {
			path := test.path
			if path == "" {
				path = "f.yaml"
			}
			objects, err := parseOne(t, path, test.data)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, o := range objects {
				got = append(got, fmt.Sprintf("%s %s %d", o.GetName(), o.Origin, o.Origin.Line))
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestTypedListItemsInherit(t *testing.T) {
	objects, err := parseOne(t, "f.yaml", "apiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBindingList\nitems:\n- metadata: {name: a}\n")
	if err != nil {
		t.Fatal(err)
	}
	if got := objects[0].GroupVersionKind().String(); got != "rbac.authorization.k8s.io/v1, Kind=RoleBinding" {
		t.Error(got)
	}
}

func TestSortedByOrigin(t *testing.T) {
	list := "apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: ConfigMap, metadata: {name: d}}\n- {apiVersion: v1, kind: ConfigMap, metadata: {name: e}}\n"
	files := []File{{Path: "z.yaml", Data: []byte(configMap("z"))}, {Path: "b/a.yaml", Data: []byte(configMap("c") + "---\n" + list)}, {Path: "a.yaml", Data: []byte(configMap("a"))}}
	for range 20 {
		objects, err := Parse(context.Background(), files, Limits{})
		if err != nil {
			t.Fatal(err)
		}
		var names string
		for _, o := range objects {
			names += o.GetName()
		}
		if names != "acdez" {
			t.Fatalf("order %s", names)
		}
	}
	if files[0].Path != "z.yaml" {
		t.Error("the caller's slice was sorted")
	}
}

// TestValues tells what a value in YAML becomes: what it becomes for kubectl, or an error.
func TestValues(t *testing.T) {
	refused := errors.New("refused")
	for text, want := range map[string]any{
		"1": int64(1), "-1": int64(-1), "+1": int64(1), "0777": int64(511), "0o17": int64(15), "0x1F": int64(31), "0b11": int64(3), "1_000": int64(1000),
		"9223372036854775807": int64(math.MaxInt64), "9223372036854775808": float64(1 << 63), "18446744073709551616": float64(1 << 64),
		"1.0": int64(1), "1.5": 1.5, "1e3": int64(1000), "1e30": 1e30, ".5": .5, "-.5": -.5, "1152921504606846976.0": int64(1152921504606847000), "1e400": "1e400",
		"yes": true, "No": false, "on": true, "OFF": false, "y": true, "true": true, "'yes'": "yes", "yEs": "yEs",
		"~": nil, "null": nil, "": nil, "''": "", "'null'": "null",
		"2001-12-14": "2001-12-14", "2001-12-14T21:59:43Z": "2001-12-14T21:59:43Z", "12:30:45": "12:30:45", "1.2.3": "1.2.3", "1Gi": "1Gi",
		"!!str 1": "1", "!!int '1'": int64(1), "!!float 1": int64(1), "!!bool 'no'": false, "!!null ''": nil, "!!timestamp 2001-12-14": "2001-12-14", "!!binary aGk=": "hi",
		"[1, a]": []any{int64(1), "a"}, "{}": map[string]any{}, "[]": []any{}, "!!seq [1]": []any{int64(1)}, "!!map {a: 1}": map[string]any{"a": int64(1)},
		"{1: a, true: b, 0x10: c}": map[string]any{"1": "a", "true": "b", "16": "c"},
		".nan":                     refused, ".inf": refused, "-.inf": refused, "+.Inf": refused, "!vault x": refused, "!!set {a}": refused, "!!omap [a: 1]": refused,
		"!!int x": refused, "!!bool 1": refused, "!!float x": refused, "!!null x": refused, "!!binary '%'": refused, "!!binary /w==": refused,
		"{1.5: a}": refused, "{1.0: a}": refused, "{null: a}": refused, "{[a]: b}": refused, "{{a: b}: c}": refused, "{2001-12-14: a}": map[string]any{"2001-12-14": "a"},
		"{1: a, '1': b}": refused, "{a: 1, a: 2}": refused,
		"[&x {a: 1}, *x]":                              []any{map[string]any{"a": int64(1)}, map[string]any{"a": int64(1)}},
		"[&x {a: 1, b: 2}, {<<: *x, b: 3}]":            []any{map[string]any{"a": int64(1), "b": int64(2)}, map[string]any{"a": int64(1), "b": int64(3)}},
		"[&x {a: 1, b: 2}, {b: 3, <<: *x}]":            []any{map[string]any{"a": int64(1), "b": int64(2)}, map[string]any{"a": int64(1), "b": int64(3)}},
		"[&x {a: 1}, &y {a: 2, b: 2}, {<<: [*x, *y]}]": []any{map[string]any{"a": int64(1)}, map[string]any{"a": int64(2), "b": int64(2)}, map[string]any{"a": int64(1), "b": int64(2)}},
		"{&k key: 1, b: *k}":                           map[string]any{"key": int64(1), "b": "key"},
		"[&k key, {*k : 1}]":                           []any{"key", map[string]any{"key": int64(1)}},
		"{'<<': 1}":                                    map[string]any{"<<": int64(1)},
		"{<<: 1}":                                      refused, "{<<: [1]}": refused, "[&x {a: 1}, {<<: *x, <<: *x}]": refused, "&x [*x]": refused, "&x {<<: *x}": refused, "*nowhere": refused,
	} {
		t.Run(text, func(t *testing.T) {
			objects, err := parseOne(t, "f.yaml", configMap("a")+"value: "+text+"\n")
			if fault, ok := want.(error); ok && errors.Is(fault, refused) {
				var e *Error
				if !errors.As(err, &e) || e.Line != 5 {
					t.Fatalf("got %v, want an error of line 5", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := objects[0].Object["value"]; !reflect.DeepEqual(got, want) {
				t.Errorf("got %#v, want %#v", got, want)
			}
		})
	}
}

func TestJSONValues(t *testing.T) {
	objects, err := parseOne(t, "f.json", `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"},"v":[1,1.0,1e3,9223372036854775808,"\ud83d\ude00",true,null,{}]}`)
	if err != nil {
		t.Fatal(err)
	}
	want := []any{int64(1), 1.0, 1000.0, float64(1 << 63), "😀", true, nil, map[string]any{}}
	if diff := cmp.Diff(want, objects[0].Object["v"]); diff != "" {
		t.Error(diff)
	}
}

func TestErrors(t *testing.T) {
	a := configMap("a")
	for name, test := range map[string]struct {
		path, data string
		code       Code
		want       string // beginning
		contains   string
	}{
		"syntax, second document":    {data: a + "---\nspec:\n  a: [1\n  b: 2\n", code: YAMLSyntax, want: "f.yaml:8 (document 2): YAML: did not find expected ',' or ']'"},
		"syntax, bad indent":         {data: a + "data:\n  a: 1\n b: 2\n", code: YAMLSyntax, want: "f.yaml:7: YAML: did not find expected key"},
		"syntax, tab":                {data: a + "data:\n\tx: 1\n", code: YAMLSyntax, want: "f.yaml:6: YAML: found character that cannot start any token"},
		"syntax, colon":              {data: a + "data: a: b\n", code: YAMLSyntax, want: "f.yaml:5: YAML: mapping values are not allowed in this context"},
		"unknown anchor":             {data: a + "data: *hunter2\n", code: YAMLSyntax, want: "f.yaml:5: YAML: an alias (*name) names an anchor"},
		"anchor of another document": {data: configMap("a") + "data: &x {}\n---\n" + a + "data: *x\n", code: YAMLSyntax, want: "f.yaml:11 (document 2): YAML: an alias (*name) names an anchor"},
		"control character":          {data: a + "data: \x01\n", code: YAMLSyntax, want: "f.yaml:5: YAML: control characters"},
		"template":                   {data: a + "data: {{ .Values.x }}\n", contains: "if this is a template", code: Invalid, want: "f.yaml:5"},
		"template block":             {data: "{{- if .Values.x }}\n" + a + "{{- end }}\n", contains: "if this is a template", code: YAMLSyntax, want: "f.yaml:"},
		"duplicate key":              {data: a + "---\n" + a + "data:\n  x: 1\n  x: 2\n", code: DuplicateKey, want: `f.yaml:12 (document 2): the key "x" is set twice`},
		"not UTF-8":                  {data: a + "data: \xff\n", code: NotUTF8, want: "f.yaml:5: the file is not UTF-8"},
		"UTF-16":                     {data: "\xff\xfea\x00:\x00", code: NotUTF8, want: "f.yaml:1: the file is not UTF-8"},
		"scalar document":            {data: "just text\n", code: Invalid, want: "f.yaml:1: a document must be a mapping"},
		"list document":              {data: "- a\n", code: Invalid, want: "f.yaml:1: a document must be a mapping", contains: "kind: List"},
		"JSON array":                 {path: "f.json", data: "\n[{}]", code: Invalid, want: "f.json:2: a document must be a mapping", contains: "kind: List"},
		"JSON syntax":                {path: "f.json", data: "{\n\"a\": hunter2}", code: JSONSyntax, want: "f.json:2: JSON: invalid character … "},
		"JSON cut":                   {path: "f.json", data: "{\n\"a\": ", code: JSONSyntax, want: "f.json:2: JSON: the file ends"},
		"JSON cut in text":           {path: "f.json", data: "{\n\"a\": \"b", code: JSONSyntax, want: "f.json:2: JSON: the file ends"},
		"JSON comma":                 {path: "f.json", data: `{"a":1,}`, code: JSONSyntax, want: "f.json:1: JSON"},
		"JSON key":                   {path: "f.json", data: `{1:2}`, code: JSONSyntax, want: "f.json:1: JSON"},
		"JSON duplicate key":         {path: "f.json", data: "{\n\"a\": 1,\n\"a\": 2}", code: DuplicateKey, want: `f.json:3: the key "a" is set twice`},
		"JSON number":                {path: "f.json", data: `{"a": 1e999}`, code: Invalid, want: "f.json:1: a number is too large"},
		"JSON deep":                  {path: "f.json", data: strings.Repeat(`{"a":`, 300), code: TooDeep, want: "f.json:1: "},
		"values file":                {path: "values.yaml", data: "image: x\nreplicas: 1\n", code: MissingKind, want: "values.yaml:1: kind and apiVersion are missing", contains: "spec.path"},
		"no kind":                    {data: "apiVersion: v1\nmetadata: {name: a}\n", code: MissingKind, want: "f.yaml:1: kind is missing"},
		"no apiVersion":              {data: a + "---\nkind: ConfigMap\n", code: MissingAPIVersion, want: "f.yaml:6 (document 2): apiVersion is missing"},
		"kind of wrong type":         {data: "apiVersion: v1\nkind: [a]\n", code: Invalid, want: "f.yaml:1: kind is not"},
		"kind with slash":            {data: "apiVersion: v1\nkind: a/b\n", code: Invalid, want: "f.yaml:1: kind is not"},
		"apiVersion number":          {data: "apiVersion: 1\nkind: A\n", code: Invalid, want: "f.yaml:1: apiVersion must be text"},
		"apiVersion slashes":         {data: "apiVersion: a/b/c\nkind: A\n", code: Invalid, want: `f.yaml:1: apiVersion "a/b/c"`},
		"apiVersion open":            {data: "apiVersion: a/\nkind: A\n", code: Invalid, want: `f.yaml:1: apiVersion "a/"`},
		"apiVersion without group":   {data: "apiVersion: /v1\nkind: A\n", code: Invalid, want: `f.yaml:1: apiVersion "/v1"`},
		"apiVersion dots":            {data: "apiVersion: ../v1\nkind: A\n", code: Invalid, want: `f.yaml:1: apiVersion "../v1"`},
		"Kustomize":                  {data: "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n", code: Invalid, want: "f.yaml:1: a Kustomize file"},
		"no metadata":                {data: "apiVersion: v1\nkind: A\n", code: MissingName, want: "f.yaml:1: metadata.name is missing"},
		"metadata list":              {data: "apiVersion: v1\nkind: A\nmetadata: []\n", code: Invalid, want: "f.yaml:1: metadata must be a mapping"},
		"empty name":                 {data: "apiVersion: v1\nkind: A\nmetadata: {name: ''}\n", code: MissingName, want: "f.yaml:1: metadata.name is empty"},
		"generateName":               {data: "apiVersion: v1\nkind: A\nmetadata: {generateName: a-}\n", code: MissingName, want: "f.yaml:1: metadata.generateName", contains: "fixed"},
		"name number":                {data: "apiVersion: v1\nkind: A\nmetadata: {name: 1}\n", code: InvalidName, want: "f.yaml:1: metadata.name must be text, not a number"},
		"name slash":                 {data: "apiVersion: v1\nkind: A\nmetadata: {name: ../b}\n", code: InvalidName, want: `f.yaml:1: metadata.name "../b" may not contain '/'`},
		"name dots":                  {data: "apiVersion: v1\nkind: A\nmetadata: {name: ..}\n", code: InvalidName, want: `f.yaml:1: metadata.name ".." may not be '..'`},
		"namespace percent":          {data: "apiVersion: v1\nkind: A\nmetadata: {name: a, namespace: 'a%2f'}\n", code: InvalidName, want: `f.yaml:1: metadata.namespace "a%2f"`},
		"namespace boolean":          {data: "apiVersion: v1\nkind: A\nmetadata: {name: a, namespace: on}\n", code: InvalidName, want: "f.yaml:1: metadata.namespace must be text, not a boolean"},
		"label number":               {data: "apiVersion: v1\nkind: A\nmetadata: {name: a, labels: {v: 1}}\n", code: Invalid, want: `f.yaml:1: metadata.labels: the value of "v" must be text`},
		"labels list":                {data: "apiVersion: v1\nkind: A\nmetadata: {name: a, labels: [v]}\n", code: Invalid, want: "f.yaml:1: metadata.labels must be a mapping"},
		"annotation mapping":         {data: "apiVersion: v1\nkind: A\nmetadata: {name: a, annotations: {v: {}}}\n", code: Invalid, want: `f.yaml:1: metadata.annotations: the value of "v" must be text`},
		"nested list":                {data: "apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: List, items: []}\n", code: Invalid, want: "f.yaml:1: item 1 of the list is a list itself"},
		"items mapping":              {data: "apiVersion: v1\nkind: List\nitems: {}\n", code: Invalid, want: "f.yaml:1: items of a List must be a list"},
		"item text":                  {data: "apiVersion: v1\nkind: List\nitems: [a]\n", code: Invalid, want: "f.yaml:1: item 1 of the list must be a mapping"},
		"item of List without kind":  {data: "apiVersion: v1\nkind: List\nitems: [{metadata: {name: a}}]\n", code: MissingKind, want: "f.yaml:1 (item 1): kind and apiVersion are missing"},
		"deep":                       {data: a + "data: " + strings.Repeat("[", 300) + strings.Repeat("]", 300), code: TooDeep, want: "f.yaml:5: "},
		"very deep":                  {data: a + "data: " + strings.Repeat("[", 20000), code: TooDeep, want: "f.yaml:"},
		"many values":                {data: strings.Repeat("[", 700_000), code: TooLarge, want: "f.yaml: the file holds about 700000 values"},
		"many directives":            {data: strings.Repeat("%TAG !a! b\n", 2000), code: TooLarge, want: "f.yaml: the file holds 2000 %TAG directives"},
		"directive 1.3":              {data: "%YAML 1.3\n---\n" + a, code: YAMLSyntax, want: "f.yaml:1: YAML: found incompatible YAML document"},
	} {
		t.Run(name, func(t *testing.T) {
			path := test.path
			if path == "" {
				path = "f.yaml"
			}
			objects, err := parseOne(t, path, test.data)
			var e *Error
			if !errors.As(err, &e) || objects != nil {
				t.Fatalf("got %d objects and error %v", len(objects), err)
			}
			if e.Code != test.code {
				t.Errorf("code %s, want %s", e.Code, test.code)
			}
			if !strings.HasPrefix(e.Error(), test.want) || !strings.Contains(e.Error(), test.contains) {
				t.Errorf("got  %s\nwant %s", e, test.want)
			}
			if strings.Contains(err.Error(), "hunter2") {
				t.Errorf("the error quotes the file: %v", err)
			}
		})
	}
}

func TestErrorsOfAllFiles(t *testing.T) {
	var files []File
	for i := range 15 {
		files = append(files, File{Path: fmt.Sprintf("f%02d.yaml", 14-i), Data: []byte("a: 1\n---\nb: [\n")})
	}
	_, err := Parse(context.Background(), files, Limits{})
	var list *ErrorList
	if !errors.As(err, &list) || list.Total != 30 || len(list.Errors) != 10 {
		t.Fatalf("got %v", err)
	}
	if first, last := list.Errors[0].Error(), list.Errors[9].Error(); !strings.HasPrefix(first, "f00.yaml:1") || !strings.HasPrefix(last, "f04.yaml:4 (document 2)") {
		t.Errorf("first %s, last %s", first, last)
	}
	if !strings.HasSuffix(err.Error(), "\nand 20 more errors") {
		t.Error(err)
	}
}

func TestLimits(t *testing.T) {
	two := configMap("a") + "---\n" + configMap("b")
	for name, test := range map[string]struct {
		limits Limits
		want   string
	}{
		"file":      {Limits{MaxFileBytes: 100}, "f.yaml: the file holds 106 bytes and only 100 are allowed"},
		"total":     {Limits{MaxTotalBytes: 200}, "the 2 manifest files hold 212 bytes and only 200 are allowed"},
		"objects":   {Limits{MaxObjects: 3}, "g.yaml:6 (document 2): the tree holds 4 objects and only 3 are allowed"},
		"documents": {Limits{MaxDocumentsPerFile: 1}, "f.yaml:6 (document 2): the file holds more than 1 documents"},
		"depth":     {Limits{MaxDepth: 1}, "f.yaml:1: lists and mappings nest more than 1 levels deep"},
		"values":    {Limits{MaxValuesPerFile: 5}, "f.yaml: the file holds about"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Parse(context.Background(), []File{{Path: "g.yaml", Data: []byte(two)}, {Path: "f.yaml", Data: []byte(two)}}, test.limits)
			if err == nil || !strings.HasPrefix(err.Error(), test.want) {
				t.Errorf("got %v, want %s", err, test.want)
			}
		})
	}
}

// TestAliasBombs is about time and memory: each of these would take gigabytes.
func TestAliasBombs(t *testing.T) {
	laughs := func(item, list, ref string) string {
		var b strings.Builder
		b.WriteString(configMap("a") + "x0: &x0 " + item + "\n")
		for i := 1; i < 12; i++ {
			fmt.Fprintf(&b, "x%d: &x%d "+list+"\n", i, i, strings.TrimSuffix(strings.Repeat(fmt.Sprintf(ref+", ", i-1), 10), ", "))
		}
		return b.String()
	}
	for name, data := range map[string]string{
		"billion laughs": laughs("lol", "[%s]", "*x%d"),
		"merge keys":     laughs("{a: 1}", "{<<: [%s]}", "*x%d"),
		"long text":      configMap("a") + "x: &x " + strings.Repeat("a", 1<<20) + "\ny: [" + strings.Repeat("*x, ", 10_000) + "]\n",
		"long key":       configMap("a") + "x: &x {? " + strings.Repeat("a", 1<<20) + " : 1}\ny: [" + strings.Repeat("*x, ", 10_000) + "]\n",
	} {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			start := time.Now()
			_, err := parseOne(t, "f.yaml", data)
			took := time.Since(start)
			runtime.ReadMemStats(&after)
			var e *Error
			if !errors.As(err, &e) || e.Code != TooLarge || !strings.Contains(e.Message, "aliases") {
				t.Fatalf("got %v", err)
			}
			if allocated := (after.TotalAlloc - before.TotalAlloc) >> 20; allocated > 100 {
				t.Errorf("allocated %d MB", allocated)
			}
			if took > 5*time.Second {
				t.Errorf("took %s", took)
			}
		})
	}
}

func TestAliasesOfAllFilesTogether(t *testing.T) {
	var files []File
	for i := range 20 {
		data := configMap("a") + "x: &x " + strings.Repeat("a", 1000) + "\ny: [" + strings.Repeat("*x, ", 50) + "]\n"
		files = append(files, File{Path: fmt.Sprintf("f%d.yaml", i), Data: []byte(data)})
	}
	_, err := Parse(context.Background(), files, Limits{MaxTotalBytes: 500_000})
	var e *Error
	if !errors.As(err, &e) || e.Code != TooLarge || !strings.Contains(e.Message, "aliases") {
		t.Fatalf("got %v", err)
	}
}

func TestCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Parse(ctx, []File{{Path: "a.yaml", Data: []byte(configMap("a"))}}, Limits{}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	for _, path := range []string{"a.yaml", "a.json"} {
		if r := decode(ctx, File{Path: path, Data: []byte(configMap("a"))}, DefaultLimits()); r.errs.Total == 0 {
			t.Errorf("%s: a cancelled parser gave a result", path)
		}
	}
}

func TestPanicIsAnError(t *testing.T) {
	// A context that panics stands for a library that does.
	r := decode(nil, File{Path: "a.yaml", Data: []byte(configMap("a"))}, DefaultLimits()) //nolint:staticcheck
	if r.errs.Total != 1 || !strings.HasPrefix(r.errs.Error(), "a.yaml: the parser failed") {
		t.Errorf("got %v", r.errs.Error())
	}
}
