package validation

import (
	"strings"
	"testing"

	"nopea.io/nopea/pkg/apis/nopea"
)

func TestValidateTrust(t *testing.T) {
	type ref = nopea.GitRef
	for name, test := range map[string]struct {
		ref    *ref
		mode   nopea.VerifyMode
		secret string
		wish   string
	}{
		"range":            {&ref{Semver: ">=1.2.0 <2.0.0 || 3.x"}, "", "", ""},
		"caret":            {&ref{Semver: "^1.2"}, "", "", ""},
		"no range":         {&ref{Semver: "one"}, "", "", "spec.ref.semver: a range of versions"},
		"interval":         {&ref{Semver: "[1.0,2.0)"}, "", "", "spec.ref.semver: a range of versions"},
		"line break":       {&ref{Semver: "1.x\n"}, "", "", "spec.ref.semver: control characters"},
		"long range":       {&ref{Semver: strings.Repeat("1 || ", 100) + "1"}, "", "", "spec.ref.semver: Too long"},
		"commit":           {nil, "Commit", "keys", ""},
		"no secret":        {nil, "Commit", "", "spec.verify.secretRef.name: Required"},
		"secret path":      {nil, "Commit", "a/b", "spec.verify.secretRef.name: "},
		"unknown mode":     {nil, "HEAD", "keys", "spec.verify.mode: Unsupported"},
		"tag":              {&ref{Tag: "v1"}, "Tag", "keys", ""},
		"tag by range":     {&ref{Semver: "1.x"}, "TagAndCommit", "keys", ""},
		"tag by name":      {&ref{Name: "refs/tags/v1"}, "Tag", "keys", ""},
		"tag of branch":    {&ref{Branch: "main"}, "Tag", "keys", "spec.verify.mode: needs a tag"},
		"tag of HEAD":      {nil, "TagAndCommit", "keys", "spec.verify.mode: needs a tag"},
		"tag after name":   {&ref{Tag: "v1", Name: "refs/heads/main"}, "Tag", "keys", "spec.verify.mode: needs a tag"},
		"tag after commit": {&ref{Tag: "v1", Commit: commit}, "Tag", "keys", "spec.verify.mode: needs a tag"},
	} {
		t.Run(name, func(t *testing.T) {
			repository := validRepository()
			repository.Spec.Ref = test.ref
			if test.mode != "" {
				repository.Spec.Verify = &nopea.VerifySpec{Mode: test.mode, SecretRef: nopea.LocalObjectReference{Name: test.secret}}
			}
			expect(t, ValidateGitRepository(repository), test.wish)
		})
	}
}
