package gitrepository

import (
	"context"
	"errors"

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
