package gitrepository

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	"k8s.io/klog/v2"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
	"nopea.io/nopea/pkg/wording"
)

// conclude tells everyone what became of a run: the Syncs that it served, the GitRepository, and its events.
func (c *Controller) conclude(ctx context.Context, r *run, remembered *memory, syncs []*v1alpha1.Sync, result *report) {
	if ctx.Err() != nil {
		// The process ends. What was taken stays Running and runs again at the next start.
		return
	}
	retrying := remembered.cadence.retrying()
	deadline := r.deadline(remembered, syncs)
	syncs, dropped := r.divide(r.goOn(remembered, syncs, result), result)
	changed := result.summary != nil && result.summary.wrote()
	result.worthSaying = len(syncs) > 0 || changed
	if retrying && len(syncs) == 0 && changed {
		// A retry is stored only once it has done something: otherwise failing again and again would push real records out.
		if stored, err := c.announce(ctx, r); err != nil {
			utilruntime.HandleErrorWithContext(ctx, err, "Record a retry")
		} else {
			syncs = append(syncs, stored)
		}
	}
	if len(syncs) > 0 {
		result.sync = syncs[0].Name
	}
	held := c.hold(r, remembered, syncs, result, deadline)
	if result.failure == nil && !r.asked {
		remembered.told = remembered.told.then(r.ahead.hint, c.Clock.Now())
	} else {
		remembered.told = told{}
	}
	commit := ""
	if r.revision != nil {
		commit = r.revision.Commit
	}
	remembered.cadence.ran(r.repository, commit, result.failure, c.Clock.Now(), random)
	// What is read of the cluster is not watched.
	remembered.cadence.watched = c.Drift.Watched(ownerOf(r.repository)) && !readsCluster(&r.repository.Spec)
	remembered.pausedUntil, remembered.pausedAll = r.pausedUntil()
	if !remembered.pausedUntil.IsZero() {
		remembered.cadence.repeat(remembered.pausedUntil)
	}
	if held == nil {
		c.record(ctx, r, remembered, syncs, result)
	} else if _, written := c.show(ctx, r, remembered, result); written {
		remembered.wait = held
	}
	for _, sync := range dropped {
		if err := c.drop(ctx, remembered, sync); err != nil {
			utilruntime.HandleErrorWithContext(ctx, err, "Delete a Sync that called for nothing; it runs again")
			remembered.again = c.Clock.Now().Add(firstRetry)
		}
	}
}

// record tells everyone how a run ended. It returns the GitRepository as it is then.
func (c *Controller) record(ctx context.Context, r *run, remembered *memory, syncs []*v1alpha1.Sync, result *report) *v1alpha1.GitRepository {
	after, written := c.show(ctx, r, remembered, result)
	if !written {
		return after
	}
	c.observe(ctx, result)
	c.tellSync(r, remembered, result)
	for _, sync := range syncs {
		c.end(ctx, remembered, sync, result)
	}
	return after
}

// show writes what became of a run on its GitRepository. When that fails, the Syncs of the run stay Running, and so run again; what the
// controller did by itself, it does again.
func (c *Controller) show(ctx context.Context, r *run, remembered *memory, result *report) (after *v1alpha1.GitRepository, written bool) {
	before := apimeta.FindStatusCondition(r.repository.Status.Conditions, v1alpha1.ConditionReady).DeepCopy()
	fares, assessed := c.Health.Report(ownerOf(r.repository))
	after, err := c.update(ctx, r.repository, func(status *v1alpha1.GitRepositoryStatus) {
		conclude(status, r.repository.Generation, result)
		if assessed {
			tellHealth(status, r.repository.Generation, &fares)
		}
	})
	if err != nil {
		c.Health.Unreported(ownerOf(r.repository))
		utilruntime.HandleErrorWithContext(ctx, err, "Write the status of a GitRepository; the run is repeated")
		remembered.again = c.Clock.Now().Add(firstRetry)
		remembered.cadence.repeat(remembered.again)
		return after, false
	}
	c.tell(after, before, result)
	if r.movedTag != "" {
		c.Recorder.Eventf(after, nil, corev1.EventTypeWarning, ReasonTagMoved, "Sync", "%s", r.movedTag)
		r.movedTag = ""
	}
	return after, true
}

