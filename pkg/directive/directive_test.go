package directive

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

func TestOf(t *testing.T) {
	for name, test := range map[string]struct {
		labels, annotations map[string]string
		want                Directives
		wrong               string
	}{
		"nothing":                       {},
		"another's":                     {annotations: map[string]string{"example.com/ignore": "true"}},
		"ignore":                        {annotations: map[string]string{"nopea.io/ignore": "true"}, want: Directives{Ignore: "nopea.io/ignore"}},
		"not ignored":                   {annotations: map[string]string{"nopea.io/ignore": "false"}},
		"ignore, wrongly written":       {annotations: map[string]string{"nopea.io/ignore": "yes"}, wrong: "nopea.io/ignore must be true or false"},
		"prune, wrongly written":        {annotations: map[string]string{"nopea.io/prune": "false"}, wrong: "nopea.io/prune must be disabled or enabled"},
		"create-only":                   {annotations: map[string]string{"nopea.io/create-only": "true"}, want: Directives{CreateOnly: true}},
		"force":                         {annotations: map[string]string{"nopea.io/force": "true"}, want: Directives{Force: true}},
		"as a label":                    {labels: map[string]string{"nopea.io/force": "true"}},
		"Flux: not reconciled":          {annotations: map[string]string{"kustomize.toolkit.fluxcd.io/reconcile": "Disabled"}, want: Directives{Ignore: "kustomize.toolkit.fluxcd.io/reconcile"}},
		"Flux: by a label":              {labels: map[string]string{"kustomize.toolkit.fluxcd.io/reconcile": "disabled"}, want: Directives{Ignore: "kustomize.toolkit.fluxcd.io/reconcile"}},
		"Flux: force":                   {annotations: map[string]string{"kustomize.toolkit.fluxcd.io/force": "enabled"}, want: Directives{Force: true}},
		"Flux: if not present":          {annotations: map[string]string{"kustomize.toolkit.fluxcd.io/ssa": "IfNotPresent"}, want: Directives{CreateOnly: true}},
		"Flux: ignore":                  {annotations: map[string]string{"kustomize.toolkit.fluxcd.io/ssa": "ignore"}, want: Directives{Ignore: "kustomize.toolkit.fluxcd.io/ssa"}},
		"Flux: another":                 {annotations: map[string]string{"kustomize.toolkit.fluxcd.io/x": "y"}, want: Directives{Notes: []string{"annotation kustomize.toolkit.fluxcd.io/x"}}},
		"Argo CD: force and replace":    {annotations: map[string]string{"argocd.argoproj.io/sync-options": "Force=true, Replace=true"}, want: Directives{Force: true}},
		"Argo CD: replace":              {annotations: map[string]string{"argocd.argoproj.io/sync-options": "Replace=true,,"}, want: Directives{Notes: []string{"annotation argocd.argoproj.io/sync-options (Replace)"}}},
		"Argo CD: an option of no name": {annotations: map[string]string{"argocd.argoproj.io/sync-options": "s3cret!"}, want: Directives{Notes: []string{"annotation argocd.argoproj.io/sync-options (an option that is none)"}}},
		"Argo CD: hook":                 {annotations: map[string]string{"argocd.argoproj.io/hook": "PreSync"}, want: Directives{Notes: []string{"annotation argocd.argoproj.io/hook"}}},
		"Argo CD: skipped":              {annotations: map[string]string{"argocd.argoproj.io/hook": "Skip"}, want: Directives{Ignore: "argocd.argoproj.io/hook"}},
		"Argo CD: bookkeeping":          {annotations: map[string]string{"argocd.argoproj.io/tracking-id": "x"}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Of(test.labels, test.annotations)
			var wrong *Error
			if test.wrong != "" {
				if !errors.As(err, &wrong) || !strings.Contains(err.Error(), test.wrong) {
					t.Fatalf("error %v, want one that says %q", err, test.wrong)
				}
				return
			}
			if err != nil || got.Ignore != test.want.Ignore || got.CreateOnly != test.want.CreateOnly || got.Force != test.want.Force ||
				!slices.Equal(got.Notes, test.want.Notes) {
				t.Fatalf("got %+v and %v, want %+v", got, err, test.want)
			}
		})
	}
}

func TestKeep(t *testing.T) {
	for name, test := range map[string]struct {
		labels, annotations map[string]string
		prune, deletion     string
	}{
		"nothing":                 {annotations: map[string]string{"nopea.io/prune": "enabled"}},
		"prune":                   {annotations: map[string]string{"nopea.io/prune": "disabled"}, prune: "nopea.io/prune", deletion: "nopea.io/prune"},
		"Flux":                    {annotations: map[string]string{"kustomize.toolkit.fluxcd.io/prune": "Disabled"}, prune: "fluxcd", deletion: "fluxcd"},
		"Flux, by a label":        {labels: map[string]string{"kustomize.toolkit.fluxcd.io/prune": "disabled"}, prune: "fluxcd", deletion: "fluxcd"},
		"Argo CD's Prune":         {annotations: map[string]string{"argocd.argoproj.io/sync-options": "Validate=false,Prune=false"}, prune: "keeps it by Prune"},
		"Argo CD's Delete":        {annotations: map[string]string{"argocd.argoproj.io/sync-options": "Delete=false"}, deletion: "keeps it by Delete"},
		"Argo CD, if confirmed":   {annotations: map[string]string{"argocd.argoproj.io/sync-options": "Delete=confirm,Prune=confirm"}, prune: "Prune", deletion: "Delete"},
		"Argo CD, in other words": {annotations: map[string]string{"argocd.argoproj.io/sync-options": "Prune=true"}},
	} {
		t.Run(name, func(t *testing.T) {
			keep := KeepOf(test.labels, test.annotations)
			for got, want := range map[string]string{keep.FromPrune(): test.prune, keep.FromDeletion(): test.deletion} {
				if (got == "") != (want == "") || !strings.Contains(got, want) {
					t.Fatalf("%q, want %q", got, want)
				}
			}
		})
	}
}
