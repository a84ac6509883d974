package gitrepository

import (
	"context"
	"fmt"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	"k8s.io/klog/v2"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
	"nopea.io/nopea/pkg/apply"
	"nopea.io/nopea/pkg/controller/drift"
	"nopea.io/nopea/pkg/git"
)

// publish tells the keeper of drift what Git holds from now on, before any of it is applied.
func (r *run) publish(ctx context.Context) {
	desired := r.letGo()
	// What is kept outlives the run, and knows nothing of the commit's neighbours.
	r.Drift.Publish(ctx, r.kept(r.clusterAs(r.identity, r.repository)), desired, r.known)
	r.Prevent.Want(r.Drift.Prevents())
	r.Health.Follow(ownerOf(r.repository), r.cluster, r.desired)
}

// lookAtObjects has whatever is not as it was applied put back, and what is to be known of its health read.
func (r *run) lookAtObjects(ctx context.Context) {
	r.Drift.Settle(ctx, ownerOf(r.repository))
	r.Health.Look(ownerOf(r.repository))
}

// letGo takes what others hold out of the record, and returns what is left of the desired objects: neither is the keeper's business.
func (r *run) letGo() []apply.Desired {
	lost := make(map[apply.ID]bool)
	for _, step := range r.plan.Of(apply.Refuse, apply.Release) {
		lost[step.ID] = true
		r.known.Delete(step.ID)
	}
	return slices.DeleteFunc(slices.Clone(r.desired), func(d apply.Desired) bool { return lost[d.ID] })
}

// kept is what the keeper of drift has to know of the run's GitRepository.
func (r *run) kept(cluster *apply.Cluster) drift.Repository {
	// What is kept outlives the run, and must not hold on to it.
	c, namespace, account := r.Controller, r.repository.Namespace, r.repository.Spec.ServiceAccountName
	return drift.Repository{
		Owner: ownerOf(r.repository), Object: r.repository, Revision: r.revision, Cluster: cluster, Pause: r.pauseOf(r.repository),
		Identified: func(ctx context.Context) error { return c.identified(ctx, namespace, account) },
	}
}

// settle ends a run that found everything as it should be.
func (r *run) settle(ctx context.Context) (*summary, error) {
	r.publish(ctx)
	// The inventory's finalizer and identity still follow the spec.
	if err := r.Inventories.Save(ctx, r.record, r.known); err != nil {
		return nil, err
	}
	r.Drift.Saved(ownerOf(r.repository), r.known)
	r.lookAtObjects(ctx)
	nothing := summarize(&r.plan, nil)
	nothing.notes = r.notes
	return &nothing, nil
}

// keepWithoutSource has drift repaired, after a start, although the remote or its newest commit cannot be read: to the commit that was applied last, where the
// cache of Git objects has it. Without that, drift is only shown. Nothing is applied for the first time, and nothing pruned.
func (r *run) keepWithoutSource(ctx context.Context) {
	owner, applied := ownerOf(r.repository), r.repository.Status.Applied
	if applied == nil || r.Drift.Knows(owner) {
		return
	}
	if err := r.keepApplied(ctx, applied, r.Drift.Publish); err != nil {
		klog.FromContext(ctx).Info("Objects are not kept as they were applied until Git can be read", "err", err)
		if r.record == nil {
			return
		}
		kept := r.kept(nil)
		kept.Revision, kept.Sourceless = applied, true
		r.Drift.Publish(ctx, kept, nil, r.record.Contents)
		r.Drift.Settle(ctx, owner)
	}
}

// keepApplied publishes what the commit holds that was applied last, if the cache of Git objects has it.
func (r *run) keepApplied(ctx context.Context, applied *v1alpha1.Revision, publish publisher) error {
	if r.record == nil {
		if err := r.loadRecord(ctx); err != nil {
			return err
		}
	}
	if r.identity == nil || r.source == nil {
		return fmt.Errorf("the identity or the source is not known")
	}
	snapshot, err := r.source.Cached(git.Revision{Hash: applied.Commit})
	if err != nil {
		return err
	}
	if err := r.verifyCached(ctx, snapshot, applied); err != nil {
		return err
	}
	if r.inputs, err = r.identity.inputs(ctx, r.repository); err != nil {
		return err
	}
	result, err := r.render(ctx, r.repository, snapshot, &r.inputs, r.began)
	if err != nil {
		return err
	}
	r.revision, r.desired, r.known = applied, result.desired, r.record.Contents
	r.cluster = r.clusterAs(r.identity, r.repository)
	publish(ctx, r.kept(r.cluster), r.desired, r.known)
	r.Prevent.Want(r.Drift.Prevents())
	r.Health.Follow(ownerOf(r.repository), r.cluster, r.desired)
	r.lookAtObjects(ctx)
	return nil
}

