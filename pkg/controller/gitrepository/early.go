package gitrepository

import (
	"context"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	"k8s.io/klog/v2"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
	"nopea.io/nopea/pkg/apply"
	"nopea.io/nopea/pkg/controller/drift"
	"nopea.io/nopea/pkg/controller/inventory"
	"nopea.io/nopea/pkg/controller/queue"
)

const (
	// earlyAtOnce is how many GitRepositories are read from the cache side by side at a start.
	earlyAtOnce = 4
	// catchUpWithin is how long the first runs wait at most for what was edited while no controller ran to be put back. Most often there
	// is nothing to wait for.
	catchUpWithin = 30 * time.Second
	// actingFor is how long a ServiceAccount that was seen counts as there.
	actingFor = time.Minute
)

// catchUp puts back what was edited while no controller ran, before the remotes are looked at: the record tells which objects differ, and
// the cache of Git objects has the commit that was applied. What somebody waits for does not wait for this.
func (c *Controller) catchUp(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, catchUpWithin)
	defer cancel()
	if !c.publishRecords(ctx) {
		return
	}
	c.Drift.Catch(ctx)
	for !c.early.Idle() && queue.Pause(ctx, c.Clock, 20*time.Millisecond) {
		continue
	}
	c.Drift.Catch(ctx) // what the GitRepositories were read for
}

// publishRecords tells the keeper of drift what is recorded of each GitRepository, and whether there is anything.
func (c *Controller) publishRecords(ctx context.Context) bool {
	repositories, err := c.repositories.List(labels.Everything())
	if err != nil {
		utilruntime.HandleErrorWithContext(ctx, err, "List GitRepositories from the cache")
		return false
	}
	var records []drift.Record
	for _, repository := range repositories {
		record := c.recordOf(repository)
		if record == nil {
			continue
		}
		records = append(records, drift.Record{Inventory: record.Contents, Repository: drift.Repository{
			Owner: ownerOf(repository), Object: repository, Revision: repository.Status.Applied, Pause: c.pauseOf(repository),
			Sourceless: true, Early: true,
		}})
	}
	c.Drift.PublishRecords(ctx, records)
	return len(records) > 0
}

// recordOf is the record of a GitRepository of which it is known, without a look at Git, what it applied.
func (c *Controller) recordOf(repository *v1alpha1.GitRepository) *inventory.Record {
	if !repository.DeletionTimestamp.IsZero() || repository.Status.Applied == nil || repository.Status.ObservedGeneration != repository.Generation {
		return nil
	}
	c.mu.Lock()
	shards := c.stock[keyOf(repository)]
	c.mu.Unlock()
	if len(shards) == 0 {
		return nil
	}
	return inventory.Sort(repository, shards)
}

// KeepEarly has the objects of a GitRepository put back to what was applied last, although it had no run yet.
func (c *Controller) KeepEarly(owner apply.Owner) {
	c.early.Add(types.NamespacedName{Namespace: owner.Namespace, Name: owner.Name}, queue.Normal)
}

func (c *Controller) workEarly(ctx context.Context) {
	acting, since := make(map[types.NamespacedName]*identity), c.Clock.Now()
	c.early.Work(false, func(key types.NamespacedName) {
		if now := c.Clock.Now(); now.Sub(since) > actingFor {
			clear(acting)
			since = now
		}
		ctx := klog.NewContext(ctx, klog.FromContext(ctx).WithValues("gitrepository", key.String()))
		if err := guard(ctx, func() error { return c.keepEarly(ctx, key, acting) }); err != nil && ctx.Err() == nil {
			klog.FromContext(ctx).V(2).Info("What was edited is put back once the remote was looked at", "reason", err.Error())
		}
	})
}

// keepEarly publishes what was applied last, for a GitRepository that had no run yet.
//
// Many share a ServiceAccount, so acting keeps those that were seen to be there.
func (c *Controller) keepEarly(ctx context.Context, key types.NamespacedName, acting map[types.NamespacedName]*identity) error {
	repository, err := c.repositories.GitRepositories(key.Namespace).Get(key.Name)
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return err
	}
	record := c.recordOf(repository)
	if record == nil {
		return nil // its first run has begun
	}
	ctx, cancel := context.WithTimeout(ctx, repository.Spec.SyncTimeout())
	defer cancel()
	r := &run{Controller: c, repository: repository, began: c.Clock.Now(), record: record}
	account := types.NamespacedName{Namespace: repository.Namespace, Name: repository.Spec.ServiceAccountName}
	if r.identity = acting[account]; r.identity == nil {
		if r.identity, err = c.identityOf(ctx, repository); err != nil {
			return err
		}
		acting[account] = r.identity
	}
	credentials, err := r.identity.credentials(ctx, repository)
	if err != nil {
		return err
	}
	if r.source, err = c.Sources.Source(repository.Spec.URL, credentials); err != nil {
		return err
	}
	if err := r.keepApplied(ctx, repository.Status.Applied, c.Drift.Fill); err != nil {
		return fmt.Errorf("read what was applied from the cache of Git objects: %w", err)
	}
	return nil
}
