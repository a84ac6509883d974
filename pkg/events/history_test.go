package events

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestSynced(t *testing.T) {
	tests := []struct {
		name   string
		before History
		sync   Sync
		want   []Type
	}{
		{"first", History{}, synced(commitA), []Type{SyncFinished, ServiceDeployed}},
		{"first, and everything was there", History{}, unchanged(commitA), []Type{SyncFinished, ServiceDeployed}},
		{"nothing new", applied(commitA), unchanged(commitA), nil},
		{"edits put back", applied(commitA), synced(commitA), []Type{SyncFinished}},
		{"new commit", applied(commitA), synced(commitB), []Type{SyncFinished, ServiceUpgraded}},
		{"new commit of other files", applied(commitA), unchanged(commitB), nil},
		{"new commit, written before a restart", History{Commits: []string{commitA}, Resumed: true}, unchanged(commitB),
			[]Type{SyncFinished, ServiceUpgraded}},
		{"nothing new after a restart", History{Commits: []string{commitA}, Resumed: true}, unchanged(commitA), nil},
		{"earlier commit", applied(commitA, commitB), synced(commitA), []Type{SyncFinished, ServiceRolledback}},
		{"failed", applied(commitA), broken(commitB, "ApplyFailed"), []Type{SyncFinished, IncidentDetected}},
		{"failed first", History{}, broken("", "Unreachable"), []Type{SyncFinished, IncidentDetected}},
		{"failed again", failing(commitB), broken(commitB, "ApplyFailed"), nil},
		{"failed again for another reason", failing(commitB), broken(commitB, "Timeout"), []Type{SyncFinished}},
		{"failed again with another commit", failing(commitB), broken(commitC, "ApplyFailed"), []Type{SyncFinished}},
		{"recovered", failing(commitB), synced(commitB), []Type{SyncFinished, ServiceUpgraded, IncidentResolved}},
		{"recovered, all written before", failing(commitB), unchanged(commitB), []Type{SyncFinished, ServiceUpgraded, IncidentResolved}},
		{"recovered where it was", failing(commitA), unchanged(commitA), []Type{SyncFinished, IncidentResolved}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			events, _ := test.before.Synced(test.sync)
			expect(t, events, test.want...)
			for _, event := range events {
				validate(t, event)
			}
		})
	}
}

func applied(commits ...string) History { return History{Commits: commits} }

// failing is a history in which commit A is live and the sync of a commit failed.
func failing(commit string) History {
	return History{Commits: []string{commitA}, Sync: Incident{Since: noon.Truncate(time.Second), Commit: commit, Reason: "ApplyFailed"}}
}

func TestFailureThatWroteIsTold(t *testing.T) {
	again := broken(commitB, "ApplyFailed")
	again.Counts.Created = 1
	events, _ := failing(commitB).Synced(again)
	expect(t, events, SyncFinished)
}

func TestRollForwardIsAnUpgrade(t *testing.T) {
	history := applied(commitA, commitB, commitC)
	events, history := history.Synced(synced(commitA))
	expect(t, events, SyncFinished, ServiceRolledback)
	events, _ = history.Synced(synced(commitC))
	expect(t, events, SyncFinished, ServiceUpgraded)
}

func TestQuietCommitIsRemembered(t *testing.T) {
	_, history := applied(commitA).Synced(unchanged(commitB))
	events, _ := history.Synced(synced(commitC))
	if got := events[1].CustomData.PreviousRevision; got != commitB {
		t.Errorf("the revision before is %q, want %q", got, commitB)
	}
}

func TestIncidentKeepsItsID(t *testing.T) {
	detected, history := applied(commitA).Synced(broken(commitB, "ApplyFailed"))
	_, history = history.Synced(broken(commitC, "Timeout"))
	// What survives a restart is the time, in whole seconds.
	restored := History{Commits: history.Commits, Resumed: true, Sync: Incident{Since: time.Unix(history.Sync.Since.Unix(), 0)}}
	resolved, after := restored.Synced(synced(commitC))
	first, last := detected[len(detected)-1], resolved[len(resolved)-1]
	if first.Subject.ID != last.Subject.ID || first.Subject.ID != "team-a/shop/sync/2026-03-04T11:00:00Z" {
		t.Errorf("detected %q, resolved %q", first.Subject.ID, last.Subject.ID)
	}
	if after.Sync.open() || after.Resumed {
		t.Errorf("the history goes on as %+v", after)
	}
}

func TestHistoryIsBoundedAndItsOwn(t *testing.T) {
	var history History
	for i := range 3 * maxCommits {
		before := slices.Clone(history.Commits)
		_, next := history.Synced(synced(fmt.Sprintf("%040d", i)))
		if diff := cmp.Diff(before, history.Commits); diff != "" {
			t.Fatalf("the history that was passed in changed (-before +after):\n%s", diff)
		}
		history = next
	}
	if len(history.Commits) != maxCommits || history.live() != fmt.Sprintf("%040d", 3*maxCommits-1) {
		t.Errorf("%d commits are remembered, the last one %s", len(history.Commits), history.live())
	}
}

func TestDrifted(t *testing.T) {
	one := []Object{{Kind: "Service", Namespace: "shop", Name: "web", Message: "refused by admission"}}
	look := func(detected, corrected, failed []Object, failing int) Drift {
		return Drift{Deployment: shop(commitA), At: noon, Detected: detected, Corrected: corrected, Failed: failed, Failing: failing}
	}
	var history History
	for _, step := range []struct {
		name  string
		drift Drift
		want  []Type
	}{
		{"nothing", look(nil, nil, nil, 0), nil},
		{"put back", look(one, one, nil, 0), []Type{DriftDetected, DriftCorrected}},
		{"left as it is", look(one, nil, nil, 0), []Type{DriftDetected}},
		{"cannot be put back", look(one, nil, one, 1), []Type{DriftDetected, DeploymentFailed, IncidentDetected}},
		{"still cannot", look(nil, nil, one, 1), nil},
		{"another one cannot", look(one, nil, one, 2), []Type{DriftDetected}},
		{"one could", look(nil, one, nil, 1), []Type{DriftCorrected}},
		{"all could", look(nil, one, nil, 0), []Type{DriftCorrected, IncidentResolved}},
		{"nothing again", look(nil, nil, nil, 0), nil},
		{"another episode", look(nil, nil, one, 1), []Type{DeploymentFailed, IncidentDetected}},
	} {
		var events []*Event
		events, history = history.Drifted(step.drift)
		if diff := cmp.Diff(step.want, typesOf(events)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", step.name, diff)
		}
		for _, event := range events {
			validate(t, event)
		}
	}
}

func TestDriftLeavesSyncAlone(t *testing.T) {
	_, history := failing(commitB).Drifted(Drift{Deployment: shop(commitA), At: noon})
	if !history.Sync.open() {
		t.Error("a look at drift ended the incident of a sync")
	}
}

func TestRemoved(t *testing.T) {
	history := failing(commitB)
	history.Drift.Since = noon
	events, after := history.Removed(shop(""), noon)
	expect(t, events, ServiceRemoved, IncidentResolved, IncidentResolved)
	for _, event := range events {
		validate(t, event)
	}
	if events[0].CustomData.Revision != commitA {
		t.Errorf("removed at revision %q, want %q", events[0].CustomData.Revision, commitA)
	}
	if diff := cmp.Diff(History{}, after); diff != "" {
		t.Errorf("the history after (-want +got):\n%s", diff)
	}
	if events, _ := (History{}).Removed(shop(""), noon); len(events) > 0 {
		t.Errorf("what was never deployed was removed: %q", typesOf(events))
	}
}
