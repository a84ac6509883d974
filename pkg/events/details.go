package events

import (
	"nopea.io/nopea/pkg/wording"
)

const (
	// maxObjects is how many objects an event names.
	maxObjects = 20
	// maxMessage is how many bytes of a message an event holds.
	maxMessage = 1024
)

// Details are the custom data of an event: what a reader wants to know and no schema has a place for.
type Details struct {
	// Repository is the URL without user, password, query and fragment.
	Repository       string `json:"repository,omitempty"`
	Path             string `json:"path,omitempty"`
	Ref              string `json:"ref,omitempty"`
	Revision         string `json:"revision,omitempty"`
	PreviousRevision string `json:"previousRevision,omitempty"`
	// Sync is the name of the Sync that holds more, if one is stored.
	Sync            string  `json:"sync,omitempty"`
	Trigger         string  `json:"trigger,omitempty"`
	DurationSeconds float64 `json:"durationSeconds,omitempty"`
	Counts          *Counts `json:"counts,omitempty"`
	// Reason is a word for programs, Message a sentence for people.
	Reason  string `json:"reason,omitempty"`
	Message string `json:"message,omitempty"`
	// Objects are the first of those that drifted or failed, ObjectCount how many there are.
	Objects     []Object `json:"objects,omitempty"`
	ObjectCount int      `json:"objectCount,omitempty"`
}

// Counts are objects by what was done to them.
type Counts struct {
	Created    int32 `json:"created"`
	Configured int32 `json:"configured"`
	Adopted    int32 `json:"adopted"`
	Unchanged  int32 `json:"unchanged"`
	Pruned     int32 `json:"pruned"`
	Released   int32 `json:"released"`
	Refused    int32 `json:"refused"`
	Paused     int32 `json:"paused"`
	Failed     int32 `json:"failed"`
}

// written is how many objects of the cluster were changed.
func (c *Counts) written() int32 {
	return c.Created + c.Configured + c.Adopted + c.Pruned
}

// Object is one object that drifted or failed. Its Message must not show values of the object.
type Object struct {
	Group     string `json:"group,omitempty"`
	Kind      string `json:"kind"`
	Namespace string `json:"namespace,omitempty"`
	Name      string `json:"name"`
	File      string `json:"file,omitempty"`
	Message   string `json:"message,omitempty"`
}

// withObjects adds the first of the objects.
func (d Details) withObjects(objects []Object) Details {
	d.ObjectCount = len(objects)
	for _, object := range objects[:min(len(objects), maxObjects)] {
		object.Message = wording.Shorten(object.Message, maxMessage)
		d.Objects = append(d.Objects, object)
	}
	return d
}
