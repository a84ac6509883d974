package gitrepository

import (
	"context"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/types"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
	"nopea.io/nopea/pkg/controller/queue"
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
			remembered.again = c.Clock.Now().Add(firstRetry)
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
	defer c.Way.Take(c.Clock.Now())()
	r := &run{
		Controller: c, repository: repository, began: c.Clock.Now(), trigger: taken[0].Spec.Trigger, confirmed: confirmation(taken),
		early: remembered.source, ahead: ahead{hint: hintOf(taken, repository)},
		asked: slices.ContainsFunc(taken, func(sync *v1alpha1.Sync) bool { return !onlyHooked(sync) }),
	}
	var aimed error
	if wanted := taken[0].Spec.Revision; wanted != "" {
		limited, cancel := context.WithTimeout(ctx, repository.Spec.SyncTimeout())
		defer cancel()
		aimed = guard(ctx, func() error { return r.aim(limited, wanted) })
		if ctx.Err() != nil || c.refuses(ctx, r, remembered, taken[0], aimed) {
			return
		}
	}
	result := c.attempt(ctx, r, remembered, func(ctx context.Context) error {
		if aimed != nil {
			return aimed
		}
		return r.prepare(ctx)
	})
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

// attempt prepares and executes a run within its time, and reports. prepare may end it early.
func (c *Controller) attempt(ctx context.Context, r *run, remembered *memory, prepare func(context.Context) error) *report {
	result := &report{began: r.began}
	r.before, remembered.settled = remembered.settled, nil
	r.found = func(ctx context.Context) { c.supersede(ctx, remembered, r.revision) }
	r.waiting = remembered.cadence.retrying() || !remembered.cadence.retry.IsZero()
	r.newborn = remembered.newborn.Swap(types.UID("")) == r.repository.UID
	limited, cancel := context.WithTimeout(ctx, r.repository.Spec.SyncTimeout())
	defer cancel()
	err := guard(ctx, func() error {
		if err := prepare(limited); err != nil {
			return err
		}
		if r.unchanged {
			unchangedTotal.Inc()
			r.Drift.Moved(ownerOf(r.repository), r.repository, r.revision)
			result.summary = r.before.nothing()
			return nil
		}
		var err error
		if result.summary, err = c.bring(limited, r, remembered.cadence.retrying()); err != nil {
			return err
		}
		if held := r.heldPrune(); held != nil && result.summary.held == 0 {
			result.prune = held
			return r.pruneUnconfirmed(held)
		}
		return nil
	})
	if r.revision != nil {
		remembered.source = r.source
	}
	if r.evidence != nil {
		remembered.evidence = *r.evidence
	}
	defer func() {
		if err == nil || r.plan.Steps != nil {
			return
		}
		if err := guard(ctx, func() error { r.keepWithoutSource(ctx); return nil }); err != nil {
			utilruntime.HandleErrorWithContext(ctx, err, "Keep what was applied before")
		}
	}()
	result.revision = r.revision
	result.failure = explain(err, r.repository)
	result.ended = c.Clock.Now()
	if r.revision != nil && r.confirmed == r.revision.Commit {
		result.confirmed = r.confirmed
	}
	remembered.settled = r.settles(result)
	return result
}

// worthShowing is how long a run takes at least before the GitRepository shows that it goes on: most are over sooner.
const worthShowing = time.Second

// bring executes a run's plan, and shows on the GitRepository that it does.
func (c *Controller) bring(ctx context.Context, r *run, again bool) (*summary, error) {
	if r.plan.Idle() {
		return r.settle(ctx)
	}
	c.tellStart(r)
	if again || !r.writes() {
		// Trying the same again is no progress to show.
		return r.execute(ctx)
	}
	shown, done := make(chan *v1alpha1.GitRepository, 1), make(chan struct{})
	go func() {
		repository := r.repository
		defer func() { shown <- repository }()
		select {
		case <-done:
			return
		case <-c.Clock.After(worthShowing):
		}
		err := guard(ctx, func() (err error) {
			repository, err = c.update(ctx, repository, func(status *v1alpha1.GitRepositoryStatus) {
				progress(status, repository.Generation, r.revision)
			})
			return err
		})
		if err != nil {
			utilruntime.HandleErrorWithContext(ctx, err, "Show the progress of a sync")
		}
	}()
	// The deferred receive also comes when execute panics: nobody else may touch the repository until then.
	defer func() {
		close(done)
		r.repository = <-shown
	}()
	return r.execute(ctx)
}