// publisher is Publish or Fill of the keeper of drift.
type publisher func(context.Context, drift.Repository, []apply.Desired, *apply.Inventory)

// pausedUntil is when the first of the pauses ends that kept the run from doing all of its plan; all tells that the whole GitRepository
// is paused.
func (r *run) pausedUntil() (until time.Time, all bool) {
	for _, step := range r.plan.Of(apply.Paused) {
		if until.IsZero() || step.PausedUntil.Before(until) {
			until = step.PausedUntil
		}
	}
	return until, r.pauseOf(r.repository).Holds(r.began)
}

// pauseOf is the pause that holds all objects of a GitRepository.
func (c *Controller) pauseOf(repository *v1alpha1.GitRepository) apply.Pause {
	return apply.ReadPause(repository.Annotations[v1alpha1.AnnotationPauseUntil], c.Clock.Now(), c.LongestPause)
}

// reportDrift writes what the keeper of drift found: into the status, and into the inventory. It returns the GitRepository as it is then.
func (c *Controller) reportDrift(ctx context.Context, repository *v1alpha1.GitRepository, remembered *memory) *v1alpha1.GitRepository {
	owner := ownerOf(repository)
	if report, ok := c.Drift.Report(owner); ok {
		written, err := c.update(ctx, repository, func(status *v1alpha1.GitRepositoryStatus) {
			tellDrift(status, repository.Generation, &report)
		})
		if err != nil {
			utilruntime.HandleErrorWithContext(ctx, err, "Show drift in the status; it is tried again")
			c.Drift.Unreported(owner, report)
		} else {
			c.Drift.Reported(owner, report)
			c.tellDrift(repository, remembered, &report)
			repository = written
		}
	}
	entries := c.Drift.Unsaved(owner)
	if len(entries) == 0 {
		return repository
	}
	if err := c.saveEntries(ctx, repository, entries); err != nil && ctx.Err() == nil {
		utilruntime.HandleErrorWithContext(ctx, err, "Record what was put back; it is tried again")
		remembered.again = c.Clock.Now().Add(firstRetry)
	}
	return repository
}

// saveEntries records how objects are now that were put back. What the inventory does not have (any more) is not added.
func (c *Controller) saveEntries(ctx context.Context, repository *v1alpha1.GitRepository, entries []v1alpha1.InventoryEntry) error {
	ctx, cancel := context.WithTimeout(ctx, recordWithin)
	defer cancel()
	record, err := c.Inventories.Load(ctx, repository)
	if err != nil {
		return err
	}
	next := record.Contents.Clone()
	for _, entry := range entries {
		if next.Entry(apply.EntryID(&entry)) != nil {
			next.Set(entry)
		}
	}
	if err := c.Inventories.Save(ctx, record, next); err != nil {
		if apierrors.IsNotFound(err) {
			return nil // it is going
		}
		return err
	}
	c.Drift.Saved(ownerOf(repository), next)
	return nil
}

// keep takes over what a GitRepository says of itself between two runs. It tells whether a run is due because a pause has ended.
func (c *Controller) keep(repository *v1alpha1.GitRepository, remembered *memory) {
	pause, now := c.pauseOf(repository), c.Clock.Now()
	c.Drift.Update(repository, pause)
	if text := repository.Annotations[v1alpha1.AnnotationPauseUntil]; pause.Fault != "" && remembered.toldPause != text {
		c.Recorder.Eventf(repository, nil, "Warning", drift.ReasonPauseFault, "Pause", "%s", pause.Fault)
		remembered.toldPause = text
	}
	lifted := !remembered.pausedUntil.IsZero() && remembered.pausedAll && !pause.Holds(now)
	if lifted || c.Drift.Stale(ownerOf(repository)) {
		remembered.pausedUntil = time.Time{}
		remembered.cadence.repeat(now)
	}
}
