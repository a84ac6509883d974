package queue

import (
	"context"
	"sync"
	"time"

	"k8s.io/utils/clock"
)

const (
	// wayFor is for how long at most one piece of work is given way: it may wait for Git, or for anything, much longer.
	wayFor = 300 * time.Millisecond
	// wayLook is how often it is looked whether the way is free again.
	wayLook = 10 * time.Millisecond
	// steadyRest is for how long at most a steady worker gives way.
	steadyRest = 150 * time.Millisecond
)

// Way is given to work that somebody waits for, while much else waits to be done: all of it needs the same processors and the same API
// server. Its zero value is free; nil is always free, and cannot be taken.
type Way struct {
	mu    sync.Mutex
	taken map[*time.Time]bool
}

// Take asks for the way from now on, until release is called or it was given for long enough.
func (w *Way) Take(now time.Time) (release func()) {
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
func (w *Way) isTaken(now time.Time) bool {
	if w == nil {
		return false
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for since := range w.taken {
		if now.Sub(*since) < wayFor {
			return true
		}
	}
	return false
}

// WorkBehind is Work for a worker that gives way before it takes a key, if the queue is busy. A steady worker gives way half of the time at
// most.
func (q *Queue[K]) WorkBehind(ctx context.Context, to *Way, steady bool, busy func() bool, do func(K)) {
	for r := (respite{steady: steady}); ; {
		r.giveWay(ctx, q.clock, to, busy)
		if !q.workOne(false, do) {
			return
		}
	}
}

// respite is what one worker has of giving way. A steady one rests for a moment at most, and then works for as long as it has rested:
// otherwise work for which somebody waits, one piece after the other, would hold all else up for good.
type respite struct {
	steady bool
	// next is when a steady one may rest again.
	next time.Time
}

// giveWay returns once the way is free, or the worker has rested for long enough, or there is not much to do for it anyway.
func (r *respite) giveWay(ctx context.Context, clock clock.Clock, to *Way, busy func() bool) {
	began := clock.Now()
	now := began
	for to.isTaken(now) && busy() && r.allows(began, now) && Pause(ctx, clock, wayLook) {
		now = clock.Now()
	}
	r.ended(began, now)
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

// Pause waits for a while. It returns false if the context ended meanwhile.
func Pause(ctx context.Context, clock clock.Clock, d time.Duration) bool {
	timer := clock.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C():
		return true
	}
}
