package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// GitRepositoryStatus is what the controller found and did. Nothing in it changes while nothing happens.
type GitRepositoryStatus struct {
	// observedGeneration is the generation of the spec that this status is about.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// conditions: Ready (the cluster was brought to the commit that Git had), Reconciling (a sync is under way or will be
	// tried again), Stalled (nothing moves until somebody changes something), Drifted (live objects are not as Git has them, and
	// are not being put back), Healthy (what was applied works).
	// +optional
	// +listType=map
	// +listMapKey=type
	Conditions []metav1.Condition `json:"conditions,omitempty"`
	// applied is the revision that the cluster was last brought to, wholly.
	// +optional
	Applied *Revision `json:"applied,omitempty"`
	// attempted is the revision of the newest sync that got as far as knowing one. It differs from applied while that sync
	// runs and when it failed.
	// +optional
	Attempted *Revision `json:"attempted,omitempty"`
	// resources counts the objects that Git asks for.
	// +optional
	Resources *ResourceCounts `json:"resources,omitempty"`
	// drift says what was found since that is not as Git has it, and what was done about it.
	// +optional
	Drift *DriftStatus `json:"drift,omitempty"`
	// health says how those of the applied objects fare that can fail to work: workloads, Jobs, PersistentVolumeClaims, load
	// balancers, API definitions and custom resources. Left out where there are none.
	// +optional
	Health *HealthStatus `json:"health,omitempty"`
	// lastSync sums up the newest sync that was asked for or that changed something.
	// +optional
	LastSync *SyncSummary `json:"lastSync,omitempty"`
	// lastError is why the newest sync failed. Empty after one that succeeded.
	// +optional
	LastError *SyncError `json:"lastError,omitempty"`
	// webhook is the newest delivery of a webhook for this GitRepository. The API server writes it.
	// +optional
	Webhook *WebhookStatus `json:"webhook,omitempty"`
	// pendingPrune is a prune that waits for its confirmation.
	// +optional
	PendingPrune *PendingPrune `json:"pendingPrune,omitempty"`
	// pruneConfirmed is the commit whose prune somebody confirmed.
	// +optional
	PruneConfirmed string `json:"pruneConfirmed,omitempty"`
}

// Revision is a commit and how it was named.
type Revision struct {
	// name is the ref as a user would call it: "main", "v1.4.2", "refs/pull/420/head"; of a range of versions, the tag. Empty for a bare
	// commit.
	// +optional
	Name string `json:"name,omitempty"`
	// commit is the full hash.
	Commit string `json:"commit"`
	// message is the first line of the commit message.
	// +optional
	Message string `json:"message,omitempty"`
	// author of the commit, as "Name <address>".
	// +optional
	Author string `json:"author,omitempty"`
	// time at which the commit was made.
	// +optional
	Time *metav1.Time `json:"time,omitempty"`
	// verifiedBy is the key whose signature was verified, as "OpenPGP 0x…" or "SSH SHA256:…", with the owner's name where the keys tell
	// it. Empty where spec.verify was not set.
	// +optional
	VerifiedBy string `json:"verifiedBy,omitempty"`
}

// ResourceCounts counts the objects of a GitRepository.
type ResourceCounts struct {
	// desired is how many objects Git holds.
	Desired int32 `json:"desired"`
	// applied is how many of them are live as Git has them.
	Applied int32 `json:"applied"`
}

// SyncSummary is the short record of a sync.
type SyncSummary struct {
	// name of the Sync that holds the details, while it is kept. Empty when none was stored.
	// +optional
	Name string `json:"name,omitempty"`
	// trigger that led to it.
	Trigger SyncTrigger `json:"trigger"`
	// startTime is when the sync began.
	StartTime metav1.Time `json:"startTime"`
	// completionTime is when it ended.
	CompletionTime metav1.Time `json:"completionTime"`
	// counts per action.
	Counts SyncCounts `json:"counts"`
}

