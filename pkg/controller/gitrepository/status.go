package gitrepository

import (
	"time"

	apimeta "k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
	"nopea.io/nopea/pkg/controller/drift"
	"nopea.io/nopea/pkg/git"
	"nopea.io/nopea/pkg/wording"
)

// Reasons of conditions, beside the codes of a Failure.
const (
	ReasonApplied     = "Applied"
	ReasonProgressing = "Progressing"
	ReasonRetrying    = "Retrying"
	ReasonDone        = "Done"
	ReasonStalled     = "Stalled"
	ReasonNotStalled  = "NotStalled"
)

// report is what a run has to say about a GitRepository.
type report struct {
	trigger     v1alpha1.SyncTrigger
	revision    *v1alpha1.Revision
	began       time.Time
	ended       time.Time
	summary     *summary // nil when the run did not get as far as a plan
	failure     *Failure
	prune       *v1alpha1.PendingPrune
	confirmed   string
	sync        string // the stored Sync, if any
	worthSaying bool   // asked for, or something was changed
	dryRun      bool
	waiting     string // what has to become healthy before the run is over
	partly      bool   // not everything is applied: the next wave waits
}

// progress marks the status of a run that has begun to change the cluster.
func progress(status *v1alpha1.GitRepositoryStatus, generation int64, revision *v1alpha1.Revision) {
	status.ObservedGeneration = generation
	status.Attempted = revision
	set(status, generation, v1alpha1.ConditionReconciling, metav1.ConditionTrue, ReasonProgressing, "applying "+describe(revision))
	set(status, generation, v1alpha1.ConditionStalled, metav1.ConditionFalse, ReasonNotStalled, "")
	if apimeta.FindStatusCondition(status.Conditions, v1alpha1.ConditionReady) == nil {
		set(status, generation, v1alpha1.ConditionReady, metav1.ConditionUnknown, ReasonProgressing, "applying for the first time")
	}
}

// conclude writes a run's report into the status. A run that found everything as it was changes nothing: the status is rewritten
// when something happens, not at each look.
func conclude(status *v1alpha1.GitRepositoryStatus, generation int64, r *report) {
	status.ObservedGeneration = generation
	if r.revision != nil {
		status.Attempted = r.revision
	}
	if r.confirmed != "" {
		status.PruneConfirmed = r.confirmed
	}
	if r.summary != nil {
		status.PendingPrune = r.prune
		status.Resources = &v1alpha1.ResourceCounts{Desired: r.summary.desired, Applied: r.summary.applied}
		if r.worthSaying && r.waiting == "" {
			status.LastSync = &v1alpha1.SyncSummary{
				Name: r.sync, Trigger: r.trigger, Counts: r.summary.counts,
				StartTime: metav1.NewTime(r.began).Rfc3339Copy(), CompletionTime: metav1.NewTime(r.ended).Rfc3339Copy(),
			}
		}
	}
	if r.failure != nil {
		if !repeats(status, generation, r.failure) {
			concludeFailed(status, generation, r.failure)
		}
		return
	}
	if !r.partly {
		status.Applied = r.revision
	}
	if r.waiting != "" {
		message := wording.Shorten(r.waiting, maxMessage)
		set(status, generation, v1alpha1.ConditionReady, metav1.ConditionUnknown, ReasonProgressing, message)
		set(status, generation, v1alpha1.ConditionReconciling, metav1.ConditionTrue, ReasonProgressing, "waits for health")
		set(status, generation, v1alpha1.ConditionStalled, metav1.ConditionFalse, ReasonNotStalled, "")
		return
	}
	status.LastError = nil
	if apimeta.FindStatusCondition(status.Conditions, v1alpha1.ConditionDrifted) == nil {
		set(status, generation, v1alpha1.ConditionDrifted, metav1.ConditionFalse, drift.ReasonInSync, "")
	}
	message := r.summary.message()
	ready := apimeta.FindStatusCondition(status.Conditions, v1alpha1.ConditionReady)
	if !r.worthSaying && ready != nil && ready.Status == metav1.ConditionTrue {
		message = ready.Message
	}
	set(status, generation, v1alpha1.ConditionReady, metav1.ConditionTrue, ReasonApplied, message)
	set(status, generation, v1alpha1.ConditionReconciling, metav1.ConditionFalse, ReasonDone, "")
	set(status, generation, v1alpha1.ConditionStalled, metav1.ConditionFalse, ReasonNotStalled, "")
}

// tellDrift writes what was found of drift. What was put back counts up.
func tellDrift(status *v1alpha1.GitRepositoryStatus, generation int64, report *drift.Report) {
	found := report.Status
	if status.Drift != nil {
		found.Repaired += status.Drift.Repaired
	}
	status.Drift = &found
	set(status, generation, v1alpha1.ConditionDrifted, report.Drifted.Status, report.Drifted.Reason, report.Drifted.Message)
}

func concludeFailed(status *v1alpha1.GitRepositoryStatus, generation int64, failure *Failure) {
	status.LastError = failure.syncError()
	message := failure.Message
	if failure.Hint != "" {
		message += ". " + failure.Hint
	}
	message = wording.Shorten(message, maxMessage)
	set(status, generation, v1alpha1.ConditionReady, metav1.ConditionFalse, failure.Code, message)
	if failure.Stalled {
		set(status, generation, v1alpha1.ConditionReconciling, metav1.ConditionFalse, ReasonStalled, "waits for a change")
		set(status, generation, v1alpha1.ConditionStalled, metav1.ConditionTrue, failure.Code, message)
		return
	}
	set(status, generation, v1alpha1.ConditionReconciling, metav1.ConditionTrue, ReasonRetrying, "will be tried again")
	set(status, generation, v1alpha1.ConditionStalled, metav1.ConditionFalse, ReasonNotStalled, "")
}

// repeats tells whether a failure is the one that the status already has. The texts of network errors differ each time (they name
// ports and addresses), so there the code alone counts: a remote that stays away is written once.
func repeats(status *v1alpha1.GitRepositoryStatus, generation int64, failure *Failure) bool {
	ready := apimeta.FindStatusCondition(status.Conditions, v1alpha1.ConditionReady)
	same := ready != nil && ready.Status == metav1.ConditionFalse && ready.Reason == failure.Code && ready.ObservedGeneration == generation
	switch git.Code(failure.Code) {
	case git.HostNotFound, git.Unreachable, git.Timeout, git.ServerError, git.RateLimited:
		return same && apimeta.IsStatusConditionTrue(status.Conditions, v1alpha1.ConditionReconciling)
	}
	return false
}

func set(status *v1alpha1.GitRepositoryStatus, generation int64, kind string, value metav1.ConditionStatus, reason, message string) {
	apimeta.SetStatusCondition(&status.Conditions, metav1.Condition{
		Type: kind, Status: value, Reason: reason, Message: message, ObservedGeneration: generation,
	})
}

// describe a revision as users write it: main@5f2c1e9.
func describe(revision *v1alpha1.Revision) string {
	if revision == nil {
		return "an unknown revision"
	}
	short := revision.Commit[:min(7, len(revision.Commit))]
	if revision.Name == "" {
		return short
	}
	return revision.Name + "@" + short
}
