package gitrepository

import (
	"strings"

	apimeta "k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
	"nopea.io/nopea/pkg/controller/drift"
	"nopea.io/nopea/pkg/events"
)

// Sender delivers CDEvents without holding anybody up.
type Sender interface {
	Send(events.Sink, *events.Event)
}

// send delivers events to the sinks of the installation, and to the one that the GitRepository names.
func (c *Controller) send(repository *v1alpha1.GitRepository, told []*events.Event) {
	sinks := c.Sinks
	if own := repository.Spec.Events; own != nil {
		sinks = append(sinks[:len(sinks):len(sinks)], events.Sink{URL: own.Sink})
	}
	for _, event := range told {
		for _, sink := range sinks {
			c.Sender.Send(sink, event)
		}
	}
}

// deployment is what events say of a GitRepository at a revision.
func (c *Controller) deployment(repository *v1alpha1.GitRepository, revision *v1alpha1.Revision) events.Deployment {
	deployment := events.Deployment{
		Cluster: c.Cluster, Namespace: repository.Namespace, Name: repository.Name, TargetNamespace: repository.Spec.TargetNamespace,
		RepositoryURL: repository.Spec.URL, Path: repository.Spec.Path,
	}
	if revision != nil {
		deployment.Ref, deployment.Commit = revision.Name, revision.Commit
	}
	return deployment
}

// historyOf is what was told of a GitRepository before, made again from its status after a start.
func historyOf(repository *v1alpha1.GitRepository) *events.History {
	history := &events.History{Resumed: true}
	if applied := repository.Status.Applied; applied != nil {
		history.Commits = []string{applied.Commit}
	}
	ready := apimeta.FindStatusCondition(repository.Status.Conditions, v1alpha1.ConditionReady)
	if ready != nil && ready.Status == metav1.ConditionFalse {
		history.Sync = events.Incident{Since: ready.LastTransitionTime.UTC(), Reason: ready.Reason}
		if attempted := repository.Status.Attempted; attempted != nil {
			history.Sync.Commit = attempted.Commit
		}
	}
	drifted := apimeta.FindStatusCondition(repository.Status.Conditions, v1alpha1.ConditionDrifted)
	if drifted != nil && drifted.Status == metav1.ConditionTrue &&
		(drifted.Reason == drift.ReasonContested || drifted.Reason == drift.ReasonRepairFailed) {
		history.Drift = events.Incident{Since: drifted.LastTransitionTime.UTC()}
	}
	return history
}

// tellStart tells that a run begins to write.
func (c *Controller) tellStart(r *run) {
	if !r.writes() || r.startedID != "" {
		return
	}
	started := events.NewSyncStarted(events.Sync{
		Deployment: c.deployment(r.repository, r.revision), Trigger: string(r.trigger), Began: r.began,
	})
	r.startedID = started.Context.ID
	c.send(r.repository, []*events.Event{started})
}

// tellSync tells what came of a run.
func (c *Controller) tellSync(r *run, remembered *memory, result *report) {
	sync := events.Sync{
		Deployment: c.deployment(r.repository, r.revision), Name: result.sync, Trigger: string(result.trigger),
		Began: result.began, Ended: result.ended, StartedID: r.startedID,
	}
	if result.summary != nil {
		sync.Counts = events.Counts(result.summary.counts)
		for _, change := range result.summary.changes {
			if change.Action == v1alpha1.SyncActionFailed || change.Action == v1alpha1.SyncActionRefused {
				sync.Failed = append(sync.Failed, events.Object{Group: groupOf(change.APIVersion), Kind: change.Kind,
					Namespace: change.Namespace, Name: change.Name, File: change.File, Message: change.Message})
			}
		}
	}
	if result.failure != nil {
		sync.Failure = &events.Failure{Reason: result.failure.Code, Message: result.failure.Message}
	}
	told, after := remembered.history.Synced(sync)
	remembered.history = &after
	c.send(r.repository, told)
}

// tellDrift tells what was found of drift, and what was done about it.
func (c *Controller) tellDrift(repository *v1alpha1.GitRepository, remembered *memory, report *drift.Report) {
	found := events.Drift{Deployment: c.deployment(repository, repository.Status.Applied), At: c.Clock.Now(), Failing: report.Failing}
	for _, object := range report.Happened {
		told := events.Object{Group: object.Group, Kind: object.Kind, Namespace: object.Namespace, Name: object.Name, File: object.File,
			Message: object.Message}
		switch object.State {
		case v1alpha1.DriftStateRepaired:
			found.Detected, found.Corrected = append(found.Detected, told), append(found.Corrected, told)
		case v1alpha1.DriftStateFailed, v1alpha1.DriftStateContested:
			found.Detected, found.Failed = append(found.Detected, told), append(found.Failed, told)
		case v1alpha1.DriftStateDrifted, v1alpha1.DriftStateExtra:
			found.Detected = append(found.Detected, told)
		}
	}
	told, after := remembered.history.Drifted(found)
	remembered.history = &after
	c.send(repository, told)
}

// tellRemoved tells that a GitRepository is gone, with what it had applied.
func (c *Controller) tellRemoved(repository *v1alpha1.GitRepository, remembered *memory) {
	told, after := remembered.history.Removed(c.deployment(repository, repository.Status.Applied), c.Clock.Now())
	remembered.history = &after
	c.send(repository, told)
}

// groupOf is the group of an apiVersion.
func groupOf(apiVersion string) string {
	group, _, found := strings.Cut(apiVersion, "/")
	if !found {
		return ""
	}
	return group
}
