package manifest

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
)

func TestCutField(t *testing.T) {
	const text = `{"spec":{"replicas":3,"a/b":1,"hooks":[{"name":"x","ca":"1"},{"name":"y"},{"name":"z","ca":"3"}]}}`
	for pointer, want := range map[string]struct{ rest, paths, fault string }{
		"/spec/replicas":   {rest: `{"spec":{"a/b":1,"hooks":[{"name":"x","ca":"1"},{"name":"y"},{"name":"z","ca":"3"}]}}`, paths: "spec.replicas"},
		"/spec/a~1b":       {rest: `{"spec":{"replicas":3,"hooks":[{"name":"x","ca":"1"},{"name":"y"},{"name":"z","ca":"3"}]}}`, paths: "spec.a/b"},
		"/spec/hooks/2/ca": {rest: `{"spec":{"replicas":3,"a/b":1,"hooks":[{"name":"x","ca":"1"},{"name":"y"},{"name":"z"}]}}`, paths: "spec.hooks.2.ca"},
		"/spec/hooks/*/ca": {rest: `{"spec":{"replicas":3,"a/b":1,"hooks":[{"name":"x"},{"name":"y"},{"name":"z"}]}}`, paths: "spec.hooks.0.ca spec.hooks.2.ca"},
		"/spec/hooks":      {rest: `{"spec":{"replicas":3,"a/b":1}}`, paths: "spec.hooks"},
		"/spec/none/x":     {rest: text},
		"/spec/replicas/x": {rest: text},
		"/spec/hooks/9/ca": {rest: text},
		"/spec/hooks/0":    {fault: "name a field in it"},
		"/spec/hooks/*":    {fault: "name a field in it"},
	} {
		t.Run(pointer, func(t *testing.T) {
			var content, untouched, wantRest map[string]any
			for _, target := range []*map[string]any{&content, &untouched} {
				if err := json.Unmarshal([]byte(text), target); err != nil {
					t.Fatal(err)
				}
			}
			rest, cuts, err := CutField(content, pointer)
			if want.fault != "" {
				if err == nil || !strings.Contains(err.Error(), want.fault) {
					t.Fatalf("got %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal([]byte(want.rest), &wantRest); err != nil {
				t.Fatal(err)
			}
			var paths []string
			for _, cut := range cuts {
				paths = append(paths, strings.Join(cut.Path, "."))
			}
			if !reflect.DeepEqual(rest, wantRest) || strings.Join(paths, " ") != want.paths {
				t.Errorf("got %v without %v", rest, paths)
			}
			if !reflect.DeepEqual(content, untouched) {
				t.Error("the content was changed")
			}
		})
	}
}
