package drift

import (
	"context"
	"sync"
	"time"
)

const (
	// wayFor is for how long at most one sync is given way: it may wait for Git, or for anything, much longer.
	wayFor = 300 * time.Millisecond
	// wayLook is how often it is looked whether the way is free again.
	wayLook = 10 * time.Millisecond
	// steadyRest is for how long at most the steady worker gives way.
	steadyRest = 150 * time.Millisecond
)

// way is given to syncs that somebody waits for, while many objects wait to be put back: they all need the same API server.
type way struct {
	mu    sync.Mutex
	taken map[*time.Time]bool
}

// take asks for the way from now on, until release is called or it was given for long enough.
func (w *way) take(now time.Time) (release func()) {
	since := &now
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.taken == nil {
		w.taken = make(map[*time.Time]bool)
	}
	w.taken[since] = true
	return func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.taken, since)
	}
}

// isTaken tells whether somebody is to be given way.
func (w *way) isTaken(now time.Time) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	for since := range w.taken {
		if now.Sub(*since) < wayFor {
			return true
		}
	}
	return false
}

// respite is what one worker has of giving way. The steady one rests for a moment at most, and then works for as long as it has rested:
// otherwise syncs that follow one another would hold repair up for good.
type respite struct {
	steady bool
	// next is when the steady one may rest again.
	next time.Time
}

// allows tells whether a rest that began may still go on.
func (r *respite) allows(began, now time.Time) bool {
	return !r.steady || !began.Before(r.next) && now.Sub(began) < steadyRest
}

func (r *respite) ended(began, now time.Time) {
	if rested := now.Sub(began); rested >= wayLook {
		r.next = now.Add(rested)
	}
}

// TakeWay tells that a sync begins that somebody waits for. Until release is called, and for a moment only, the workers hold back if they
// have much to do, and one of them half of the time.
func (k *Keeper) TakeWay() (release func()) {
	return k.way.take(k.Clock.Now())
}

func (k *Keeper) giveWay(ctx context.Context, r *respite) {
	began := k.Clock.Now()
	now := began
	for k.way.isTaken(now) && k.busy() && r.allows(began, now) && k.pause(ctx, wayLook) {
		now = k.Clock.Now()
	}
	r.ended(began, now)
}
