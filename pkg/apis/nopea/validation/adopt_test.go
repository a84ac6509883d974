package validation

import (
	"fmt"
	"strings"
	"testing"
)

func TestValidateAdopt(t *testing.T) {
	var many []string
	for i := range 51 {
		many = append(many, fmt.Sprintf("argocd:app-%d", i))
	}
	for name, test := range map[string]struct {
		adopt []string
		wish  string
	}{
		"none":            {nil, ""},
		"fifty":           {many[:50], ""},
		"one of each":     {[]string{"helm:default/web", "flux:flux-system/apps", "flux-helm:apps/web", "argocd:guestbook", "gitrepository:team-a/shop"}, ""},
		"in a namespace":  {[]string{"argocd:team-a_guestbook"}, ""},
		"dotted":          {[]string{"helm:default/web.example.com"}, ""},
		"many":            {many, "spec.adopt: Too many"},
		"twice":           {[]string{"argocd:a", "argocd:a"}, "spec.adopt[1]: Duplicate"},
		"empty":           {[]string{""}, "spec.adopt[0]: must be"},
		"no kind":         {[]string{"web"}, "spec.adopt[0]: must be"},
		"another kind":    {[]string{"kapp:default/web"}, "spec.adopt[0]: must be"},
		"no name":         {[]string{"helm:default/"}, "spec.adopt[0]: must name a namespace and an object"},
		"no namespace":    {[]string{"flux:apps"}, "spec.adopt[0]: must name a namespace and an object"},
		"upper case":      {[]string{"gitrepository:A/B"}, "spec.adopt[0]: must name a namespace and an object"},
		"a third part":    {[]string{"helm:default/web/x"}, "spec.adopt[0]: must name a namespace and an object"},
		"no application":  {[]string{"argocd:"}, "spec.adopt[0]: must name an Argo CD application"},
		"a bad one":       {[]string{"argocd:a/b"}, "spec.adopt[0]: must name an Argo CD application"},
		"a long one":      {[]string{"argocd:" + strings.Repeat("a", 400)}, "spec.adopt[0]: must name an Argo CD application"},
		"a control code":  {[]string{"argocd:a\n"}, "spec.adopt[0]: must name an Argo CD application"},
		"a wildcard":      {[]string{"helm:default/*"}, "spec.adopt[0]: must name a namespace and an object"},
		"all wildcards":   {[]string{"*"}, "spec.adopt[0]: must be"},
		"good before bad": {[]string{"argocd:a", "nope"}, "spec.adopt[1]: must be"},
	} {
		t.Run(name, func(t *testing.T) {
			repository := validRepository()
			repository.Spec.Adopt = test.adopt
			expect(t, ValidateGitRepository(repository), test.wish)
		})
	}
}
