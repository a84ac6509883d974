package events

import (
	"slices"
	"time"
)

// maxCommits is how many applied commits are remembered, to tell a rollback by.
const maxCommits = 50

// Kinds of incidents, part of their ids.
const (
	syncIncident  = "sync"
	driftIncident = "drift"
)

// History is what of a GitRepository's past decides which events come next. Its methods return the events and the history after
// them, and change nothing; but for the random ids of the events, the same arguments give the same results. The zero History is that
// of a GitRepository to which nothing happened yet.
//
// After a restart the caller makes it again from what is stored, so that what was told is not told again.
type History struct {
	// Commits that were live, the oldest first, the one that is live now last.
	Commits []string
	// Resumed is set where the history was made again after a restart: the last process may have applied a commit and ended before it
	// said so. So the next success is told if it is of another commit, though it has nothing left to write.
	Resumed bool
	// Sync and Drift are the incidents that go on.
	Sync, Drift Incident
}

// Incident is an episode of trouble, from the first failure to the first success. The zero Incident is none.
type Incident struct {
	// Since is when it began, to the second. Together with the GitRepository's name it is the incident's id: for an incident to
	// be resolved under the id with which it was detected, it must survive a restart.
	Since time.Time
	// Commit and Reason are those of the newest failure that was told.
	Commit, Reason string
}

func (i Incident) open() bool { return !i.Since.IsZero() }

func beginIncident(at time.Time) Incident {
	return Incident{Since: at.UTC().Truncate(time.Second)}
}

// live is the commit that is live, if any.
func (h *History) live() string {
	if len(h.Commits) == 0 {
		return ""
	}
	return h.Commits[len(h.Commits)-1]
}

// advance makes a commit the live one. Those that came after its earlier time are forgotten: going forward to them again is no
// rollback.
func (h *History) advance(commit string) {
	if at := slices.Index(h.Commits, commit); at >= 0 {
		h.Commits = slices.Clone(h.Commits[:at+1])
		return
	}
	h.Commits = append(slices.Clone(h.Commits[max(0, len(h.Commits)-maxCommits+1):]), commit)
}

// Removed tells that a GitRepository is gone, together with what it had applied. It ends the history, and with it all incidents.
func (h History) Removed(d Deployment, at time.Time) ([]*Event, History) {
	if d.Commit == "" {
		d.Commit = h.live()
	}
	var events []*Event
	if h.live() != "" {
		service := d.service()
		service.Content.ArtifactID = ""
		events = append(events, newEvent(ServiceRemoved, d, at, service, d.details()))
	}
	for _, trouble := range []struct {
		kind string
		Incident
	}{{syncIncident, h.Sync}, {driftIncident, h.Drift}} {
		if trouble.open() {
			subject := d.incident(trouble.kind, trouble.Since, d.serviceID()+" was removed")
			events = append(events, newEvent(IncidentResolved, d, at, subject, d.details()))
		}
	}
	return events, History{}
}
