package drift

import (
	"sync"
	"time"
)

const (
	// freeLooks and lookEvery bound how many objects are compared by dry run because their ownership moved and their spec did not:
	// a changed schema does that to all objects of a kind at once.
	freeLooks = 200
	lookEvery = 10 * time.Millisecond
)

// pace spreads work over time, once a first part of it was done at once.
type pace struct {
	mu   sync.Mutex
	next time.Time
}

// turn is when the caller's turn is: now, or at a time that is kept for it.
func (p *pace) turn(now time.Time) time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	if earliest := now.Add(-freeLooks * lookEvery); p.next.Before(earliest) {
		p.next = earliest
	}
	p.next = p.next.Add(lookEvery)
	return later(p.next, now)
}
