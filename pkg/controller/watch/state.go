package watch

import (
	"context"
	"fmt"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/klog/v2"
	"k8s.io/utils/clock"
)

// The states of a watch, as the metric names them.
const (
	starting = "starting"
	synced   = "synced"
	blind    = "blind"
)

// saidAfter is for how long a kind has to be blind until the log says so: a restart of the API server is over sooner.
const saidAfter = 5 * time.Second

// answerWithin is how long the API server may take to begin its answer. It lets a request wait, and asks the client to come again, while
// it can not convert the objects of a kind.
const answerWithin = 5 * time.Second

// state is how the watch of a kind fares.
type state struct {
	clock clock.PassiveClock
	// changed is called after each change of the name, without the lock.
	changed func()

	mu     sync.Mutex
	name   string
	listed bool  // all objects were seen once
	err    error // why it is blind
	since  time.Time
	said   bool
	asked  time.Time // when the request that waits for its answer was sent; zero when none does
}

// asks notes that a request was sent; the answer to it is noted by what is returned.
func (s *state) asks() (answered func()) {
	note := func(at time.Time) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.asked = at
	}
	note(s.clock.Now())
	return func() { note(time.Time{}) }
}

// failed notes why nothing is seen, unless what failed is part of the ordinary course.
func (s *state) failed(ctx context.Context, err error) {
	if ctx.Err() != nil || apierrors.IsResourceExpired(err) || apierrors.IsGone(err) {
		return
	}
	s.mu.Lock()
	if s.err == nil {
		s.since = s.clock.Now()
	}
	s.err = err
	if !s.said && s.clock.Since(s.since) >= saidAfter {
		s.said = true
		klog.FromContext(ctx).Info("Cannot watch a kind: changes of its objects are not seen for now", "reason", err)
	}
	s.become(blind)
}

// sees notes that changes are seen, from now on where whole is false: then that counts only if all objects were seen once.
func (s *state) sees(ctx context.Context, whole bool) {
	s.mu.Lock()
	s.listed = s.listed || whole
	if s.said {
		klog.FromContext(ctx).Info("A kind is watched again")
	}
	s.err, s.said = nil, false
	if s.listed {
		s.become(synced)
	} else {
		s.become(starting)
	}
}

// become changes the name and gives the lock back.
func (s *state) become(name string) {
	changed := s.name != name
	if changed {
		watches.WithLabelValues(s.name).Dec()
		watches.WithLabelValues(name).Inc()
		s.name = name
	}
	s.mu.Unlock()
	if changed {
		s.changed()
	}
}

func (s *state) isSynced() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.name == synced && !s.isOverdue()
}

func (s *state) blindness() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == nil && s.isOverdue() {
		return fmt.Errorf("the API server has not answered for %s", s.clock.Since(s.asked).Round(time.Second))
	}
	return s.err
}

// isOverdue tells whether an answer takes too long. The lock is held.
func (s *state) isOverdue() bool {
	return !s.asked.IsZero() && s.clock.Since(s.asked) > answerWithin
}
