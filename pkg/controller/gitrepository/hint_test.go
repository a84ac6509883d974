package gitrepository

import (
	"strings"
	"testing"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
	"nopea.io/nopea/pkg/git"
)

func TestHintOf(t *testing.T) {
	one, two := strings.Repeat("1", 40), strings.Repeat("2", 40)
	push := func(ref, commit string) *v1alpha1.Sync {
		return &v1alpha1.Sync{Spec: v1alpha1.SyncSpec{Trigger: v1alpha1.SyncTriggerWebhook, Push: &v1alpha1.Push{Ref: ref, Commit: commit}}}
	}
	manual := &v1alpha1.Sync{Spec: v1alpha1.SyncSpec{Trigger: v1alpha1.SyncTriggerManual}}
	for name, test := range map[string]struct {
		ref   *v1alpha1.GitRef
		syncs []*v1alpha1.Sync
		want  git.Revision
	}{
		"no push":              {nil, []*v1alpha1.Sync{manual}, git.Revision{}},
		"the default branch":   {nil, []*v1alpha1.Sync{push("refs/heads/main", one)}, git.Revision{Ref: "refs/heads/main", Hash: one}},
		"the branch":           {&v1alpha1.GitRef{Branch: "live"}, []*v1alpha1.Sync{push("refs/heads/live", one)}, git.Revision{Ref: "refs/heads/live", Hash: one}},
		"another branch":       {&v1alpha1.GitRef{Branch: "live"}, []*v1alpha1.Sync{push("refs/heads/main", one)}, git.Revision{}},
		"the newest":           {nil, []*v1alpha1.Sync{push("refs/heads/main", one), manual, push("refs/heads/main", two)}, git.Revision{Ref: "refs/heads/main", Hash: two}},
		"a tag":                {&v1alpha1.GitRef{Tag: "v1"}, []*v1alpha1.Sync{push("refs/tags/v1", one)}, git.Revision{}},
		"a tag, of no ref":     {nil, []*v1alpha1.Sync{push("refs/tags/v1", one)}, git.Revision{}},
		"a commit that stays":  {&v1alpha1.GitRef{Commit: two}, []*v1alpha1.Sync{push("refs/heads/main", one)}, git.Revision{}},
		"a pull request's ref": {&v1alpha1.GitRef{Name: "refs/pull/1/head"}, []*v1alpha1.Sync{push("refs/pull/1/head", one)}, git.Revision{Ref: "refs/pull/1/head", Hash: one}},
		"no ref":               {nil, []*v1alpha1.Sync{push("main", one)}, git.Revision{}},
	} {
		r := repository(1)
		r.Spec.Ref = test.ref
		if got := hintOf(test.syncs, r); got != test.want {
			t.Errorf("%s: %+v, want %+v", name, got, test.want)
		}
	}
}
