package events

import (
	"time"

	"github.com/google/uuid"
)

// specVersion is the CDEvents version whose schemas the events comply with.
const specVersion = "0.5.1"

// Event is a CDEvent, as its JSON has it. It does not change once it is made: however often it is sent, its id and time are the same.
type Event struct {
	Context               Context  `json:"context"`
	Subject               Subject  `json:"subject"`
	CustomData            *Details `json:"customData,omitempty"`
	CustomDataContentType string   `json:"customDataContentType,omitempty"`
}

// Context says which event it is.
type Context struct {
	SpecVersion string `json:"specversion"`
	// ID is a random UUID.
	ID string `json:"id"`
	// Source is /nopea/ and the cluster's name.
	Source string `json:"source"`
	Type   Type   `json:"type"`
	// Timestamp is when it happened, not when it was sent.
	Timestamp time.Time `json:"timestamp"`
	// ChainID is the same for all that happens to a commit of a repository.
	ChainID string `json:"chainId,omitempty"`
	Links   []Link `json:"links,omitempty"`
}

// Link names the event that led to this one.
type Link struct {
	LinkType string        `json:"linkType"`
	From     LinkReference `json:"from"`
	// Tags are always empty. The schema lets them be left out, but the official Go SDK then rejects the event.
	Tags struct{} `json:"tags"`
}

// LinkReference names an event by its id.
type LinkReference struct {
	ContextID string `json:"contextId"`
}

// Subject is what the event is about.
type Subject struct {
	ID      string  `json:"id"`
	Content Content `json:"content"`
}

// Content of a subject. Which of the fields a type may have is fixed by its schema; everything else goes into Details.
type Content struct {
	Environment *Reference `json:"environment,omitempty"`
	// ArtifactID is the package URL of the commit.
	ArtifactID string     `json:"artifactId,omitempty"`
	Service    *Reference `json:"service,omitempty"`
	// Description of an incident.
	Description string `json:"description,omitempty"`
	// Outcome of a sync: success or failure.
	Outcome string `json:"outcome,omitempty"`
	// Errors of a sync or a deployment that failed.
	Errors string `json:"errors,omitempty"`
}

// Reference names a subject of another event.
type Reference struct {
	ID string `json:"id"`
}

// newEvent makes an event about a subject. Its id is random, and all else follows from the arguments.
func newEvent(t Type, d Deployment, at time.Time, subject Subject, details Details) *Event {
	return &Event{
		Context: Context{
			SpecVersion: specVersion,
			ID:          uuid.NewString(),
			Source:      d.source(),
			Type:        t,
			Timestamp:   at.Round(0).UTC(),
			ChainID:     chainID(d.RepositoryURL, d.Commit),
		},
		Subject:               subject,
		CustomData:            &details,
		CustomDataContentType: "application/json",
	}
}
