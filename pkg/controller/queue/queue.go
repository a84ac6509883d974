// Package queue is the controller's work queue: keys in two lanes, so that what a person or a webhook asked for never waits behind
// polls, repairs or a start-up storm. It knows nothing of what the keys stand for.
package queue

import (
	"container/heap"
	"context"
	"sync"
	"time"

	"k8s.io/utils/clock"
)

// Lane says how soon a key is wanted.
type Lane int

const (
	// Normal is for what the controller does by itself.
	Normal Lane = iota
	// Urgent is for what somebody waits for.
	Urgent
)

// Queue hands out keys, each to one worker at a time. A key that is added while it is waiting is not queued twice, but moves to the
// more urgent lane; one that is added while a worker has it is queued again when the worker is done. Safe for concurrent use.
type Queue[K comparable] struct {
	clock clock.WithTicker

	mu      sync.Mutex
	changed *sync.Cond
	closed  bool
	lanes   [2][]K     // first in, first out; may hold keys that have moved on
	waiting map[K]Lane // keys in a lane
	working map[K]bool // keys that a worker has
	again   map[K]Lane // keys that were added while a worker had them
	due     map[K]time.Time
	alarms  alarms[K]
	wake    chan struct{}
}

// New returns an empty queue. It hands out nothing that was scheduled with AddAt until Run runs.
func New[K comparable](clock clock.WithTicker) *Queue[K] {
	q := &Queue[K]{
		clock:   clock,
		waiting: make(map[K]Lane),
		working: make(map[K]bool),
		again:   make(map[K]Lane),
		due:     make(map[K]time.Time),
		wake:    make(chan struct{}, 1),
	}
	q.changed = sync.NewCond(&q.mu)
	return q
}

// Add queues a key.
func (q *Queue[K]) Add(key K, lane Lane) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.add(key, lane)
}

// AddAt queues a key in the normal lane at a time. It replaces the time that was set before.
func (q *Queue[K]) AddAt(key K, at time.Time) {
	q.mu.Lock()
	q.due[key] = at
	heap.Push(&q.alarms, alarm[K]{key, at})
	q.mu.Unlock()
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// Forget drops the time that was set for a key.
func (q *Queue[K]) Forget(key K) {
	q.mu.Lock()
	defer q.mu.Unlock()
	delete(q.due, key)
}

// Get waits for a key: the urgent ones first, and nothing else if urgentOnly. It returns false when the queue is closed. The caller
// gives the key back with Done.
func (q *Queue[K]) Get(urgentOnly bool) (K, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for {
		if q.closed {
			var none K
			return none, false
		}
		if key, ok := q.pop(Urgent); ok {
			return key, true
		}
		if !urgentOnly {
			if key, ok := q.pop(Normal); ok {
				return key, true
			}
		}
		q.changed.Wait()
	}
}

// Work does what there is to do for each key until the queue is closed: see Get.
func (q *Queue[K]) Work(urgentOnly bool, do func(K)) {
	for q.workOne(urgentOnly, do) {
		continue
	}
}

// workOne returns false when the queue is closed.
func (q *Queue[K]) workOne(urgentOnly bool, do func(K)) bool {
	key, ok := q.Get(urgentOnly)
	if ok {
		do(key)
		q.Done(key)
	}
	return ok
}

// Done gives a key back.
func (q *Queue[K]) Done(key K) {
	q.mu.Lock()
	defer q.mu.Unlock()
	delete(q.working, key)
	if lane, ok := q.again[key]; ok {
		delete(q.again, key)
		q.add(key, lane)
	}
}

// Len is how many keys wait in a lane.
func (q *Queue[K]) Len(lane Lane) int {
	q.mu.Lock()
	defer q.mu.Unlock()
	count := 0
	for _, l := range q.waiting {
		if l == lane {
			count++
		}
	}
	return count
}

// Idle tells whether no key waits and no worker has one. What is scheduled does not count.
func (q *Queue[K]) Idle() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.waiting) == 0 && len(q.working) == 0
}

// Run queues scheduled keys when their time comes, and closes the queue when the context ends.
func (q *Queue[K]) Run(ctx context.Context) {
	defer q.close()
	for {
		timer := q.clock.NewTimer(q.release())
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-q.wake:
		case <-timer.C():
		}
		timer.Stop()
	}
}

// release queues what is due and returns how long until the next.
func (q *Queue[K]) release() time.Duration {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.alarms) > 0 {
		next := q.alarms[0]
		if at, ok := q.due[next.key]; !ok || !at.Equal(next.at) {
			heap.Pop(&q.alarms) // replaced or forgotten
			continue
		}
		if left := next.at.Sub(q.clock.Now()); left > 0 {
			return left
		}
		heap.Pop(&q.alarms)
		delete(q.due, next.key)
		q.add(next.key, Normal)
	}
	return time.Hour
}

func (q *Queue[K]) add(key K, lane Lane) {
	if q.working[key] {
		q.again[key] = max(q.again[key], lane)
		return
	}
	if current, ok := q.waiting[key]; ok && current >= lane {
		return
	}
	q.waiting[key] = lane
	q.lanes[lane] = append(q.lanes[lane], key)
	// Not every waiting worker takes every lane, so all are told.
	q.changed.Broadcast()
}

func (q *Queue[K]) pop(lane Lane) (K, bool) {
	for len(q.lanes[lane]) > 0 {
		key := q.lanes[lane][0]
		q.lanes[lane] = q.lanes[lane][1:]
		if current, ok := q.waiting[key]; ok && current == lane {
			delete(q.waiting, key)
			q.working[key] = true
			return key, true
		}
	}
	q.lanes[lane] = nil
	var none K
	return none, false
}

func (q *Queue[K]) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.changed.Broadcast()
}

type alarm[K comparable] struct {
	key K
	at  time.Time
}

// alarms is a heap, the earliest first.
type alarms[K comparable] []alarm[K]

func (a alarms[K]) Len() int           { return len(a) }
func (a alarms[K]) Less(i, j int) bool { return a[i].at.Before(a[j].at) }
func (a alarms[K]) Swap(i, j int)      { a[i], a[j] = a[j], a[i] }
func (a *alarms[K]) Push(x any)        { *a = append(*a, x.(alarm[K])) }
func (a *alarms[K]) Pop() any {
	last := (*a)[len(*a)-1]
	*a = (*a)[:len(*a)-1]
	return last
}
