package events

import (
	"fmt"
	"time"

	"nopea.io/nopea/pkg/wording"
)

// Drift is what was found and done at one look at the live objects of a GitRepository.
type Drift struct {
	Deployment
	// At is when.
	At time.Time
	// Detected are the objects that were found not to be as Git has them, Corrected those that were put back, Failed those that could
	// not be. An event names the first ones.
	Detected, Corrected, Failed []Object
	// Failing is how many objects of the GitRepository cannot be put back at the moment, whenever that was found.
	Failing int
}

// Drifted tells drift. What cannot be put back is told once, until nothing is left of it.
func (h History) Drifted(d Drift) ([]*Event, History) {
	var events []*Event
	if len(d.Detected) > 0 {
		events = append(events, newEvent(DriftDetected, d.Deployment, d.At, d.service(), d.details().withObjects(d.Detected)))
	}
	if len(d.Corrected) > 0 {
		events = append(events, newEvent(DriftCorrected, d.Deployment, d.At, d.service(), d.details().withObjects(d.Corrected)))
	}
	switch {
	case d.Failing > 0 && !h.Drift.open():
		h.Drift = beginIncident(d.At)
		h.Drift.Commit = d.Commit
		events = append(events, d.failed(h.Drift)...)
	case d.Failing == 0 && h.Drift.open():
		subject := d.incident(driftIncident, h.Drift.Since, fmt.Sprintf("All objects of %s are as Git has them", d.serviceID()))
		events = append(events, newEvent(IncidentResolved, d.Deployment, d.At, subject, d.details()))
		h.Drift = Incident{}
	}
	return events, h
}

// failed tells that objects cannot be put back.
func (d *Drift) failed(incident Incident) []*Event {
	message := fmt.Sprintf("%d objects of %s are not as Git has them and cannot be put back", d.Failing, d.serviceID())
	if len(d.Failed) > 0 {
		first := d.Failed[0]
		message += fmt.Sprintf(", one of them %s %s: %s", first.Kind, first.name(), first.Message)
	}
	message = wording.Shorten(message, maxMessage)
	details := d.details().withObjects(d.Failed)
	details.Message = message
	deployment := d.service()
	deployment.Content.Errors = message
	return []*Event{
		newEvent(DeploymentFailed, d.Deployment, d.At, deployment, details),
		newEvent(IncidentDetected, d.Deployment, d.At, d.incident(driftIncident, incident.Since, message), details),
	}
}

func (o *Object) name() string {
	if o.Namespace == "" {
		return o.Name
	}
	return o.Namespace + "/" + o.Name
}
