package gitrepository

import (
	"context"
	"errors"
	"slices"
	"time"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
	"nopea.io/nopea/pkg/controller/queue"
	"nopea.io/nopea/pkg/git"
)

// yields tells whether what is requested goes behind all that somebody waits for now: a push that most likely changes nothing for this
// GitRepository, as its commit is here and can be compared. Of the many that are told of a push to their Git repository, the few that it
// changes come first. A Sync yields once, so that none waits for long; its run finds out for certain.
func (c *Controller) yields(ctx context.Context, repository *v1alpha1.GitRepository, remembered *memory, requested []*v1alpha1.Sync) bool {
	if len(requested) == 0 || remembered.yielded == requested[0].UID || remembered.source == nil || c.queue.Len(queue.Urgent) == 0 {
		return false
	}
	for _, sync := range requested {
		if !onlyHooked(sync) {
			return false
		}
	}
	hint := hintOf(requested, repository)
	why := occasion{trigger: v1alpha1.SyncTriggerWebhook, commit: hint.Hash, waiting: !remembered.cadence.retry.IsZero()}
	if hint.Hash == "" || !remembered.settled.covers(repository, why) || !remembered.source.Has(hint.Hash) {
		return false
	}
	if guard(ctx, func() error { return compare(ctx, remembered, hint) }) != nil {
		return false // its run will tell why
	}
	remembered.yielded = requested[0].UID
	return true
}

// toldAgainAfter is for how long a push that a run has looked for is not looked for again. It doubles with each run that was told of the same,
// up to toldAgainAtMost.
const toldAgainAfter, toldAgainAtMost = time.Second, 8 * time.Second

// told is a push that the newest run was told of, when that ended, and how many runs before it were told of the same.
type told struct {
	push   git.Revision
	at     time.Time
	before int
}

// then is what was told when one more run ended.
func (t told) then(push git.Revision, now time.Time) told {
	next := told{push: push, at: now}
	if push == t.push && now.Before(t.until().Add(toldAgainAtMost)) {
		next.before = t.before + 1
	}
	return next
}

func (t told) until() time.Time {
	return t.at.Add(min(toldAgainAfter<<min(t.before, 10), toldAgainAtMost))
}

// waits tells until when a push may wait that is told of once more, as by a second hook, or by a provider that sends again what it is not
// sure of; the zero time when it may not. A look at the remote is due for each all the same, and the Sync that stands for the next one
// takes in all that come meanwhile.
func (t told) waits(push git.Revision, now time.Time) time.Time {
	if until := t.until(); push.Hash != "" && push == t.push && now.Before(until) {
		return until
	}
	return time.Time{}
}

// repeats tells until when what is requested may wait because nothing but such pushes is.
func (c *Controller) repeats(repository *v1alpha1.GitRepository, remembered *memory, requested []*v1alpha1.Sync) time.Time {
	if len(requested) == 0 || slices.ContainsFunc(requested, func(sync *v1alpha1.Sync) bool { return !onlyHooked(sync) }) {
		return time.Time{}
	}
	return remembered.told.waits(hintOf(requested, repository), c.Clock.Now())
}

// errChanged says that a commit holds something else than the one before.
var errChanged = errors.New("the commit changes what is read of it")

func compare(ctx context.Context, remembered *memory, revision git.Revision) error {
	snapshot, err := remembered.source.Cached(revision)
	if err != nil {
		return err
	}
	same, err := snapshot.Repeats(ctx, remembered.settled.reads)
	if err == nil && !same {
		err = errChanged
	}
	return err
}
