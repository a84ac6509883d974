package gitrepository

import (
	"slices"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"nopea.io/nopea/pkg/apis/nopea"
	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
)

func TestCleanupFinalizer(t *testing.T) {
	const foreign, own = "example.com/other", v1alpha1.FinalizerCleanup
	for name, test := range map[string]struct {
		policy     nopea.DeletionPolicy
		deleting   bool
		have, want []string
	}{
		"added":                    {nopea.DeletionPolicyDelete, false, []string{foreign}, []string{foreign, own}},
		"kept once":                {nopea.DeletionPolicyDelete, false, []string{own}, []string{own}},
		"not while deleting":       {nopea.DeletionPolicyDelete, true, []string{foreign}, []string{foreign}},
		"stays while deleting":     {nopea.DeletionPolicyDelete, true, []string{own}, []string{own}},
		"orphan takes it off":      {nopea.DeletionPolicyOrphan, false, []string{own, foreign}, []string{foreign}},
		"orphan, while deleting":   {nopea.DeletionPolicyOrphan, true, []string{own}, []string{}},
		"orphan leaves the others": {nopea.DeletionPolicyOrphan, false, []string{foreign}, []string{foreign}},
	} {
		t.Run(name, func(t *testing.T) {
			repository := &nopea.GitRepository{ObjectMeta: metav1.ObjectMeta{Finalizers: test.have}, Spec: nopea.GitRepositorySpec{DeletionPolicy: test.policy}}
			if test.deleting {
				repository.DeletionTimestamp = new(metav1.Now())
			}
			before := repository.DeepCopy()
			strategy{}.PrepareForUpdate(t.Context(), repository, before)
			if !slices.Equal(repository.Finalizers, test.want) {
				t.Errorf("got %v, want %v", repository.Finalizers, test.want)
			}
		})
	}
}

func TestWarnsOfCredentialsInClearText(t *testing.T) {
	repository := &nopea.GitRepository{Spec: nopea.GitRepositorySpec{URL: "http://h/x", SecretRef: &nopea.LocalObjectReference{Name: "git"}}}
	if len(strategy{}.WarningsOnCreate(t.Context(), repository)) != 1 {
		t.Error("no warning")
	}
	repository.Spec.URL = "https://h/x"
	if got := (strategy{}).WarningsOnUpdate(t.Context(), repository, repository); len(got) != 0 {
		t.Errorf("unexpected warning %v", got)
	}
}
