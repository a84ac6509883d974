package gitrepository

import (
	"context"
	"errors"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	"k8s.io/klog/v2"

	corev1 "k8s.io/api/core/v1"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
	"nopea.io/nopea/pkg/controller/queue"
	"nopea.io/nopea/pkg/git"
)

// serve runs what Syncs ask for. They are marked Running before the remote ref is looked at, so that whoever pushed and then asked
// is served by a look that came after.
func (c *Controller) serve(ctx context.Context, repository *v1alpha1.GitRepository, remembered *memory, requested []*v1alpha1.Sync) {
	now, later := batch(requested)
	if len(later) > 0 {
		defer c.queue.Add(keyOf(repository), queue.Urgent)
	}
	var taken []*v1alpha1.Sync
	for _, sync := range now {
		running, err := c.take(ctx, sync)
		if err != nil {
			utilruntime.HandleErrorWithContext(ctx, err, "Take a Sync; it is tried again")
			c.queue.AddAt(keyOf(repository), c.Clock.Now().Add(firstRetry))
			continue
		}
		if running != nil {
			taken = append(taken, running)
		}
	}
	if len(taken) == 0 {
		return
	}
	if taken[0].Spec.DryRun {
		c.rehearse(ctx, repository, remembered, taken[0])
		return
	}
	r := &run{Controller: c, repository: repository, began: c.Clock.Now(), confirmed: confirmation(taken)}
	result := c.attempt(ctx, r, remembered, func(ctx context.Context) error { return r.prepare(ctx) })
	result.trigger = taken[0].Spec.Trigger
	c.conclude(ctx, r, remembered, taken, result)
}

// confirmation is the newest confirmation among Syncs.
func confirmation(syncs []*v1alpha1.Sync) string {
	commit := ""
	for _, sync := range syncs {
		if sync.Spec.ConfirmPrune != "" {
			commit = sync.Spec.ConfirmPrune
		}
	}
	return commit
}

// rehearse plans for a dry run and records the plan. It changes neither the cluster nor the GitRepository's status.
func (c *Controller) rehearse(ctx context.Context, repository *v1alpha1.GitRepository, remembered *memory, sync *v1alpha1.Sync) {
	r := &run{Controller: c, repository: repository, began: c.Clock.Now()}
	limited, cancel := context.WithTimeout(ctx, repository.Spec.SyncTimeout())
	defer cancel()
	err := guard(ctx, func() error { return r.prepare(limited) })
	if ctx.Err() != nil {
		return
	}
	result := &report{revision: r.revision, began: r.began, ended: c.Clock.Now(), dryRun: true}
	if err == nil {
		planned := summarize(&r.plan, r.plan.Foresee(r.mayPrune()))
		result.summary, err = &planned, planned.failure(r.repository).orNil()
	}
	result.failure = explain(err, r.repository)
	result.failure = notCurrent(sync, result)
	if err := c.finish(ctx, remembered, sync, result); err != nil {
		utilruntime.HandleErrorWithContext(ctx, err, "Record a dry run")
	}
}

// look does what the controller does by itself: a poll looks at the remote ref, and only when that moved, or for any other trigger,
// everything is looked at. A Sync is stored only when there is something to apply.
func (c *Controller) look(ctx context.Context, repository *v1alpha1.GitRepository, remembered *memory, trigger v1alpha1.SyncTrigger) {
	r := &run{Controller: c, repository: repository, began: c.Clock.Now()}
	if trigger == v1alpha1.SyncTriggerPoll && !c.poll(ctx, r, remembered) {
		return
	}
	var stored *v1alpha1.Sync
	var joined bool
	result := c.attempt(ctx, r, remembered, func(ctx context.Context) error {
		if err := r.prepare(ctx); err != nil || r.plan.Idle() || remembered.cadence.retrying() {
			return err
		}
		var err error
		stored, joined, err = c.announce(ctx, r.repository, trigger)
		if joined {
			return errJoined
		}
		return err
	})
	if joined {
		// Somebody asked after this run looked at the remote ref: begin again, for them as well.
		c.queue.Add(keyOf(repository), queue.Urgent)
		return
	}
	result.trigger = trigger
	var syncs []*v1alpha1.Sync
	if stored != nil {
		syncs = append(syncs, stored)
	}
	c.conclude(ctx, r, remembered, syncs, result)
}

var errJoined = errors.New("somebody asked for a sync meanwhile")

