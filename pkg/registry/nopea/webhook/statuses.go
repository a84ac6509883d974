package webhook

import (
	"context"
	"sync"
	"time"

	"golang.org/x/time/rate"
	"k8s.io/apimachinery/pkg/types"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	"k8s.io/utils/clock"

	"nopea.io/nopea/pkg/apis/nopea"
)

const (
	// statusEvery is the time between two writes of one GitRepository's status.webhook.
	statusEvery = 5 * time.Second
	// refusedEvery is the time between two that say that a delivery was refused.
	refusedEvery = time.Minute
	// refusedPerSecond bounds those of all GitRepositories together, since anybody can have deliveries refused.
	refusedPerSecond, refusedBurst = 5, 50
	// writesPerSecond bounds all writes.
	writesPerSecond, writesBurst = 100, 100
	// flushWithin is how long the newest news may be written yet when the server stops.
	flushWithin = 2 * time.Second
)

// news is what a delivery came to.
type news struct {
	name   types.NamespacedName
	uid    types.UID
	status nopea.WebhookStatus
}

// schedule decides when which news is written: of the many of a GitRepository the newest, every few seconds. It has no clock and no lock.
type schedule struct {
	known   map[types.NamespacedName]*known
	refused *rate.Limiter
}

// known is what the schedule holds of a GitRepository.
type known struct {
	pending          *news
	written, refused time.Time
}

func newSchedule() *schedule {
	return &schedule{known: make(map[types.NamespacedName]*known), refused: rate.NewLimiter(refusedPerSecond, refusedBurst)}
}

// add takes in news, and tells whether there is one more to be written. A refusal is told rarely, and never hides what became of a delivery
// that was rightly signed.
func (s *schedule) add(n news, now time.Time) bool {
	k := s.known[n.name]
	if n.status.Result == nopea.WebhookResultRefused {
		if k != nil && (k.pending != nil || now.Sub(k.refused) < refusedEvery) || !s.refused.AllowN(now, 1) {
			return false
		}
	}
	if k == nil {
		k = &known{}
		s.known[n.name] = k
	}
	if n.status.Result == nopea.WebhookResultRefused {
		k.refused = now
	}
	more := k.pending == nil
	k.pending = &n
	return more
}

// due takes out the news that is to be written now, and says when the next will be; zero when there is none.
func (s *schedule) due(now time.Time) (due []news, next time.Time) {
	for name, k := range s.known {
		at := k.written.Add(statusEvery)
		switch {
		case k.pending != nil && !now.Before(at):
			due = append(due, *k.pending)
			k.pending, k.written = nil, now
		case k.pending != nil:
			if next.IsZero() || at.Before(next) {
				next = at
			}
		case now.Sub(k.refused) >= refusedEvery && !now.Before(at):
			delete(s.known, name)
		}
	}
	return due, next
}

// rest takes out all news that is not written yet.
func (s *schedule) rest() []news {
	var all []news
	for _, k := range s.known {
		if k.pending != nil {
			all = append(all, *k.pending)
			k.pending = nil
		}
	}
	return all
}

// StatusWriter writes status.webhook.
type StatusWriter interface {
	Write(ctx context.Context, name types.NamespacedName, uid types.UID, status nopea.WebhookStatus) error
}

// statuses has news written by one goroutine, so that no delivery waits for it.
type statuses struct {
	writer StatusWriter
	clock  clock.WithTicker
	pace   *rate.Limiter
	added  chan struct{}

	mu       sync.Mutex
	schedule *schedule
}

func newStatuses(writer StatusWriter, clock clock.WithTicker) *statuses {
	return &statuses{writer: writer, clock: clock, pace: rate.NewLimiter(writesPerSecond, writesBurst), added: make(chan struct{}, 1), schedule: newSchedule()}
}

// add never blocks.
func (s *statuses) add(n news) {
	s.mu.Lock()
	more := s.schedule.add(n, s.clock.Now())
	s.mu.Unlock()
	if !more {
		return
	}
	select {
	case s.added <- struct{}{}:
	default:
	}
}

// run writes until the context ends, and then what is left.
func (s *statuses) run(ctx context.Context) {
	var left []news
	for ctx.Err() == nil {
		s.mu.Lock()
		due, next := s.schedule.due(s.clock.Now())
		s.mu.Unlock()
		if left = s.writeAll(ctx, due); len(left) == 0 {
			s.wait(ctx, next)
		}
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), flushWithin)
	defer cancel()
	s.mu.Lock()
	left = append(left, s.schedule.rest()...)
	s.mu.Unlock()
	s.writeAll(last, left)
}

// writeAll returns what was not written because the context ended.
func (s *statuses) writeAll(ctx context.Context, all []news) (left []news) {
	for i, n := range all {
		if s.pace.Wait(ctx) != nil {
			return all[i:]
		}
		if err := s.writer.Write(ctx, n.name, n.uid, n.status); err != nil && ctx.Err() == nil {
			utilruntime.HandleErrorWithContext(ctx, err, "Could not tell what became of a delivery of a webhook", "gitrepository", n.name.String())
		}
	}
	return nil
}

// wait ends with the context, at a time, and when there is more news.
func (s *statuses) wait(ctx context.Context, until time.Time) {
	var elapsed <-chan time.Time
	if !until.IsZero() {
		timer := s.clock.NewTimer(until.Sub(s.clock.Now()))
		defer timer.Stop()
		elapsed = timer.C()
	}
	select {
	case <-ctx.Done():
	case <-elapsed:
	case <-s.added:
	}
}
