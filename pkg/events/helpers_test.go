package events

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/cdevents/sdk-go/pkg/api"
	apiv05 "github.com/cdevents/sdk-go/pkg/api/v05"
)

const (
	commitA = "5f2c1e9000000000000000000000000000000001"
	commitB = "5f2c1e9000000000000000000000000000000002"
	commitC = "5f2c1e9000000000000000000000000000000003"
)

var noon = time.Date(2026, 3, 4, 12, 0, 0, 123456789, time.FixedZone("CET", 3600))

func shop(commit string) Deployment {
	return Deployment{Cluster: "prod-1", Namespace: "team-a", Name: "shop", TargetNamespace: "shop-prod",
		RepositoryURL: "https://github.com/Example/Shop.git", Path: "deploy", Ref: "main", Commit: commit}
}

// synced is a sync that wrote an object.
func synced(commit string) Sync {
	return Sync{Deployment: shop(commit), Name: "shop-x7k2p", Trigger: "Webhook", Began: noon, Ended: noon.Add(84 * time.Millisecond),
		Counts: Counts{Configured: 1, Unchanged: 11}}
}

// unchanged is a sync that found everything as it was.
func unchanged(commit string) Sync {
	s := synced(commit)
	s.Counts = Counts{Unchanged: 12}
	return s
}

// broken is a sync that failed and wrote nothing.
func broken(commit, reason string) Sync {
	s := unchanged(commit)
	s.Failure = &Failure{Reason: reason, Message: "Deployment shop/web was not taken"}
	s.Failed = []Object{{Group: "apps", Kind: "Deployment", Namespace: "shop", Name: "web", File: "web.yaml", Message: "not taken"}}
	return s
}

func typesOf(events []*Event) []Type {
	var types []Type
	for _, event := range events {
		types = append(types, event.Context.Type)
	}
	return types
}

func expect(t *testing.T, events []*Event, want ...Type) {
	t.Helper()
	if got := typesOf(events); !slices.Equal(got, want) {
		t.Fatalf("events are %q, want %q", got, want)
	}
}

// validate an event as the official SDK does, and its own bytes by the schema, which knows of fields that the SDK's structs drop.
func validate(t *testing.T, event *Event) api.CDEventV04 {
	t.Helper()
	encoded, err := json.Marshal(event)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := apiv05.NewFromJsonBytes(encoded)
	if err != nil {
		t.Fatalf("the SDK does not parse %s: %v", encoded, err)
	}
	if err := api.Validate(parsed); err != nil {
		t.Fatalf("the SDK does not take %s: %v", encoded, err)
	}
	_, schema, err := parsed.GetSchema()
	if err != nil {
		t.Fatal(err)
	}
	var plain any
	if err := json.Unmarshal(encoded, &plain); err != nil {
		t.Fatal(err)
	}
	if err := schema.Validate(plain); err != nil {
		t.Fatalf("the schema does not allow %s: %v", encoded, err)
	}
	return parsed
}