// poll looks at the remote ref, and tells whether a whole run is wanted: the ref moved, or the look failed in a way that only a whole
// run can judge.
func (c *Controller) poll(ctx context.Context, r *run, remembered *memory) bool {
	if remembered.source == nil {
		return true
	}
	limited, cancel := context.WithTimeout(ctx, r.repository.Spec.SyncTimeout())
	defer cancel()
	revision, err := remembered.source.Resolve(limited, refOf(r.repository), r.began)
	now := c.Clock.Now()
	switch code := git.CodeOf(err); {
	case ctx.Err() != nil:
		return false
	case err == nil && revision.Hash != remembered.cadence.commit:
		r.resolved = &revision
		return true
	case err == nil && gitTrouble(r.repository):
		// The remote is back, or the ref is: say so.
		return true
	case err == nil:
		remembered.cadence.polled(r.repository, now, random)
		return false
	case code == git.Unauthorized || code == git.Forbidden || code == git.RepositoryNotFound:
		return true // the credentials may have been replaced
	}
	failure := explain(err, r.repository)
	first := !remembered.cadence.retrying()
	remembered.cadence.pollFailed(r.repository, failure, now, random)
	klog.FromContext(ctx).Info("Poll failed", "err", err, "retry", remembered.cadence.retry)
	// One poll that fails says little; the next try, soon after, tells.
	if !first || failure.Stalled {
		c.update(ctx, r.repository, func(status *v1alpha1.GitRepositoryStatus) {
			conclude(status, r.repository.Generation, &report{failure: failure})
		})
	}
	return false
}

// gitTrouble tells whether the status says that the remote could not be read.
func gitTrouble(repository *v1alpha1.GitRepository) bool {
	last := repository.Status.LastError
	if last == nil {
		return false
	}
	switch git.Code(last.Code) {
	case git.HostNotFound, git.Unreachable, git.Timeout, git.Unauthorized, git.Forbidden, git.RepositoryNotFound, git.RateLimited,
		git.ServerError, git.NotAGitServer, git.EmptyRepository, git.RefNotFound:
		return true
	}
	return false
}

// announce stores a Sync for a run that has something to apply, already Running. joined tells that somebody's request met it, or was
// met by it, before it was Running.
func (c *Controller) announce(ctx context.Context, repository *v1alpha1.GitRepository, trigger v1alpha1.SyncTrigger) (stored *v1alpha1.Sync, joined bool, err error) {
	pending, err := c.API.GitRepositories(repository.Namespace).CreateSync(ctx, repository.Name,
		&v1alpha1.Sync{Spec: v1alpha1.SyncSpec{Trigger: trigger}}, metav1.CreateOptions{})
	if err != nil {
		return nil, false, fmt.Errorf("store a Sync for GitRepository %s: %w", klog.KObj(repository), err)
	}
	if len(pending.Spec.RequestedBy) > 1 || pending.Spec.Trigger != trigger {
		return nil, true, nil
	}
	running, err := c.takeAsSeen(ctx, pending)
	if apierrors.IsConflict(err) {
		return nil, true, nil
	}
	if err != nil {
		return nil, false, fmt.Errorf("take Sync %s: %w", klog.KObj(pending), err)
	}
	return running, false, nil
}

// attempt prepares and executes a run within its time, and reports. prepare may end it early.
func (c *Controller) attempt(ctx context.Context, r *run, remembered *memory, prepare func(context.Context) error) *report {
	result := &report{began: r.began}
	limited, cancel := context.WithTimeout(ctx, r.repository.Spec.SyncTimeout())
	defer cancel()
	err := guard(ctx, func() error {
		if err := prepare(limited); err != nil {
			return err
		}
		remembered.source = r.source
		var err error
		if result.summary, err = c.bring(limited, r, remembered.cadence.retrying()); err != nil {
			return err
		}
		if held := r.heldPrune(); held != nil {
			result.prune = held
			return r.pruneUnconfirmed(held)
		}
		return nil
	})
	result.revision = r.revision
	result.failure = explain(err, r.repository)
	result.ended = c.Clock.Now()
	if r.revision != nil && r.confirmed == r.revision.Commit {
		result.confirmed = r.confirmed
	}
	return result
}

// bring executes a run's plan, and shows on the GitRepository that it does.
func (c *Controller) bring(ctx context.Context, r *run, again bool) (*summary, error) {
	if r.plan.Idle() {
		// The inventory's finalizer and identity still follow the spec.
		nothing := summarize(&r.plan, nil)
		return &nothing, r.Inventories.Save(ctx, r.record, r.record.Contents)
	}
	if again || !r.writes() {
		// Trying the same again is no progress to show.
		return r.execute(ctx)
	}
	shown := make(chan *v1alpha1.GitRepository, 1)
	go func() {
		shown <- c.update(ctx, r.repository, func(status *v1alpha1.GitRepositoryStatus) {
			progress(status, r.repository.Generation, r.revision)
		})
	}()
	result, err := r.execute(ctx)
	r.repository = <-shown
	return result, err
}

