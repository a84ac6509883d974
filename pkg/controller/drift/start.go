package drift

import (
	"context"
	"maps"
	"slices"
	"time"

	"nopea.io/nopea/pkg/apply"
	"nopea.io/nopea/pkg/controller/queue"
)

// PublishRecords publishes GitRepositories that are Early, and has objects looked into that were seen already.
func (k *Keeper) PublishRecords(ctx context.Context, records []Record) {
	unknown := func(published *owner) bool { return published == nil } // else a sync was faster
	for _, record := range k.publish(ctx, unknown, records...) {
		for id := range record.Inventory.All() {
			if _, seen := k.watch.Facts(id); seen {
				k.look(id, byStart, nil)
			}
		}
	}
}

// Fill is Publish for a GitRepository that is Early, and does nothing for any other: what a sync published is newer.
func (k *Keeper) Fill(ctx context.Context, repository Repository, desired []apply.Desired, inventory *apply.Inventory) {
	k.publish(ctx, func(published *owner) bool { return published != nil && published.Early }, Record{repository, desired, inventory})
}

// catchEvery is how often Catch looks.
const catchEvery = 20 * time.Millisecond

// Catch waits until all kinds of what was published are watched, and what was not as it should be is looked into, or the context ends.
func (k *Keeper) Catch(ctx context.Context) {
	k.ledger.Lock()
	kinds := slices.Collect(maps.Keys(k.ledger.kinds()))
	k.ledger.Unlock()
	if err := k.watch.WaitFor(ctx, kinds); err != nil {
		return
	}
	for !k.queue.Idle() && queue.Pause(ctx, k.Clock, catchEvery) {
		continue
	}
}