// update writes a GitRepository's status if it differs, and returns the GitRepository as it is then. One that is gone is no error.
func (c *Controller) update(ctx context.Context, repository *v1alpha1.GitRepository, change func(*v1alpha1.GitRepositoryStatus)) (*v1alpha1.GitRepository, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordWithin)
	defer cancel()
	current := repository
	for {
		changed := current.DeepCopy()
		change(&changed.Status)
		if equality.Semantic.DeepEqual(changed.Status, current.Status) {
			return current, nil
		}
		stored, err := c.API.GitRepositories(repository.Namespace).UpdateStatus(ctx, changed, metav1.UpdateOptions{})
		switch {
		case err == nil:
			return stored, nil
		case apierrors.IsNotFound(err):
			return current, nil
		case !apierrors.IsConflict(err):
			return current, fmt.Errorf("write the status of GitRepository %s: %w", klog.KObj(repository), err)
		}
		fresh, err := c.API.GitRepositories(repository.Namespace).Get(ctx, repository.Name, metav1.GetOptions{})
		switch {
		case apierrors.IsNotFound(err), err == nil && fresh.UID != repository.UID:
			return current, nil
		case err != nil:
			return current, fmt.Errorf("read GitRepository %s again to write its status: %w", klog.KObj(repository), err)
		}
		current = fresh
	}
}

// tell writes an Event when the Ready condition turned or its reason changed.
func (c *Controller) tell(repository *v1alpha1.GitRepository, before *metav1.Condition, result *report) {
	after := apimeta.FindStatusCondition(repository.Status.Conditions, v1alpha1.ConditionReady)
	if after == nil {
		return
	}
	turned := before == nil || before.Status != after.Status || before.Reason != after.Reason
	applied := after.Status == metav1.ConditionTrue && result.worthSaying && result.summary != nil && result.summary.wrote()
	if !turned && !applied {
		return
	}
	kind := corev1.EventTypeNormal
	if after.Status == metav1.ConditionFalse {
		kind = corev1.EventTypeWarning
	}
	note := after.Message
	if result.revision != nil {
		note = describe(result.revision) + ": " + note
	}
	c.Recorder.Eventf(repository, nil, kind, after.Reason, "Sync", "%s", wording.Shorten(note, 1000))
}

// observe counts a run.
func (c *Controller) observe(ctx context.Context, result *report) {
	outcome := "succeeded"
	if result.failure != nil {
		outcome = "failed"
		klog.FromContext(ctx).Info("Sync failed", "trigger", result.trigger, "revision", describe(result.revision), "code", result.failure.Code, "message", result.failure.Message)
	} else if result.worthSaying {
		klog.FromContext(ctx).Info("Synced", "trigger", result.trigger, "revision", describe(result.revision), "result", result.summary.message(), "duration", result.ended.Sub(result.began).Round(time.Millisecond))
	}
	syncsTotal.WithLabelValues(string(result.trigger), outcome).Inc()
	syncSeconds.WithLabelValues(string(result.trigger)).Observe(result.ended.Sub(result.began).Seconds())
	if result.summary != nil {
		for action, count := range map[string]int32{
			"created": result.summary.counts.Created, "configured": result.summary.counts.Configured, "pruned": result.summary.counts.Pruned,
			"adopted": result.summary.counts.Adopted,
			"refused": result.summary.counts.Refused, "failed": result.summary.counts.Failed,
		} {
			objectsTotal.WithLabelValues(action).Add(float64(count))
		}
	}
}