// conclude tells everyone what became of a run: the Syncs that it served, the GitRepository, and its events.
func (c *Controller) conclude(ctx context.Context, r *run, remembered *memory, syncs []*v1alpha1.Sync, result *report) {
	if ctx.Err() != nil {
		// The process ends. What was taken stays Running and runs again at the next start.
		return
	}
	commit := ""
	if r.revision != nil {
		commit = r.revision.Commit
	}
	retrying := remembered.cadence.retrying()
	remembered.cadence.ran(r.repository, commit, result.failure, c.Clock.Now(), random)
	changed := result.summary != nil && result.summary.changed() > 0
	result.worthSaying = len(syncs) > 0 || changed
	if retrying && len(syncs) == 0 && changed {
		// A retry is stored only once it has done something: otherwise failing again and again would push real records out.
		if stored, joined, err := c.announce(ctx, r.repository, result.trigger); err != nil {
			utilruntime.HandleErrorWithContext(ctx, err, "Record a retry")
		} else if !joined {
			syncs = append(syncs, stored)
		}
	}
	if len(syncs) > 0 {
		result.sync = syncs[0].Name
	}
	for _, sync := range syncs {
		served := *result
		served.failure = notCurrent(sync, result)
		if err := c.finish(ctx, remembered, sync, &served); err != nil {
			utilruntime.HandleErrorWithContext(ctx, err, "Record a Sync; it runs again")
			c.queue.AddAt(keyOf(r.repository), c.Clock.Now().Add(firstRetry))
		}
	}
	before := apimeta.FindStatusCondition(r.repository.Status.Conditions, v1alpha1.ConditionReady).DeepCopy()
	after := c.update(ctx, r.repository, func(status *v1alpha1.GitRepositoryStatus) {
		conclude(status, r.repository.Generation, result)
	})
	c.tell(after, before, result)
	c.observe(ctx, result)
}

// notCurrent is how a run ended for one Sync: a Sync that names a revision fails when the ref points elsewhere.
func notCurrent(sync *v1alpha1.Sync, result *report) *Failure {
	wanted := sync.Spec.Revision
	if wanted == "" || result.revision == nil || result.revision.Commit == wanted {
		return result.failure
	}
	return &Failure{Code: CodeRevisionNotCurrent,
		Message: fmt.Sprintf("the ref points to %s, not to the commit %s that was asked for", describe(result.revision), wanted),
		Hint:    "Push it, or ask for a sync without a revision."}
}

// update writes a GitRepository's status if it differs. Errors are logged: the next run writes it again.
func (c *Controller) update(ctx context.Context, repository *v1alpha1.GitRepository, change func(*v1alpha1.GitRepositoryStatus)) *v1alpha1.GitRepository {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordWithin)
	defer cancel()
	current := repository
	for {
		changed := current.DeepCopy()
		change(&changed.Status)
		if equality.Semantic.DeepEqual(changed.Status, current.Status) {
			return current
		}
		stored, err := c.API.GitRepositories(repository.Namespace).UpdateStatus(ctx, changed, metav1.UpdateOptions{})
		if err == nil {
			return stored
		}
		if apierrors.IsConflict(err) {
			if fresh, again := c.API.GitRepositories(repository.Namespace).Get(ctx, repository.Name, metav1.GetOptions{}); again == nil && fresh.UID == repository.UID {
				current = fresh
				continue
			}
		}
		if !apierrors.IsNotFound(err) {
			utilruntime.HandleErrorWithContext(ctx, err, "Write the status of GitRepository")
		}
		return current
	}
}

// tell writes an Event when the Ready condition turned or its reason changed.
func (c *Controller) tell(repository *v1alpha1.GitRepository, before *metav1.Condition, result *report) {
	after := apimeta.FindStatusCondition(repository.Status.Conditions, v1alpha1.ConditionReady)
	if after == nil {
		return
	}
	turned := before == nil || before.Status != after.Status || before.Reason != after.Reason
	applied := after.Status == metav1.ConditionTrue && result.worthSaying && result.summary != nil && result.summary.changed() > 0
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
	c.Recorder.Eventf(repository, nil, kind, after.Reason, "Sync", "%s", shorten(note, 1000))
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
			"refused": result.summary.counts.Refused, "failed": result.summary.counts.Failed,
		} {
			objectsTotal.WithLabelValues(action).Add(float64(count))
		}
	}
}
