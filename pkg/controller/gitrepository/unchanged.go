package gitrepository

import (
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
	"nopea.io/nopea/pkg/git"
)

// settled is what is remembered of a whole run that succeeded and left nothing to do: all that decides what there is to apply. The rest,
// which is the rules of the installation, does not change while a process lives; the first run after a start is a whole one.
type settled struct {
	// generation of the spec.
	generation int64
	// reads of the commit's tree.
	reads *git.Reads
	// inputs digests what was read of the cluster.
	inputs string
	// objects that Git holds.
	objects int32
}

// settles is what to remember of a run; nil when it failed or left something to do.
func (r *run) settles(result *report) *settled {
	s := result.summary
	switch {
	case result.failure != nil || result.prune != nil || s == nil:
		return nil
	case r.unchanged:
		return r.before
	case r.reads == nil || s.counts.Paused > 0 || s.waiting > 0 || s.handedOver > 0 || s.applied != s.desired:
		return nil
	}
	return &settled{generation: r.generation, reads: r.reads, inputs: r.inputs.digest(), objects: s.desired}
}

// occasion is what leads to a run.
type occasion struct {
	trigger v1alpha1.SyncTrigger
	// asked: somebody wants this run, not only a webhook.
	asked bool
	// waiting: something is to be tried again, was confirmed, or is held by a pause.
	waiting bool
	// commit that the remote ref points to.
	commit string
	// inputs digests what the run has read of the cluster.
	inputs string
}

// covers tells whether a run that finds the same in Git as the settled one has nothing to do, provided that all is live as it was
// applied. Whoever asks for a sync of a commit that is applied already wants everything looked at.
func (s *settled) covers(repository *v1alpha1.GitRepository, why occasion) bool {
	applied := repository.Status.Applied
	switch {
	case s == nil, s.generation != repository.Generation, applied == nil, repository.Spec.Suspend, why.waiting, s.inputs != why.inputs:
		return false
	case why.trigger != v1alpha1.SyncTriggerManual && why.trigger != v1alpha1.SyncTriggerWebhook && why.trigger != v1alpha1.SyncTriggerPoll:
		return false
	case why.asked && applied.Commit == why.commit:
		return false
	}
	return isReady(repository) && repository.Status.LastError == nil && repository.Status.PendingPrune == nil
}

// isReady tells whether a GitRepository's status says so of its current spec.
func isReady(repository *v1alpha1.GitRepository) bool {
	ready := apimeta.FindStatusCondition(repository.Status.Conditions, v1alpha1.ConditionReady)
	return ready != nil && ready.Status == metav1.ConditionTrue && ready.ObservedGeneration == repository.Generation
}

// nothing is the summary of a run that found what the settled one left.
func (s *settled) nothing() *summary {
	return &summary{desired: s.objects, applied: s.objects, counts: v1alpha1.SyncCounts{Unchanged: s.objects}}
}

// onlyHooked tells whether nothing but a webhook asked for a Sync: nobody waits for what becomes of it.
func onlyHooked(sync *v1alpha1.Sync) bool {
	spec := &sync.Spec
	return spec.Trigger == v1alpha1.SyncTriggerWebhook && len(spec.RequestedBy) <= 1 &&
		spec.Revision == "" && spec.ConfirmPrune == "" && !spec.DryRun
}

// divide splits the Syncs of a run into those whose end is recorded, and those that are dropped because nothing but a webhook asked and
// nothing was to be done: in a repository of many applications that is most of them, and they would push real records out.
func (r *run) divide(syncs []*v1alpha1.Sync, result *report) (recorded, dropped []*v1alpha1.Sync) {
	idle := result.failure == nil && result.prune == nil && isReady(r.repository) && (r.unchanged || r.plan.Idle())
	for _, sync := range syncs {
		if idle && onlyHooked(sync) {
			dropped = append(dropped, sync)
		} else {
			recorded = append(recorded, sync)
		}
	}
	return recorded, dropped
}
