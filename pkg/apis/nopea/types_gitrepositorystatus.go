package nopea

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// GitRepositoryStatus is what the controller found and did. Nothing in it changes while nothing happens.
type GitRepositoryStatus struct {
	ObservedGeneration int64
	Conditions         []metav1.Condition
	Applied            *Revision
	Attempted          *Revision
	Resources          *ResourceCounts
	Drift              *DriftStatus
	Health             *HealthStatus
	LastSync           *SyncSummary
	LastError          *SyncError
	Webhook            *WebhookStatus
	PendingPrune       *PendingPrune
	PruneConfirmed     string
}

// Revision is a commit and how it was named.
type Revision struct {
	Name    string
	Commit  string
	Message string
	Author  string
	Time    *metav1.Time

	VerifiedBy string
}

// ResourceCounts counts the objects of a GitRepository.
type ResourceCounts struct {
	Desired int32
	Applied int32
}

// SyncSummary is the short record of a sync.
type SyncSummary struct {
	Name           string
	Trigger        SyncTrigger
	StartTime      metav1.Time
	CompletionTime metav1.Time
	Counts         SyncCounts
}

// WebhookResult is what became of a delivery.
type WebhookResult string

const (
	// WebhookResultAccepted led to a Sync.
	WebhookResultAccepted WebhookResult = "Accepted"
	// WebhookResultPinged was the provider's test, and rightly signed.
	WebhookResultPinged WebhookResult = "Pinged"
	// WebhookResultIgnored was rightly signed and calls for nothing: about another ref, or about the deletion of one.
	WebhookResultIgnored WebhookResult = "Ignored"
	// WebhookResultRefused was not taken.
	WebhookResultRefused WebhookResult = "Refused"
)

// WebhookStatus is a delivery of a webhook. Of many within a few seconds not each is shown.
type WebhookStatus struct {
	Time     metav1.Time
	Provider string
	Delivery string
	Result   WebhookResult
	Message  string
}

// PendingPrune is a prune that waits. To allow it, POST a Sync whose spec.confirmPrune is the commit.
type PendingPrune struct {
	Commit  string
	Reason  string
	Count   int32
	Objects []string
}

// DriftStatus says what is not as Git has it, and what was done about it.
type DriftStatus struct {
	Drifted   int32
	Paused    int32
	Extra     int32
	Repaired  int64
	Objects   []DriftedObject
	Unwatched []string
}

// DriftState is what became of an object that was not as Git has it.
type DriftState string

const (
	// DriftStateRepaired was put back.
	DriftStateRepaired DriftState = "Repaired"
	// DriftStateDrifted is left as it is, by driftPolicy.
	DriftStateDrifted DriftState = "Drifted"
	// DriftStateContested is written by somebody else again and again; it is put back ever more slowly.
	DriftStateContested DriftState = "Contested"
	// DriftStateFailed could not be put back.
	DriftStateFailed DriftState = "Failed"
	// DriftStatePaused is held by a pause.
	DriftStatePaused DriftState = "Paused"
	// DriftStateExtra is as Git has it, and holds fields that Git does not mention.
	DriftStateExtra DriftState = "Extra"
)

// DriftedObject is one object that is or was not as Git has it.
type DriftedObject struct {
	State     DriftState
	Group     string
	Kind      string
	Namespace string
	Name      string
	File      string
	Fields    []string
	Manager   string
	Time      metav1.Time
	Message   string
}

// HealthStatus counts the objects that have a health of their own, by their state.
type HealthStatus struct {
	Healthy     int32
	Progressing int32
	Unhealthy   int32
	Unknown     int32
	Objects     []ObjectHealth
}

// HealthState is how an object fares.
type HealthState string

const (
	// HealthStateHealthy works.
	HealthStateHealthy HealthState = "Healthy"
	// HealthStateProgressing is not there yet.
	HealthStateProgressing HealthState = "Progressing"
	// HealthStateUnhealthy failed.
	HealthStateUnhealthy HealthState = "Unhealthy"
	// HealthStateUnknown could not be read.
	HealthStateUnknown HealthState = "Unknown"
)

// ObjectHealth is one object and how it fares.
type ObjectHealth struct {
	State     HealthState
	Group     string
	Kind      string
	Namespace string
	Name      string
	File      string
	Message   string
}
