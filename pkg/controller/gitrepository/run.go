package gitrepository

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"k8s.io/klog/v2"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
	"nopea.io/nopea/pkg/apply"
	"nopea.io/nopea/pkg/controller/inventory"
	"nopea.io/nopea/pkg/git"
)

// run is one attempt to bring the cluster to what Git has. Its fields fill up from top to bottom.
type run struct {
	*Controller
	repository *v1alpha1.GitRepository
	began      time.Time
	trigger    v1alpha1.SyncTrigger

	// resolved is set beforehand when a poll has already looked at the remote.
	resolved *git.Revision
	// confirmed is the commit whose prune was confirmed, if any.
	confirmed string
	// seenNow: the repository was just delivered by the watch, and nobody who changed it waits for this run. Should it have changed,
	// the watch delivers that too, and another run follows.
	seenNow bool
	// early is the source of the run before, if any; before is what that run left, if it left nothing to do.
	early  *git.Source
	before *settled
	// ahead follows the newest push that the run's Syncs tell of.
	ahead ahead
	// asked: somebody wants this run, not only a webhook or the clock.
	asked bool
	// waiting: something is left of earlier runs, or was confirmed.
	waiting bool
	// newborn: the GitRepository has no inventory yet.
	newborn bool
	// found is called once the commit is known, and verified where that is asked for, and before anything is done about it.
	found func(context.Context)
	// rehearsal: only the plan is wanted, and all of it; of rehearsed, a commit or the full name of a ref, if that is not empty.
	rehearsal bool
	rehearsed string

	// generation of the spec that the run goes by.
	generation int64
	identity   *identity
	record     *inventory.Record
	source     *git.Source
	revision   *v1alpha1.Revision
	// movedTag tells of a tag that points elsewhere than when it was applied.
	movedTag string
	// evidence is what the verification of the revision went by; nil when there was none.
	evidence *evidence
	// unchanged: the commit holds what the run before found, and all of that is live. Nothing below is filled then.
	unchanged bool
	// inputs of the cluster that lead to what is desired.
	inputs inputs
	// reads of the commit's tree that led to what is desired.
	reads *git.Reads
	// neighbours are the others that follow the same ref.
	neighbours *neighbours
	cluster    *apply.Cluster
	desired    []apply.Desired
	// notes name what is not honoured of annotations for other tools.
	notes []string
	// through is the first wave that need not wait for those before it any more: they were seen to be healthy.
	through *int
	// next is the first wave that was held.
	next *int
	// startedID is the id of the CDEvent that told that the run began to write.
	startedID string
	known     *apply.Inventory
	plan      apply.Plan
}

// prepare reads all there is to know and plans. It writes nothing.
func (r *run) prepare(ctx context.Context) error {
	defer r.ahead.end()
	r.ahead.follow(ctx, r.early)
	if err := r.gather(ctx); err != nil {
		return err
	}
	if r.repository.Spec.Verify == nil {
		r.commitFound(ctx)
	}
	r.ahead.told(*r.resolved)
	r.movedTag = movedTag(&r.repository.Status, *r.resolved)
	snapshot, err := r.source.Fetch(ctx, *r.resolved)
	if err != nil {
		return err
	}
	r.revision = withCommit(r.revision, snapshot.Commit())
	if err := r.verify(ctx, snapshot); err != nil {
		return err
	}
	r.commitFound(ctx)
	if r.inputs, err = r.identity.inputs(ctx, r.repository); err != nil {
		return err
	}
	if r.unchanged = r.changesNothing(ctx, snapshot); r.unchanged {
		return nil
	}
	if r.record == nil {
		if err := r.loadRecord(ctx); err != nil {
			return err
		}
	}
	reads := &git.Reads{}
	result, err := r.render(ctx, r.repository, snapshot.Noting(reads), &r.inputs, r.began)
	if err != nil {
		return err
	}
	if len(result.desired)+len(result.ignored) == 0 && !r.repository.Spec.AllowEmpty {
		return r.sourceEmpty()
	}
	r.desired, r.notes, r.reads, r.neighbours = result.desired, result.notes, reads, r.neighboursAt(snapshot)
	return r.makePlan(ctx, result)
}

