package gitrepository

import (
	"context"
	"strings"
	"sync"

	"k8s.io/klog/v2"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
	"nopea.io/nopea/pkg/git"
)

// hintOf is what the newest push among Syncs, the oldest of which come first, is said to have brought to a GitRepository's ref; zero when
// none is. What a tag is said to point to may be the tag itself, so it is no hint.
func hintOf(syncs []*v1alpha1.Sync, repository *v1alpha1.GitRepository) git.Revision {
	wanted := refOf(repository).Full()
	var hint git.Revision
	for _, sync := range syncs {
		push := sync.Spec.Push
		if push == nil || !strings.HasPrefix(push.Ref, "refs/") || strings.HasPrefix(push.Ref, "refs/tags/") {
			continue
		}
		if wanted == push.Ref || wanted == "HEAD" {
			hint = git.Revision{Ref: push.Ref, Hash: push.Commit}
		}
	}
	return hint
}

// ahead fetches what a push is said to have brought, beside all else that a run does until it knows what the remote says. It only fills
// the store: what is applied is what the remote says.
type ahead struct {
	hint   git.Revision
	source *git.Source
	cancel context.CancelFunc
	work   sync.WaitGroup
}

// follow begins to fetch the hint by a source, unless that is going on or there is none.
func (a *ahead) follow(ctx context.Context, source *git.Source) {
	if a.hint.Hash == "" || source == nil || source.Same(a.source) {
		return
	}
	a.end()
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	a.source, a.cancel = source, cancel
	a.work.Go(func() {
		if err := guard(ctx, func() error { return source.Anticipate(ctx, a.hint) }); err != nil {
			klog.FromContext(ctx).V(4).Info("A push was not fetched ahead", "commit", a.hint.Hash, "err", err)
		}
	})
}

// told takes in what the remote says: a hint that is not that is of no use any more.
func (a *ahead) told(revision git.Revision) {
	if a.cancel != nil && revision.Hash != a.hint.Hash {
		a.cancel()
	}
}

// end ends what goes on. A run calls it at its end, if not before.
func (a *ahead) end() {
	if a.cancel != nil {
		a.cancel()
	}
	a.work.Wait()
}
