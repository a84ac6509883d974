package apply

import (
	"fmt"
	"time"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
)

// Pause holds an object as it is, for a while.
type Pause struct {
	// Until is when it ends; the zero time when there is no pause that counts.
	Until time.Time
	// Fault says why a pause that somebody wrote does not count.
	Fault string
}

// Holds tells whether the pause is in force.
func (p Pause) Holds(now time.Time) bool {
	return now.Before(p.Until)
}

// ReadPause reads the annotation nopea.io/pause-until. A time further away than the longest pause does not count, nor does what is
// no time.
func ReadPause(text string, now time.Time, longest time.Duration) Pause {
	if text == "" {
		return Pause{}
	}
	until, err := time.Parse(time.RFC3339, text)
	switch {
	case err != nil:
		return Pause{Fault: fmt.Sprintf("the annotation %s is not honoured: it must be a time such as %s", v1alpha1.AnnotationPauseUntil,
			now.Add(time.Hour).UTC().Format(time.RFC3339))}
	case until.Sub(now) > longest:
		return Pause{Fault: fmt.Sprintf("the annotation %s is not honoured: it is more than %s away, which is the longest pause allowed here",
			v1alpha1.AnnotationPauseUntil, longest)}
	}
	return Pause{Until: until}
}

// Later is the pause that ends last.
func (p Pause) Later(other Pause) Pause {
	if other.Until.After(p.Until) {
		return other
	}
	return p
}