// commitFound tells, once, which commit the run is about.
func (r *run) commitFound(ctx context.Context) {
	if r.found != nil {
		r.found(ctx)
		r.found = nil
	}
}

// changesNothing tells whether a commit holds what was found before, and all of that is live as it was applied. What cannot be compared is
// for a whole run to judge.
func (r *run) changesNothing(ctx context.Context, snapshot *git.Snapshot) bool {
	why := occasion{trigger: r.trigger, asked: r.asked, commit: r.resolved.Hash, inputs: r.inputs.digest(),
		waiting: r.waiting || r.confirmed != "" || r.pauseOf(r.repository).Holds(r.began)}
	if r.rehearsal || !r.before.covers(r.repository, why) {
		return false
	}
	same, err := snapshot.Repeats(ctx, r.before.reads)
	if err != nil {
		klog.FromContext(ctx).V(4).Info("A commit could not be compared with the one before", "commit", r.resolved.Hash, "err", err)
	}
	return same && r.Drift.AsApplied(ownerOf(r.repository))
}

// makePlan compares what Git holds with what is live.
func (r *run) makePlan(ctx context.Context, result *rendered) error {
	owner := ownerOf(r.repository)
	r.cluster = r.clusterAs(r.identity, r.repository)
	r.cluster.Rival = r.neighbours.rival
	r.known = r.record.Contents.Clone()
	for _, entry := range r.Drift.Unsaved(owner) {
		r.known.Set(entry)
	}
	if !r.rehearsal {
		r.Drift.Expect(ctx, owner, result.desired)
	}
	seen, err := r.cluster.Observe(ctx, result.desired, r.known, result.defined, r.began, r.rehearsal)
	if err != nil {
		return err
	}
	if err := r.recoverRecord(ctx, result.desired, seen); err != nil {
		return err
	}
	options := apply.Options{
		Prune: r.repository.Spec.Prune == nil || *r.repository.Spec.Prune,
		Now:   r.began, LongestPause: r.LongestPause, Ignored: result.ignored, Pause: r.pauseOf(r.repository),
	}
	r.plan = apply.NewPlan(result.desired, r.known, seen, options)
	if prune := r.plan.Of(apply.Prune); len(prune) > 0 {
		if options.Claimed, err = r.neighbours.claims(ctx, prune); err != nil {
			return err
		}
		r.plan = apply.NewPlan(result.desired, r.known, seen, options)
	}
	return nil
}

// recoverRecord adds to a lost inventory what the live objects tell of it.
func (r *run) recoverRecord(ctx context.Context, desired []apply.Desired, seen apply.Observation) error {
	if !apply.RecordLost(r.known, seen) {
		return nil
	}
	namespaces := map[string]bool{r.repository.Namespace: true}
	for i := range desired {
		if namespace := desired[i].ID.Namespace; namespace != "" {
			namespaces[namespace] = true
		}
	}
	orphans, err := r.cluster.Recover(ctx, desired, slices.Sorted(maps.Keys(namespaces)), seen, r.began)
	if err != nil {
		return fmt.Errorf("recover the inventory: %w", err)
	}
	klog.FromContext(ctx).Info("The inventory was lost; it is made again from what is live", "orphans", len(orphans))
	for _, orphan := range orphans {
		r.known.Set(orphan)
	}
	return nil
}

func (r *run) sourceEmpty() *Failure {
	folder := r.repository.Spec.Path
	if folder == "" {
		folder = "the repository"
	}
	failure := &Failure{Code: CodeSourceEmpty, Stalled: true,
		Message: fmt.Sprintf("%s holds no manifest at %s: no file that ends in .yaml, .yml or .json and is not ignored", folder, describe(r.revision)),
		Hint:    "Correct spec.path, or set spec.allowEmpty if it is meant to hold nothing."}
	if known := r.record.Contents.Len(); known > 0 {
		failure.Message += fmt.Sprintf(". The %d objects applied before are left as they are", known)
	}
	return failure
}

