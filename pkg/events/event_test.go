package events

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/cdevents/sdk-go/pkg/api"
	"github.com/google/go-cmp/cmp"
)

// story leads to an event of each type.
func story() []*Event {
	var told []*Event
	started := NewSyncStarted(synced(commitA))
	first := synced(commitA)
	first.StartedID = started.Context.ID
	told = append(told, started)

	var history History
	for _, s := range []Sync{first, synced(commitB), broken(commitC, "ApplyFailed"), synced(commitC), synced(commitA),
		broken("", "Unreachable")} {
		var events []*Event
		events, history = history.Synced(s)
		told = append(told, events...)
	}
	drifted := []Object{{Kind: "Service", Namespace: "shop", Name: "web", File: "web.yaml", Message: "admission refuses it"}}
	for _, d := range []Drift{
		{Deployment: shop(commitA), At: noon, Detected: drifted, Corrected: drifted},
		{Deployment: shop(commitA), At: noon, Detected: drifted, Failed: drifted, Failing: 1},
	} {
		var events []*Event
		events, history = history.Drifted(d)
		told = append(told, events...)
	}
	removed, _ := history.Removed(shop(""), noon)
	return append(told, removed...)
}

func TestEveryTypeComplies(t *testing.T) {
	seen := make(map[Type]bool)
	ids := make(map[string]bool)
	for _, event := range story() {
		parsed := validate(t, event)
		seen[event.Context.Type] = true
		ids[event.Context.ID] = true
		want := []string{event.Context.ID, "/nopea/prod-1", "0.5.1", event.Subject.ID}
		got := []string{parsed.GetId(), parsed.GetSource(), parsed.GetVersion(), parsed.GetSubjectId()}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s as the SDK reads it (-want +got):\n%s", event.Context.Type, diff)
		}
		if !parsed.GetTimestamp().Equal(event.Context.Timestamp) {
			t.Errorf("%s: the SDK reads the time %v, want %v", event.Context.Type, parsed.GetTimestamp(), event.Context.Timestamp)
		}
	}
	if len(ids) != len(story()) {
		t.Errorf("%d ids for %d events", len(ids), len(story()))
	}
	all := []Type{ServiceDeployed, ServiceUpgraded, ServiceRolledback, ServiceRemoved, IncidentDetected, IncidentResolved,
		SyncStarted, SyncFinished, DriftDetected, DriftCorrected, DeploymentFailed}
	slices.Sort(all)
	if diff := cmp.Diff(all, slices.Sorted(maps.Keys(seen))); diff != "" {
		t.Errorf("types that were checked (-want +got):\n%s", diff)
	}
}

func TestCustomTypesHaveTheirParts(t *testing.T) {
	for _, event := range story() {
		if !strings.HasPrefix(string(event.Context.Type), "dev.cdeventsx.") {
			continue
		}
		parts, err := api.CDEventTypeFromString(string(event.Context.Type))
		if err != nil || parts.Custom != "nopea" || parts.Version != "0.1.0" {
			t.Errorf("the SDK reads %s as %+v, %v", event.Context.Type, parts, err)
		}
	}
}

func TestEventTellsWhatHappened(t *testing.T) {
	events, _ := History{Commits: []string{commitA}}.Synced(synced(commitB))
	expect(t, events, SyncFinished, ServiceUpgraded)
	upgraded := *events[1]
	upgraded.Context.ID, upgraded.Context.ChainID = "", ""
	want := Event{
		Context: Context{SpecVersion: "0.5.1", Source: "/nopea/prod-1", Type: ServiceUpgraded,
			Timestamp: time.Date(2026, 3, 4, 11, 0, 0, 207456789, time.UTC)},
		Subject: Subject{ID: "team-a/shop", Content: Content{Environment: &Reference{ID: "prod-1/shop-prod"},
			ArtifactID: "pkg:github/example/shop@" + commitB}},
		CustomData: &Details{Repository: "https://github.com/Example/Shop.git", Path: "deploy", Ref: "main", Revision: commitB,
			PreviousRevision: commitA, Sync: "shop-x7k2p", Trigger: "Webhook", DurationSeconds: 0.084,
			Counts: &Counts{Configured: 1, Unchanged: 11}},
		CustomDataContentType: "application/json",
	}
	if diff := cmp.Diff(want, upgraded); diff != "" {
		t.Errorf("service.upgraded (-want +got):\n%s", diff)
	}
}

func TestEventsOfACommitShareAChain(t *testing.T) {
	events, history := History{}.Synced(synced(commitA))
	again, _ := history.Synced(synced(commitB))
	if events[0].Context.ChainID == "" || events[0].Context.ChainID != events[1].Context.ChainID {
		t.Errorf("the chains of one commit are %q and %q", events[0].Context.ChainID, events[1].Context.ChainID)
	}
	if events[0].Context.ChainID == again[0].Context.ChainID {
		t.Errorf("two commits have the chain %q", again[0].Context.ChainID)
	}
}

func TestFinishedNamesItsStart(t *testing.T) {
	s := synced(commitA)
	started := NewSyncStarted(s)
	s.StartedID = started.Context.ID
	events, _ := History{}.Synced(s)
	finished := events[0]
	if finished.Subject.ID != started.Subject.ID {
		t.Errorf("the sync started as %q and finished as %q", started.Subject.ID, finished.Subject.ID)
	}
	links := validate(t, finished).GetLinks()
	encoded, err := json.Marshal(links)
	if err != nil || len(links) != 1 || !strings.Contains(string(encoded), started.Context.ID) {
		t.Errorf("the SDK reads the links %s, %v; want one from %s", encoded, err, started.Context.ID)
	}
}

func TestEventsAreBounded(t *testing.T) {
	s := broken(commitA, "ApplyFailed")
	s.Failure.Message = strings.Repeat("ä", 100_000)
	s.Failed = slices.Repeat([]Object{{Kind: "ConfigMap", Name: "c", Message: strings.Repeat("ä", 100_000)}}, 5000)
	events, _ := History{}.Synced(s)
	expect(t, events, SyncFinished, IncidentDetected)
	for _, event := range events {
		validate(t, event)
		encoded, err := json.Marshal(event)
		if err != nil || len(encoded) > 32<<10 || !utf8.Valid(encoded) {
			t.Errorf("%s has %d bytes (valid UTF-8: %t), %v", event.Context.Type, len(encoded), utf8.Valid(encoded), err)
		}
		if event.CustomData.ObjectCount != 5000 || len(event.CustomData.Objects) != maxObjects {
			t.Errorf("%s counts %d objects and names %d", event.Context.Type, event.CustomData.ObjectCount, len(event.CustomData.Objects))
		}
	}
}
