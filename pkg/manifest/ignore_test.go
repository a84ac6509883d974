package manifest

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestIgnore(t *testing.T) {
	for name, test := range map[string]struct {
		spec  string
		files map[string]string // in the order of their folders
		order []string
		want  map[string]bool
	}{
		"nothing":       {want: map[string]bool{"a.yaml": true, "a.txt": false, ".b/a.yaml": false}},
		"all but one":   {spec: "/*\n!/deploy\n", want: map[string]bool{"a.yaml": false, "deploy/a/b.yaml": true, "x/deploy/a.yaml": false}},
		"deep all but":  {spec: "/*\n!/deploy/app\n", want: map[string]bool{"deploy/a.yaml": false, "deploy/app/a.yaml": true}},
		"by name":       {spec: "*.tmp.yaml\ntests/\n", want: map[string]bool{"a/b.tmp.yaml": false, "a/tests/b.yaml": false, "tests.yaml": true}},
		"anchored":      {spec: "/a/*.yaml\n", want: map[string]bool{"a/b.yaml": false, "b/a/b.yaml": true, "a/b/c.yaml": true}},
		"double stars":  {spec: "**/test/**\na/**/z.yaml\n", want: map[string]bool{"x/test/y.yaml": false, "a/z.yaml": false, "a/b/c/z.yaml": false, "b/z.yaml": true}},
		"classes":       {spec: "[!a]x.yaml\nb[0-9].yaml\nc**d.yaml", want: map[string]bool{"ax.yaml": true, "bx.yaml": false, "b7.yaml": false, "bb.yaml": true, "cxd.yaml": false}},
		"comments":      {spec: "# a.yaml\n\\#b.yaml\n\n  \n", want: map[string]bool{"a.yaml": true, "#b.yaml": false}},
		"line breaks":   {spec: "\ufeffa.yaml\r\nb.yaml\r\n", want: map[string]bool{"a.yaml": false, "b.yaml": false}},
		"only a folder": {spec: "a.yaml/\n", want: map[string]bool{"a.yaml": true, "a.yaml/b.yaml": false}},
		"files, deeper ones last": {
			files: map[string]string{".nopeaignore": "*.yaml\n", "a/.nopeaignore": "!keep.yaml\n"}, order: []string{".nopeaignore", "a/.nopeaignore"},
			want: map[string]bool{"keep.yaml": false, "a/keep.yaml": true, "a/b/keep.yaml": true, "a/x.yaml": false},
		},
		"the spec last": {spec: "!a.yaml\n",
			files: map[string]string{".nopeaignore": "*.yaml\n"}, order: []string{".nopeaignore"}, want: map[string]bool{"a.yaml": true, "b.yaml": false}},
		"NOPEA's over Flux'": {
			files: map[string]string{".nopeaignore": "!a.yaml\n", ".sourceignore": "*.yaml\n"}, order: []string{".nopeaignore", ".sourceignore"},
			want: map[string]bool{"a.yaml": true, "b.yaml": false},
		},
		"a folder's own": {
			files: map[string]string{"a/.sourceignore": "/x.yaml\n"}, order: []string{"a/.sourceignore"}, want: map[string]bool{"a/x.yaml": false, "x.yaml": true, "a/b/x.yaml": true},
		},
	} {
		t.Run(name, func(t *testing.T) {
			ignore := NewIgnore(test.spec, Wanted)
			for _, file := range test.order {
				ignore.Learn(file, []byte(test.files[file]))
			}
			for file, want := range test.want {
				if got := ignore.Wants(file); got != want {
					t.Errorf("%s is wanted: %v", file, got)
				}
			}
			if err := ignore.Err(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestIgnoreErrors(t *testing.T) {
	for name, test := range map[string]struct{ data, want string }{
		"not closed": {"a\n[b\n", ".nopeaignore:2: it is no pattern"},
		"backslash":  {"a\\", ".nopeaignore:1: it is no pattern"},
		"long":       {strings.Repeat("a", 2000), "the pattern is too long"},
		"deep":       {strings.Repeat("a/", 200), "the pattern is too long"},
		"many":       {strings.Repeat("a\n", 3000), "more than 2000 patterns"},
		"large":      {strings.Repeat("#", 70000), "only 65536 are allowed"},
		"bytes":      {"\xff", "not UTF-8"},
	} {
		ignore := NewIgnore("", Wanted)
		ignore.Learn(".nopeaignore", []byte(test.data))
		var list *ErrorList
		if err := ignore.Err(); !errors.As(err, &list) || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v", name, err)
		}
		if ignore.Wants("a.yaml") || ignore.PassesOver("a") {
			t.Errorf("%s: still wants files", name)
		}
	}
}

// TestIgnoreIsBounded has patterns and paths that take as long as they can.
func TestIgnoreIsBounded(t *testing.T) {
	ignore := NewIgnore(strings.Repeat("**/"+strings.Repeat("*a", 16)+"b\n", maxPatterns-1), Wanted)
	file := strings.Repeat(strings.Repeat("a", 200)+"/", 15)
	began := time.Now()
	for i := range 1_000_000 {
		ignore.Wants(fmt.Sprintf("%s%d.yaml", file, i))
		if ignore.Err() != nil {
			if took := time.Since(began); took > time.Minute {
				t.Errorf("it took %s until it was too much", took)
			}
			return
		}
	}
	t.Fatal("there is no end to it")
}

func FuzzIgnore(f *testing.F) {
	f.Add("/*\n!/deploy\n", "a/**/b\n[!x]*\n", "deploy/a/b.yaml")
	f.Add("**\n!**/\n", "\\", "a")
	f.Add("!\n/\n//\n", "# \n ", "a//b.yaml")
	f.Fuzz(func(t *testing.T, spec, file, path string) {
		verdict := func() (bool, bool, error) {
			ignore := NewIgnore(spec, Wanted)
			ignore.Learn("a/.nopeaignore", []byte(file))
			ignore.Learn("a/.sourceignore", []byte(spec))
			return ignore.Wants(path), ignore.PassesOver(path), ignore.Err()
		}
		wants, passes, err := verdict()
		again, passesAgain, errAgain := verdict()
		if wants != again || passes != passesAgain || fmt.Sprint(err) != fmt.Sprint(errAgain) {
			t.Fatal("two looks differ")
		}
		if wants && (err != nil || !Wanted(path)) {
			t.Fatal("wants what is no manifest, or after an error")
		}
	})
}
