package gitrepository

import (
	"context"
	"fmt"
	"slices"
	"time"

	apimeta "k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/types"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
	"nopea.io/nopea/pkg/apply"
	"nopea.io/nopea/pkg/controller/health"
	"nopea.io/nopea/pkg/controller/queue"
)

// wait is a run that has applied what it could and whose Syncs are not over: they stay Running until its objects are healthy. No worker
// is held meanwhile: events about the objects, and the deadline, have it looked at. All of it may be lost: a controller that starts finds
// Syncs that are Running, runs them again, finds nothing to apply, and waits on.
type wait struct {
	// run that waits, without what only an executing run needs.
	run    *run
	syncs  []*v1alpha1.Sync
	result *report
	// next is the wave to go on with once the objects of those before are healthy; nil when everything is applied.
	next *int
	// settled is what to remember of the run when it ends well.
	settled  *settled
	deadline time.Time
	// goesOn: the next wave may begin.
	goesOn bool
}

// has tells whether a Sync waits here.
func (w *wait) has(uid types.UID) bool {
	return w != nil && slices.ContainsFunc(w.syncs, func(sync *v1alpha1.Sync) bool { return sync.UID == uid })
}

// wakens is when the wait is to be looked at if nothing else comes before.
func (w *wait) wakens(now, next time.Time, ok bool) (time.Time, bool) {
	if w != nil && now.Before(w.deadline) && (!ok || w.deadline.Before(next)) {
		return w.deadline, true
	}
	return next, ok
}

// mayGoOn tells whether the next wave is to be applied now: what NOPEA does by itself rests while a GitRepository is suspended.
func (w *wait) mayGoOn(repository *v1alpha1.GitRepository) bool {
	return w != nil && w.goesOn && (!repository.Spec.Suspend || w.result.trigger == v1alpha1.SyncTriggerManual)
}

// judge tells from how the objects fare whether a wait is over, and how it failed if it did.
func judge(verdict *health.Verdict, spec *v1alpha1.GitRepositorySpec, next *int, deadline, now time.Time) (over bool, failure *Failure) {
	const hint = "Look at them with kubectl describe. Once they are healthy this GitRepository becomes Ready by itself; a newer commit is applied in any case."
	switch failed := verdict.Failed(); {
	case verdict.Done():
		return true, nil
	case len(failed) > 0:
		return true, &Failure{Code: CodeHealthCheckFailed, Hint: hint,
			Message: fmt.Sprintf("%s, but %d of %d objects failed: %s", stage(next), len(failed), verdict.Total, health.Describe(failed))}
	case now.Before(deadline):
		return false, nil
	}
	return true, &Failure{Code: CodeHealthCheckFailed, Hint: hint,
		Message: fmt.Sprintf("%s, but not healthy within spec.timeout (%s): %s", stage(next), spec.Timeout, outstanding(verdict))}
}

// stage says how far a run has come that waits.
func stage(next *int) string {
	if next == nil {
		return "everything is applied"
	}
	return fmt.Sprintf("what comes before wave %d is applied", *next)
}

// outstanding says what a wait is still for.
func outstanding(verdict *health.Verdict) string {
	text := fmt.Sprintf("%d of %d objects", verdict.Total-verdict.Healthy, verdict.Total)
	if len(verdict.Ailing) > 0 {
		text += ": " + health.Describe(verdict.Ailing)
	}
	return text
}

// awaitsHealth tells whether a run is over only when its objects are healthy: one that somebody asked for, that did something, or that
// is to make a GitRepository Ready. Of one that found all as it was the condition Healthy tells.
func (r *run) awaitsHealth(syncs []*v1alpha1.Sync, result *report) bool {
	if result.failure != nil {
		return false
	}
	return r.next != nil || r.repository.Spec.Wait && (len(syncs) > 0 || result.summary.changed() > 0 || !isReady(r.repository))
}

// goOn takes over the Syncs of a wait for the same commit: they end as this run does.
func (r *run) goOn(remembered *memory, syncs []*v1alpha1.Sync, result *report) []*v1alpha1.Sync {
	w := remembered.wait
	if w == nil || r.revision == nil || w.result.revision.Commit != r.revision.Commit {
		return syncs // of another commit: one that could not be used, or else the wait would have been superseded
	}
	remembered.wait = nil
	r.startedID = w.run.startedID
	result.began, result.trigger = w.result.began, w.result.trigger
	if result.summary != nil {
		result.summary.after(w.result.summary)
	}
	return append(slices.Clone(w.syncs), syncs...)
}

// deadline is until when what a run applied may take to become healthy. A run for which nobody asked anew goes on with the time that the
// one before had.
func (r *run) deadline(remembered *memory, syncs []*v1alpha1.Sync) time.Time {
	if w := remembered.wait; w != nil && len(syncs) == 0 && w.run.generation == r.generation {
		return w.deadline
	}
	return r.began.Add(r.repository.Spec.SyncTimeout())
}

