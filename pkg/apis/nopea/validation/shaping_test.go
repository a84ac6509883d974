package validation

import (
	"strings"
	"testing"

	"nopea.io/nopea/pkg/apis/nopea"
)

func TestValidateShaping(t *testing.T) {
	type spec = nopea.GitRepositorySpec
	many := make(map[string]string)
	for i := range maxVariables + 1 {
		many["V"+strings.Repeat("x", i%100)+strings.Repeat("y", i/100)] = ""
	}
	for name, test := range map[string]struct {
		change func(*spec)
		wish   string
	}{
		"ignore":              {func(s *spec) { s.Ignore = "# all but one\n/*\n!/deploy\n*.tmp.yaml\n\\#x [a-c]\n" }, ""},
		"ignore, bad pattern": {func(s *spec) { s.Ignore = "a\n[b\n" }, "spec.ignore: line 2 is no pattern"},
		"ignore, comment":     {func(s *spec) { s.Ignore = "# [b\n" }, ""},
		"ignore, long line":   {func(s *spec) { s.Ignore = strings.Repeat("a", 1025) }, "spec.ignore: must not be longer"},
		"ignore, long":        {func(s *spec) { s.Ignore = strings.Repeat("a\n", 40000) }, "spec.ignore: may not be more than"},
		"labels":              {func(s *spec) { s.CommonMetadata = &nopea.CommonMetadata{Labels: map[string]string{"team": "a"}} }, ""},
		"bad label":           {func(s *spec) { s.CommonMetadata = &nopea.CommonMetadata{Labels: map[string]string{"team": "a b"}} }, "spec.commonMetadata.labels: a valid label"},
		"own label":           {func(s *spec) { s.CommonMetadata = &nopea.CommonMetadata{Labels: map[string]string{"nopea.io/x": "a"}} }, "spec.commonMetadata.labels[nopea.io/x]: must not be under nopea.io/"},
		"own annotation": {func(s *spec) {
			s.CommonMetadata = &nopea.CommonMetadata{Annotations: map[string]string{"x.nopea.io/x": "a"}}
		}, "spec.commonMetadata.annotations[x.nopea.io/x]: must not"},
		"another's annotation": {func(s *spec) {
			s.CommonMetadata = &nopea.CommonMetadata{Annotations: map[string]string{"notnopea.io/x": "a"}}
		}, ""},
		"variables":            {func(s *spec) { s.Substitute = map[string]string{"_A1": "any: [thing"} }, ""},
		"variable's name":      {func(s *spec) { s.Substitute = map[string]string{"1A": ""} }, "spec.substitute[1A]: must be the name"},
		"variable with a dash": {func(s *spec) { s.Substitute = map[string]string{"a-b": ""} }, "spec.substitute[a-b]: must be the name"},
		"many variables":       {func(s *spec) { s.Substitute = many }, "spec.substitute: must have at most"},
		"large variables":      {func(s *spec) { s.Substitute = map[string]string{"A": strings.Repeat("x", maxVariablesLength)} }, "spec.substitute: may not be more than"},
		"from": {func(s *spec) {
			s.SubstituteFrom = []nopea.SubstituteReference{{Kind: "Secret", Name: "vars", Optional: true}}
		}, ""},
		"from, no name":     {func(s *spec) { s.SubstituteFrom = []nopea.SubstituteReference{{Kind: "ConfigMap"}} }, "spec.substituteFrom[0].name: Required"},
		"from another kind": {func(s *spec) { s.SubstituteFrom = []nopea.SubstituteReference{{Kind: "Pod", Name: "x"}} }, "spec.substituteFrom[0].kind: supported values"},
	} {
		t.Run(name, func(t *testing.T) {
			repository := validRepository()
			test.change(&repository.Spec)
			expect(t, ValidateGitRepository(repository), test.wish)
		})
	}
}
