package gitrepository

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	"k8s.io/klog/v2"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
	"nopea.io/nopea/pkg/wording"
)

// open tells whether a Sync asks for a run: it is pending, or was running when the controller that took it ended.
func open(sync *v1alpha1.Sync) bool {
	return sync.DeletionTimestamp.IsZero() && sync.Status.Phase != v1alpha1.SyncPhaseSucceeded && sync.Status.Phase != v1alpha1.SyncPhaseFailed
}

// known lists the Syncs of a GitRepository, the oldest first.
func (c *Controller) known(repository *v1alpha1.GitRepository) []*v1alpha1.Sync {
	objects, err := c.syncs.ByIndex(indexByRepository, repository.Namespace+"/"+repository.Name)
	if err != nil {
		// Only a missing index fails, and New makes it.
		panic(err)
	}
	var syncs []*v1alpha1.Sync
	for _, object := range objects {
		if sync, ok := object.(*v1alpha1.Sync); ok && metav1.IsControlledBy(sync, repository) {
			syncs = append(syncs, sync)
		}
	}
	slices.SortFunc(syncs, func(a, b *v1alpha1.Sync) int {
		return cmp.Or(a.CreationTimestamp.Compare(b.CreationTimestamp.Time), completed(a).Compare(completed(b)), strings.Compare(a.Name, b.Name))
	})
	return syncs
}

// completed is when a Sync ended; creation times alone are whole seconds.
func completed(sync *v1alpha1.Sync) time.Time {
	if sync.Status.CompletionTime == nil {
		return time.Time{}
	}
	return sync.Status.CompletionTime.Time
}

// requested lists the Syncs that ask for a run. As one run at a time goes on for a GitRepository, one that is Running while none
// goes on was left behind by a controller that ended; it runs again under its own name.
func (c *Controller) requested(repository *v1alpha1.GitRepository, remembered *memory) []*v1alpha1.Sync {
	var requested []*v1alpha1.Sync
	shown := make(map[types.UID]bool)
	for _, sync := range c.known(repository) {
		switch {
		case !open(sync), remembered.wait.has(sync.UID):
		case remembered.served[sync.UID]:
			shown[sync.UID] = true
		default:
			requested = append(requested, sync)
		}
	}
	remembered.served = shown
	return requested
}

// batch splits off the Syncs that one run serves: all that want what the ref points to, up to the first that names a revision, which has
// a run of its own in its turn, so that the last one asked for is what is applied last. Dry runs go one by one, after the others.
func batch(requested []*v1alpha1.Sync) (now, later []*v1alpha1.Sync) {
	var dryRuns []*v1alpha1.Sync
	for _, sync := range requested {
		if sync.Spec.DryRun {
			dryRuns = append(dryRuns, sync)
		} else {
			now = append(now, sync)
		}
	}
	if len(now) == 0 {
		return dryRuns[:1], dryRuns[1:]
	}
	end := slices.IndexFunc(now, func(sync *v1alpha1.Sync) bool { return sync.Spec.Revision != "" })
	switch end {
	case -1:
		end = len(now)
	case 0:
		end = 1
	}
	return now[:end], slices.Concat(now[end:], dryRuns)
}

// take marks a Sync as Running, by a write that fails if it changed: whoever asks from now on does not join it. Nil when it ended or
// is gone.
func (c *Controller) take(ctx context.Context, sync *v1alpha1.Sync) (*v1alpha1.Sync, error) {
	for {
		running := sync.DeepCopy()
		running.Status.Phase = v1alpha1.SyncPhaseRunning
		running.Status.StartTime = new(metav1.NewMicroTime(c.Clock.Now()))
		taken, err := c.API.Syncs(sync.Namespace).UpdateStatus(ctx, running, metav1.UpdateOptions{})
		switch {
		case err == nil:
			return taken, nil
		case apierrors.IsNotFound(err):
			return nil, nil
		case !apierrors.IsConflict(err):
			return nil, fmt.Errorf("take Sync %s: %w", klog.KObj(sync), err)
		}
		sync, err = c.API.Syncs(sync.Namespace).Get(ctx, sync.Name, metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			return nil, nil
		}
		if err != nil {
			return nil, fmt.Errorf("take Sync: %w", err)
		}
		if !open(sync) {
			return nil, nil
		}
	}
}

// end records how a Sync ended. One that cannot be recorded runs again.
func (c *Controller) end(ctx context.Context, remembered *memory, sync *v1alpha1.Sync, r *report) {
	if err := c.finish(ctx, remembered, sync, r); err != nil {
		utilruntime.HandleErrorWithContext(ctx, err, "Record a Sync; it runs again")
		remembered.again = c.Clock.Now().Add(firstRetry)
	}
}

