package events

import (
	"fmt"
	"slices"
	"time"

	"nopea.io/nopea/pkg/wording"
)

// Sync is one run of the sync loop and what came of it.
type Sync struct {
	Deployment
	// Name of the stored Sync, if there is one.
	Name string
	// Trigger that led to it.
	Trigger string
	// Began and Ended are when. As runs of a GitRepository come one after the other, Began also tells this one from the others.
	Began, Ended time.Time
	Counts       Counts
	// Failure is why it did not bring the cluster to what Git has. Nil when it did.
	Failure *Failure
	// Failed are the objects that were not applied. An event names the first ones.
	Failed []Object
	// StartedID is the id of the event that told its start, if that was told.
	StartedID string
}

// Failure says why something failed.
type Failure struct {
	// Reason is a word for programs.
	Reason string
	// Message is a sentence for people, without secrets.
	Message string
}

// NewSyncStarted tells that a sync begins to write. Only what is known at that moment counts of it. A sync that finds nothing to
// write is not told, so the moment to call this is when there is a plan.
func NewSyncStarted(s Sync) *Event {
	details := s.details()
	details.Sync, details.Trigger = s.Name, s.Trigger
	return newEvent(SyncStarted, s.Deployment, s.Began, s.subject(), details)
}

// Synced tells what came of a sync: nothing, if it found everything as it was.
func (h History) Synced(s Sync) ([]*Event, History) {
	if s.Failure != nil {
		return h.syncFailed(s)
	}
	service := h.serviceEvent(&s)
	if service == "" && s.Counts.written() == 0 && !h.Sync.open() {
		h.advance(s.Commit)
		h.Resumed = false
		return nil, h
	}
	details := s.report(h.live())
	events := []*Event{s.finished(details)}
	if service != "" {
		events = append(events, newEvent(service, s.Deployment, s.Ended, s.service(), details))
	}
	if h.Sync.open() {
		subject := s.incident(syncIncident, h.Sync.Since, fmt.Sprintf("%s was synced", s.serviceID()))
		events = append(events, newEvent(IncidentResolved, s.Deployment, s.Ended, subject, details))
	}
	h.advance(s.Commit)
	h.Resumed, h.Sync = false, Incident{}
	return events, h
}

// serviceEvent is the event that a success is to the service; empty when it is none. A new commit that did not touch what this
// GitRepository holds, as most of a large repository do not, is none.
func (h *History) serviceEvent(s *Sync) Type {
	switch {
	case len(h.Commits) == 0:
		return ServiceDeployed
	case h.live() == s.Commit:
		return ""
	case s.Counts.written() == 0 && !h.Sync.open() && !h.Resumed:
		return ""
	case slices.Contains(h.Commits, s.Commit):
		return ServiceRolledback
	}
	return ServiceUpgraded
}

// syncFailed tells a failure that wrote something or that is not the one before once more: retries come every few minutes.
func (h History) syncFailed(s Sync) ([]*Event, History) {
	first := !h.Sync.open()
	if !first && s.Counts.written() == 0 && h.Sync.Commit == s.Commit && h.Sync.Reason == s.Failure.Reason {
		return nil, h
	}
	if first {
		h.Sync = beginIncident(s.Ended)
	}
	h.Sync.Commit, h.Sync.Reason = s.Commit, s.Failure.Reason
	details := s.report(h.live())
	events := []*Event{s.finished(details)}
	if first {
		subject := s.incident(syncIncident, h.Sync.Since, fmt.Sprintf("%s could not be synced: %s", s.serviceID(), s.Failure.Message))
		events = append(events, newEvent(IncidentDetected, s.Deployment, s.Ended, subject, details))
	}
	return events, h
}

// finished tells the end of the sync as such.
func (s *Sync) finished(details Details) *Event {
	subject := s.subject()
	subject.Content.Outcome = "success"
	if s.Failure != nil {
		subject.Content.Outcome, subject.Content.Errors = "failure", wording.Shorten(s.Failure.Message, maxMessage)
	}
	event := newEvent(SyncFinished, s.Deployment, s.Ended, subject, details)
	if s.StartedID != "" {
		event.Context.Links = []Link{{LinkType: "PATH", From: LinkReference{ContextID: s.StartedID}}}
	}
	return event
}

// subject is the run itself.
func (s *Sync) subject() Subject {
	return Subject{ID: s.serviceID() + "/" + s.Began.UTC().Format(time.RFC3339Nano), Content: s.content()}
}

// report is the details of a sync that ended.
func (s *Sync) report(before string) Details {
	details := s.details().withObjects(s.Failed)
	details.Sync, details.Trigger = s.Name, s.Trigger
	details.DurationSeconds = s.Ended.Sub(s.Began).Round(time.Millisecond).Seconds()
	details.Counts = &s.Counts
	if before != s.Commit {
		details.PreviousRevision = before
	}
	if s.Failure != nil {
		details.Reason, details.Message = s.Failure.Reason, wording.Shorten(s.Failure.Message, maxMessage)
	}
	return details
}