// execute does what the plan says, and keeps the inventory: an object is recorded before it is first written, so that nothing leaks
// whenever the process ends.
func (r *run) execute(ctx context.Context) (*summary, error) {
	r.publish(ctx)
	next := r.known.Clone()
	for _, step := range r.plan.Of(apply.Create, apply.Configure, apply.Adopt) {
		if step.Entry == nil {
			next.Set(v1alpha1.InventoryEntry{Group: step.ID.Group, Version: step.Version, Kind: step.ID.Kind,
				Namespace: step.ID.Namespace, Name: step.ID.Name, File: step.Desired.File})
		}
	}
	if err := r.Inventories.Save(ctx, r.record, next); err != nil {
		return nil, err
	}
	outcomes := r.cluster.Execute(ctx, &r.plan, r.mayPrune(), r.mayBegin)
	for i := range outcomes {
		outcome := &outcomes[i]
		switch {
		case outcome.Err != nil, outcome.Waiting, outcome.Held:
		case outcome.Entry != nil:
			next.Set(*outcome.Entry)
		case outcome.Done == apply.Prune, outcome.Done == apply.Release, outcome.Done == apply.Forget:
			next.Delete(outcome.Step.ID)
		}
	}
	result := summarize(&r.plan, outcomes)
	result.notes = r.notes
	// What was done is recorded even when the time for the run is up.
	saving, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordWithin)
	defer cancel()
	if err := r.Inventories.Save(saving, r.record, next); err != nil {
		return &result, err
	}
	r.Drift.Saved(ownerOf(r.repository), next)
	r.lookAtObjects(ctx)
	return &result, result.failure(r.repository).orNil()
}

// writes tells whether executing the plan writes to the cluster.
func (r *run) writes() bool {
	return len(r.plan.Of(apply.Create, apply.Configure, apply.Adopt)) > 0 || (r.mayPrune() && len(r.plan.Of(apply.Prune)) > 0)
}

// mayPrune tells whether the plan's prune needs no confirmation, or has it.
func (r *run) mayPrune() bool {
	guarded := r.plan.Recovered || r.repository.Spec.PruneGuard != v1alpha1.PruneGuardOff
	return r.plan.Guard == "" || !guarded || r.confirmation() == r.revision.Commit
}

func (r *run) confirmation() string {
	if r.confirmed != "" {
		return r.confirmed
	}
	return r.repository.Status.PruneConfirmed
}

// heldPrune describes a prune that waits for its confirmation; nil when none does.
func (r *run) heldPrune() *v1alpha1.PendingPrune {
	prune := r.plan.Of(apply.Prune)
	if len(prune) == 0 || r.mayPrune() {
		return nil
	}
	held := &v1alpha1.PendingPrune{Commit: r.revision.Commit, Reason: r.plan.Guard, Count: int32(len(prune))}
	for _, step := range prune[:min(len(prune), 10)] {
		held.Objects = append(held.Objects, step.ID.String())
	}
	return held
}

func (r *run) pruneUnconfirmed(held *v1alpha1.PendingPrune) *Failure {
	return &Failure{Code: CodePruneUnconfirmed, Stalled: true,
		Message: fmt.Sprintf("everything is applied, but the prune waits for a confirmation, because %s", held.Reason),
		Hint: fmt.Sprintf(`To allow it: echo '{"spec":{"confirmPrune":"%s"}}' | kubectl create --raw /apis/%s/namespaces/%s/gitrepositories/%s/syncs -f -`,
			held.Commit, v1alpha1.SchemeGroupVersion, r.repository.Namespace, r.repository.Name)}
}

// clusterAs is the API server as an identity sees it, for a GitRepository's objects.
func (c *Controller) clusterAs(acting *identity, repository *v1alpha1.GitRepository) *apply.Cluster {
	owner := ownerOf(repository)
	return &apply.Cluster{
		Owner: owner, Metadata: acting.metadata, Objects: acting.objects, Discovery: c.Discovery, Watch: c.Watch, Witness: c.Drift,
		Adopt: repository.Spec.Adopt,
		Rival: func(ctx context.Context, other apply.Owner, _ apply.ID) (apply.Rival, error) {
			rival, _, err := c.rival(ctx, owner, other)
			return rival, err
		},
	}
}

// orNil keeps a nil *Failure from becoming an error that is not nil.
func (f *Failure) orNil() error {
	if f == nil {
		return nil
	}
	return f
}