// finish writes what became of a Sync.
func (c *Controller) finish(ctx context.Context, remembered *memory, sync *v1alpha1.Sync, r *report) error {
	uid := sync.UID
	for {
		finished := sync.DeepCopy()
		conclusion(&finished.Status, r)
		_, err := c.API.Syncs(sync.Namespace).UpdateStatus(ctx, finished, metav1.UpdateOptions{})
		switch {
		case err == nil, apierrors.IsNotFound(err):
			remembered.served[uid] = true
			return nil
		case !apierrors.IsConflict(err):
			return fmt.Errorf("record the end of Sync %s: %w", klog.KObj(sync), err)
		}
		if sync, err = c.API.Syncs(sync.Namespace).Get(ctx, sync.Name, metav1.GetOptions{}); err != nil {
			if apierrors.IsNotFound(err) {
				return nil
			}
			return fmt.Errorf("record the end of a Sync: %w", err)
		}
	}
}

// drop deletes a Sync that called for nothing.
func (c *Controller) drop(ctx context.Context, remembered *memory, sync *v1alpha1.Sync) error {
	if err := c.deleteSync(ctx, sync); err != nil {
		return err
	}
	remembered.served[sync.UID] = true
	return nil
}

// deleteSync deletes a Sync, and no other of its name. One that is gone is no error.
func (c *Controller) deleteSync(ctx context.Context, sync *v1alpha1.Sync) error {
	err := c.API.Syncs(sync.Namespace).Delete(ctx, sync.Name, metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &sync.UID}})
	if err != nil && !apierrors.IsNotFound(err) && !apierrors.IsConflict(err) {
		return fmt.Errorf("delete Sync %s: %w", klog.KObj(sync), err)
	}
	return nil
}

// conclusion is a Sync's status at its end.
func conclusion(status *v1alpha1.SyncStatus, r *report) {
	status.Phase = v1alpha1.SyncPhaseSucceeded
	status.Revision = r.revision
	if status.StartTime == nil {
		status.StartTime = new(metav1.NewMicroTime(r.began))
	}
	status.CompletionTime = new(metav1.NewMicroTime(r.ended))
	if r.summary != nil {
		status.Counts = &r.summary.counts
		status.Changes = r.summary.changes
		status.Notes = r.summary.notes
	}
	failed, complete, reason, message := metav1.ConditionFalse, metav1.ConditionTrue, "Succeeded", ""
	if r.summary != nil {
		message = r.summary.message()
	}
	if r.summary != nil && r.dryRun {
		message = r.summary.plan(r.prune)
	}
	if r.failure != nil {
		status.Phase = v1alpha1.SyncPhaseFailed
		status.Error = r.failure.syncError()
		failed, complete, reason, message = metav1.ConditionTrue, metav1.ConditionFalse, r.failure.Code, wording.Shorten(r.failure.Message, maxMessage)
	}
	for _, condition := range []metav1.Condition{
		{Type: v1alpha1.ConditionComplete, Status: complete, Reason: reason, Message: message},
		{Type: v1alpha1.ConditionFailed, Status: failed, Reason: reason, Message: message},
		{Type: v1alpha1.ConditionFinished, Status: metav1.ConditionTrue, Reason: reason, Message: message},
	} {
		apimeta.SetStatusCondition(&status.Conditions, condition)
	}
}

// trim deletes the oldest finished Syncs beyond the GitRepository's history limit, as far as the cache shows them. It is called
// again when the cache shows more.
func (c *Controller) trim(ctx context.Context, repository *v1alpha1.GitRepository, remembered *memory) {
	limit := v1alpha1.DefaultHistoryLimit
	if repository.Spec.HistoryLimit != nil {
		limit = *repository.Spec.HistoryLimit
	}
	finished := slices.DeleteFunc(c.known(repository), open)
	trimmed := make(map[types.UID]bool)
	for _, sync := range finished[:max(0, len(finished)-int(limit))] {
		if trimmed[sync.UID] = true; remembered.trimmed[sync.UID] {
			continue
		}
		if err := c.deleteSync(ctx, sync); err != nil && ctx.Err() == nil {
			utilruntime.HandleErrorWithContext(ctx, err, "Delete a Sync beyond the history limit", "sync", klog.KObj(sync))
			delete(trimmed, sync.UID)
		}
	}
	remembered.trimmed = trimmed
}
