package drift

import (
	"math"
	"time"
)

const (
	// freeRepairs is how many times in a row an object is put back at once: a person who edits it again and again is met each time.
	freeRepairs = 20
	// freeRepairEvery is how long it takes until one of those may be used again.
	freeRepairEvery = 15 * time.Second
	// firstWait and longestWait bound the time between two repairs of an object that somebody else writes again and again.
	firstWait   = 2 * time.Second
	longestWait = 5 * time.Minute
)

// contest remembers how often an object was put back, to slow down a fight with somebody else who writes it. The zero value is at peace.
type contest struct {
	used float64 // free repairs, at the time of last
	last time.Time
	lost int // repairs beyond the free ones, in a row
}

// next is when the object may be put back; contested when it has to wait for that.
func (c *contest) next(now time.Time) (at time.Time, contested bool) {
	if c.spent(now) <= freeRepairs-1 {
		return now, false
	}
	wait := longestWait
	if c.lost < 10 {
		wait = min(firstWait<<c.lost, longestWait)
	}
	at = c.last.Add(wait)
	return at, now.Before(at)
}

// repaired notes that the object was put back.
func (c *contest) repaired(now time.Time) {
	spent := c.spent(now)
	switch {
	case spent > freeRepairs-1:
		c.lost++
	case spent < freeRepairs/2:
		c.lost = 0
	}
	c.used, c.last = min(spent+1, freeRepairs), now
}

// lasting tells whether the fight goes on: free repairs have run out and not come back since.
func (c *contest) lasting(now time.Time) bool {
	return c.lost > 0 && now.Sub(c.last) < 2*longestWait
}

func (c *contest) spent(now time.Time) float64 {
	if c.last.IsZero() {
		return 0
	}
	return math.Max(0, c.used-now.Sub(c.last).Seconds()/freeRepairEvery.Seconds())
}
