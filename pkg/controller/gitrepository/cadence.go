package gitrepository

import (
	"time"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
)

const (
	firstRetry = 2 * time.Second
	lastRetry  = 5 * time.Minute
	// jitter is the part of an interval by which it is shortened at random, so that repositories do not come all at once and no
	// interval is exceeded.
	jitter = 0.1
)

// cadence is what the controller remembers of a GitRepository between runs: when which of the automatic triggers is due. All of it
// may be lost at any time; a start is always due then.
type cadence struct {
	// generation of the spec that was last run; 0 before the first run.
	generation int64
	// commit that the newest run looked at.
	commit string
	// poll and reconcile are when those are due next.
	poll, reconcile time.Time
	// watched: all kinds of its objects are, so that drift is found without a run, and nothing else of the cluster leads to what is applied.
	watched bool
	// failures in a row, and when to try again after them; the zero time when nothing is to be tried again.
	failures int
	retry    time.Time
}

// due says which automatic trigger is due, if any. polls only look at the remote ref; everything else is a whole run.
func (c *cadence) due(repository *v1alpha1.GitRepository, now time.Time) (v1alpha1.SyncTrigger, bool) {
	switch {
	case repository.Spec.Suspend:
		return "", false
	case c.generation == 0:
		return v1alpha1.SyncTriggerStartup, true
	case c.generation != repository.Generation:
		return v1alpha1.SyncTriggerReconcile, true
	case !c.retry.IsZero() && !now.Before(c.retry):
		return v1alpha1.SyncTriggerReconcile, true
	case !c.watched && !now.Before(c.reconcile):
		return v1alpha1.SyncTriggerReconcile, true
	case !now.Before(c.poll):
		return v1alpha1.SyncTriggerPoll, true
	}
	return "", false
}

// next is when something will be due; false when nothing will by itself.
func (c *cadence) next(repository *v1alpha1.GitRepository) (time.Time, bool) {
	if repository.Spec.Suspend {
		return time.Time{}, false
	}
	next := c.poll
	if !c.watched && c.reconcile.Before(next) {
		next = c.reconcile
	}
	if !c.retry.IsZero() && c.retry.Before(next) {
		next = c.retry
	}
	return next, true
}

// retrying tells whether a whole run would be another try after a failure.
func (c *cadence) retrying() bool {
	return c.failures > 0
}

// polled notes a look at the remote that found nothing new.
func (c *cadence) polled(repository *v1alpha1.GitRepository, now time.Time, random func() float64) {
	c.poll = now.Add(spread(repository.Spec.PollInterval(), random))
}

// pollFailed notes a look at the remote that failed. The next is on time, or sooner.
func (c *cadence) pollFailed(repository *v1alpha1.GitRepository, failure *Failure, now time.Time, random func() float64) {
	c.polled(repository, now, random)
	c.failed(failure, now, random)
}

// ran notes a whole run, which is also a look at the remote.
func (c *cadence) ran(repository *v1alpha1.GitRepository, commit string, failure *Failure, now time.Time, random func() float64) {
	c.generation = repository.Generation
	c.polled(repository, now, random)
	c.reconcile = now.Add(spread(repository.Spec.DriftInterval(), random))
	if commit != "" {
		c.commit = commit
	}
	if failure == nil {
		c.failures, c.retry = 0, time.Time{}
		return
	}
	c.failed(failure, now, random)
}

// failed sets the time of the next try: exponential, with jitter, up to a cap. What only a change can mend is not tried again; the
// polls go on and see the change.
func (c *cadence) failed(failure *Failure, now time.Time, random func() float64) {
	c.failures++
	c.retry = time.Time{}
	if failure.Stalled {
		return
	}
	delay := lastRetry
	if c.failures < 16 {
		delay = min(firstRetry<<(c.failures-1), lastRetry)
	}
	// A little later than the exact time, or sooner, but never before the server allows.
	delay += time.Duration((random() - 0.5) * 0.4 * float64(delay))
	c.retry = now.Add(max(delay, failure.RetryAfter))
}

// repeat makes a whole run due at a time, for one that could not be told to the end.
func (c *cadence) repeat(at time.Time) {
	if c.retry.IsZero() || at.Before(c.retry) {
		c.retry = at
	}
}

func spread(interval time.Duration, random func() float64) time.Duration {
	return interval - time.Duration(random()*jitter*float64(interval))
}
