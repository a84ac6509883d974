package gitrepository

import (
	"context"
	"errors"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/klog/v2"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
	"nopea.io/nopea/pkg/git"
)

// aim finds out which commit a Sync that names a revision leads to: what the ref points to, if that holds the revision, or, while the
// GitRepository is suspended, the revision itself. A look at the remote that fails is told like that of any run.
func (r *run) aim(ctx context.Context, wanted string) error {
	fresh, err := r.API.GitRepositories(r.repository.Namespace).Get(ctx, r.repository.Name, metav1.GetOptions{})
	if err != nil {
		return fmt.Errorf("read GitRepository %s: %w", klog.KObj(r.repository), err)
	}
	r.repository, r.seenNow = fresh, true
	if err := r.lookAtRemote(ctx); err != nil {
		return err
	}
	contained, err := r.source.Contains(ctx, *r.resolved, wanted)
	switch {
	case git.CodeOf(err) == git.CommitNotFound:
		return notContained(r.revision, wanted, fmt.Sprintf(". The Git server does not know that commit, or does not give it out: %v", err))
	case err != nil:
		return err
	case !contained:
		return notContained(r.revision, wanted, "")
	case fresh.Spec.Suspend:
		r.resolved = &git.Revision{Hash: wanted, Ref: r.resolved.Ref}
		r.revision = revisionOf(*r.resolved)
	}
	return nil
}

func notContained(tip *v1alpha1.Revision, wanted, why string) *Failure {
	return &Failure{Code: CodeRevisionNotContained,
		Message: fmt.Sprintf("the ref points to %s, which does not contain the commit %s that was asked for, so nothing was applied%s", describe(tip), wanted, why),
		Hint:    "Push or merge it, or ask for a sync without a revision. With spec.dryRun it is planned without being in the ref."}
}

// refuses ends a Sync whose revision the ref does not contain. That is no trouble of the GitRepository, whose status stays as it is.
func (c *Controller) refuses(ctx context.Context, r *run, remembered *memory, sync *v1alpha1.Sync, err error) bool {
	failure, ok := errors.AsType[*Failure](err)
	if !ok || failure.Code != CodeRevisionNotContained {
		return false
	}
	result := &report{revision: r.revision, began: r.began, ended: c.Clock.Now(), failure: failure}
	c.end(ctx, remembered, sync, result)
	return true
}
