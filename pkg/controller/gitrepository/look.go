package gitrepository

import (
	"context"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	"k8s.io/klog/v2"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
	"nopea.io/nopea/pkg/git"
)

// look does what the controller does by itself: a poll looks at the remote ref, and only when that moved, or for any other trigger,
// everything is looked at. A Sync is stored only when there is something to apply.
func (c *Controller) look(ctx context.Context, repository *v1alpha1.GitRepository, remembered *memory, trigger v1alpha1.SyncTrigger) {
	r := &run{Controller: c, repository: repository, began: c.Clock.Now(), trigger: trigger, seenNow: trigger == v1alpha1.SyncTriggerStartup}
	if trigger == v1alpha1.SyncTriggerPoll && !c.poll(ctx, r, remembered) {
		return
	}
	var syncs []*v1alpha1.Sync
	if trigger == v1alpha1.SyncTriggerPoll {
		r.early = remembered.source
	}
	result := c.attempt(ctx, r, remembered, func(ctx context.Context) error {
		if err := r.prepare(ctx); err != nil || r.unchanged || r.plan.Idle() || remembered.cadence.retrying() {
			return err
		}
		stored, err := c.announce(ctx, r)
		if err != nil {
			return err
		}
		syncs = append(syncs, stored)
		return nil
	})
	result.trigger = trigger
	c.conclude(ctx, r, remembered, syncs, result)
}

// poll looks at the remote ref, and tells whether a whole run is wanted: the ref moved, what its verification went by did, or the look
// failed in a way that only a whole run can judge.
func (c *Controller) poll(ctx context.Context, r *run, remembered *memory) bool {
	if remembered.source == nil {
		return true
	}
	limited, cancel := context.WithTimeout(ctx, r.repository.Spec.SyncTimeout())
	defer cancel()
	if c.evidenceMoved(limited, r.repository, remembered.evidence, r.began) {
		return true
	}
	revision, err := remembered.source.Resolve(limited, refOf(r.repository), r.began)
	now := c.Clock.Now()
	switch code := git.CodeOf(err); {
	case ctx.Err() != nil:
		return false
	case err == nil && revision.Hash != remembered.cadence.commit:
		r.resolved = &revision
		return true
	case err == nil && wantsTag(r.repository) && revision.Tag != remembered.evidence.tag:
		r.resolved = &revision
		return true
	case err == nil && gitTrouble(r.repository):
		// The remote is back, or the ref is: say so.
		return true
	case err == nil:
		remembered.cadence.polled(r.repository, now, random)
		return false
	case hangsOnCredentials(code):
		return true // they may have been replaced
	}
	failure := explain(err, r.repository)
	first := !remembered.cadence.retrying()
	remembered.cadence.pollFailed(r.repository, failure, now, random)
	klog.FromContext(ctx).Info("Poll failed", "err", err, "retry", remembered.cadence.retry)
	// One poll that fails says little; the next try, soon after, tells.
	if first && !failure.Stalled {
		return false
	}
	if _, err := c.update(ctx, r.repository, func(status *v1alpha1.GitRepositoryStatus) {
		conclude(status, r.repository.Generation, &report{failure: failure})
	}); err != nil {
		utilruntime.HandleErrorWithContext(ctx, err, "Show that the poll failed")
	}
	return false
}

// hangsOnCredentials tells whether other Secrets might mend a failure.
func hangsOnCredentials(code git.Code) bool {
	switch code {
	case git.Unauthorized, git.Forbidden, git.RepositoryNotFound, git.InvalidCredentials, git.HostKeyUnknown, git.HostKeyMismatch,
		git.CertificateUntrusted, git.ClientCertificateRefused, git.ProxyUnauthorized:
		return true
	}
	return false
}

// gitTrouble tells whether the status says that the remote could not be read.
func gitTrouble(repository *v1alpha1.GitRepository) bool {
	last := repository.Status.LastError
	if last == nil {
		return false
	}
	switch code := git.Code(last.Code); code {
	case git.HostNotFound, git.Unreachable, git.Timeout, git.RateLimited, git.ServerError, git.NotAGitServer, git.EmptyRepository, git.RefNotFound, git.CommitNotFound:
		return true
	default:
		return hangsOnCredentials(code)
	}
}

// announce stores a Sync for what the controller does by itself. The API server makes it Running at once: no request joins it, and
// whoever asks meanwhile has a Sync, and so a look at the remote ref, of their own.
func (c *Controller) announce(ctx context.Context, r *run) (*v1alpha1.Sync, error) {
	// Not by the subresource: there the right to do so has to be asked for under each GitRepository's name.
	stored, err := c.API.Syncs(r.repository.Namespace).Create(ctx,
		&v1alpha1.Sync{Spec: v1alpha1.SyncSpec{Repository: r.repository.Name, Trigger: r.trigger}}, metav1.CreateOptions{})
	if err != nil {
		return nil, fmt.Errorf("store a Sync for GitRepository %s: %w", klog.KObj(r.repository), err)
	}
	// It began with the run; and its end will be by the same clock.
	stored.Status.StartTime = new(metav1.NewMicroTime(r.began))
	return stored, nil
}