// hold decides whether a run that has applied everything has to wait for its objects; nil when it is over. One that was tried before, with
// nothing new since, does not wait again: what has become of its objects since shows at once.
func (c *Controller) hold(r *run, remembered *memory, syncs []*v1alpha1.Sync, result *report, deadline time.Time) *wait {
	owner := ownerOf(r.repository)
	if !r.awaitsHealth(syncs, result) {
		if result.failure == nil {
			c.Health.Rest(owner)
		}
		return nil
	}
	verdict := c.Health.Verdict(owner)
	if len(syncs) == 0 && result.summary.changed() == 0 && verdict.Total > 0 && verdict.Unread == 0 && failedCheck(r.repository, r.revision) {
		deadline = time.Time{}
	} else if r.next == nil {
		verdict = c.Health.Await(owner, func(apply.ID) bool { return true })
	}
	result.partly = r.next != nil
	over, failure := judge(&verdict, &r.repository.Spec, r.next, deadline, c.Clock.Now())
	switch {
	case failure != nil:
		result.failure, remembered.settled = failure, nil
		return nil
	case over && r.next == nil:
		c.Health.Rest(owner)
		return nil
	case over:
		c.queue.Add(keyOf(r.repository), queue.Urgent) // they have become healthy just now
	}
	result.waiting = stage(r.next) + "; waits for the health of " + outstanding(&verdict)
	held := &wait{next: r.next, syncs: syncs, result: result, settled: remembered.settled, deadline: deadline, run: &run{
		Controller: c, repository: r.repository, generation: r.generation, revision: r.revision, resolved: r.resolved, startedID: r.startedID}}
	remembered.settled = nil
	return held
}

// failedCheck tells whether a GitRepository's objects were not healthy in time, at this commit.
func failedCheck(repository *v1alpha1.GitRepository, revision *v1alpha1.Revision) bool {
	ready, attempted := apimeta.FindStatusCondition(repository.Status.Conditions, v1alpha1.ConditionReady), repository.Status.Attempted
	return ready != nil && ready.Reason == CodeHealthCheckFailed && ready.ObservedGeneration == repository.Generation &&
		attempted != nil && revision != nil && attempted.Commit == revision.Commit
}

// attend looks at a wait, and ends it when that is due. It returns the GitRepository as it is then.
func (c *Controller) attend(ctx context.Context, repository *v1alpha1.GitRepository, remembered *memory) *v1alpha1.GitRepository {
	w, now := remembered.wait, c.Clock.Now()
	verdict := c.Health.Verdict(ownerOf(repository))
	if w == nil {
		if verdict.Total > 0 && verdict.Done() && failedCheck(repository, repository.Status.Attempted) {
			remembered.cadence.repeat(now) // they have become healthy after all
		}
		return repository
	}
	if repository.Generation != w.run.generation {
		return repository // the run that follows takes it over
	}
	over, failure := judge(&verdict, &repository.Spec, w.next, w.deadline, now)
	if w.goesOn = over && failure == nil && w.next != nil; !over || w.goesOn {
		return repository
	}
	remembered.wait = nil
	w.run.repository = repository
	w.result.failure, w.result.waiting, w.result.ended = failure, "", now
	if failure != nil {
		remembered.cadence.failed(failure, now, random)
	} else {
		c.Health.Rest(ownerOf(repository))
		remembered.settled = w.settled
	}
	return c.record(ctx, w.run, remembered, w.syncs, w.result)
}

// mayBegin tells whether everything that is applied before a wave is healthy, and has it awaited if not.
func (r *run) mayBegin(wave int) bool {
	before := make(map[apply.ID]bool)
	for i := range r.desired {
		if d := &r.desired[i]; d.HasHealth && d.Wave < wave {
			before[d.ID] = true
		}
	}
	if len(before) == 0 || r.through != nil && wave <= *r.through {
		return true
	}
	verdict := r.Health.Await(ownerOf(r.repository), func(id apply.ID) bool { return before[id] })
	if verdict.Done() {
		return true
	}
	r.next = &wave
	return false
}

// goOnWithWave applies the next wave of a run that waited for those before.
func (c *Controller) goOnWithWave(ctx context.Context, repository *v1alpha1.GitRepository, remembered *memory) {
	w := remembered.wait
	r := &run{Controller: c, repository: repository, began: c.Clock.Now(), trigger: w.result.trigger, early: remembered.source,
		resolved: w.run.resolved, startedID: w.run.startedID, through: w.next, asked: true}
	result := c.attempt(ctx, r, remembered, r.prepare)
	result.trigger = w.result.trigger
	c.conclude(ctx, r, remembered, nil, result)
}

// supersede ends the wait of another commit than the one that was found now.
func (c *Controller) supersede(ctx context.Context, remembered *memory, revision *v1alpha1.Revision) {
	w := remembered.wait
	if w == nil || w.result.revision.Commit == revision.Commit {
		return
	}
	remembered.wait = nil
	result := *w.result
	result.waiting, result.ended = "", c.Clock.Now()
	result.failure = &Failure{Code: CodeSuperseded,
		Message: fmt.Sprintf("superseded by %s before everything of %s was healthy", describe(revision), describe(result.revision))}
	for _, sync := range w.syncs {
		c.end(ctx, remembered, sync, &result)
	}
}

// HealthDecided has a wait looked at.
func (c *Controller) HealthDecided(owner apply.Owner) {
	c.queue.Add(types.NamespacedName{Namespace: owner.Namespace, Name: owner.Name}, queue.Urgent)
}