// WebhookResult is what became of a delivery.
// +enum
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
	// time at which it came in.
	Time metav1.Time `json:"time"`
	// provider that sent it, such as "github".
	// +optional
	Provider string `json:"provider,omitempty"`
	// delivery is the provider's id of it, by which its own list of deliveries shows it.
	// +optional
	Delivery string `json:"delivery,omitempty"`
	// result: Accepted, Pinged, Ignored or Refused.
	Result WebhookResult `json:"result"`
	// message says which Sync it led to, or why it led to none and what to do.
	// +optional
	Message string `json:"message,omitempty"`
}

// PendingPrune is a prune that waits. To allow it, POST a Sync whose spec.confirmPrune is the commit.
type PendingPrune struct {
	// commit by which the prune is confirmed.
	Commit string `json:"commit"`
	// reason why it waits.
	Reason string `json:"reason"`
	// count of the objects that would be deleted.
	Count int32 `json:"count"`
	// objects are the first of them, as "Kind namespace/name".
	// +optional
	// +listType=atomic
	Objects []string `json:"objects,omitempty"`
}

// DriftStatus says what is not as Git has it, and what was done about it.
type DriftStatus struct {
	// drifted is how many objects are not as Git has them and were not put back: by policy, because somebody else writes them
	// again and again, or because it failed.
	Drifted int32 `json:"drifted"`
	// paused is how many objects are held by a pause.
	Paused int32 `json:"paused"`
	// extra is how many objects hold fields that somebody added by hand.
	Extra int32 `json:"extra"`
	// repaired counts what was put back since the GitRepository was made or the store was lost.
	Repaired int64 `json:"repaired"`
	// objects are some of those, the newest first: at most 20.
	// +optional
	// +listType=atomic
	Objects []DriftedObject `json:"objects,omitempty"`
	// unwatched are the kinds that cannot be watched, each with the reason. Drift in them is found every reconcileInterval.
	// +optional
	// +listType=atomic
	Unwatched []string `json:"unwatched,omitempty"`
}

// DriftState is what became of an object that was not as Git has it.
// +enum
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
	// state it is in.
	State DriftState `json:"state"`
	// group of the object's kind; empty for the core group.
	// +optional
	Group string `json:"group,omitempty"`
	// kind of the object.
	Kind string `json:"kind"`
	// namespace of the object; empty when cluster-scoped.
	// +optional
	Namespace string `json:"namespace,omitempty"`
	// name of the object.
	Name string `json:"name"`
	// file that holds its manifest.
	// +optional
	File string `json:"file,omitempty"`
	// fields that differ, at most 10. Values are never shown.
	// +optional
	// +listType=atomic
	Fields []string `json:"fields,omitempty"`
	// manager is the field manager that wrote them, as the API server recorded it.
	// +optional
	Manager string `json:"manager,omitempty"`
	// time at which that was seen.
	Time metav1.Time `json:"time"`
	// message says why it is in that state, where that is not plain.
	// +optional
	Message string `json:"message,omitempty"`
}

// HealthStatus counts the objects that have a health of their own, by their state.
type HealthStatus struct {
	// healthy is how many of them work.
	Healthy int32 `json:"healthy"`
	// progressing is how many are not there yet: they roll out, start, or are missing.
	Progressing int32 `json:"progressing"`
	// unhealthy is how many failed, by what their own controllers say of them.
	Unhealthy int32 `json:"unhealthy"`
	// unknown is how many could not be read.
	// +optional
	Unknown int32 `json:"unknown,omitempty"`
	// objects are those that are not healthy, the worst first: at most 20.
	// +optional
	// +listType=atomic
	Objects []ObjectHealth `json:"objects,omitempty"`
}

// HealthState is how an object fares.
// +enum
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
	// state: Healthy, Progressing, Unhealthy or Unknown.
	State HealthState `json:"state"`
	// group of the object's kind; empty for the core group.
	// +optional
	Group string `json:"group,omitempty"`
	// kind of the object.
	Kind string `json:"kind"`
	// namespace of the object; empty when cluster-scoped.
	// +optional
	Namespace string `json:"namespace,omitempty"`
	// name of the object.
	Name string `json:"name"`
	// file that holds its manifest.
	// +optional
	File string `json:"file,omitempty"`
	// message says why, in the words of its controller where there are any.
	// +optional
	Message string `json:"message,omitempty"`
}
