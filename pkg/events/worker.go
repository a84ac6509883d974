package events

import (
	"context"
	"math/rand/v2"
	"net/http"
	"net/url"
	"time"

	"k8s.io/klog/v2"
)

const (
	firstRetry = time.Second
	lastRetry  = time.Minute
	// maxRetryAfter is how long a sink may ask to be left alone.
	maxRetryAfter = 5 * time.Minute
)

// queued is an event that waits, and when it is given up.
type queued struct {
	event   *Event
	expires time.Time
}

// worker delivers to one sink, one event after the other.
type worker struct {
	dispatcher *Dispatcher
	sink       Sink
	address    *url.URL
	client     *http.Client
	events     chan queued
	// failures in a row, of whatever events: a sink that is down is asked ever more slowly.
	failures int
	// troubled since an event was not accepted; only the turn is logged, as a sink may cause any number of failures.
	troubled bool
}

// run ends when there was nothing to do for a while, or when ctx ended and nothing is queued any more. requests ends those under way.
func (w *worker) run(ctx, requests context.Context) {
	for {
		next, ok := w.next(ctx)
		if !ok {
			return
		}
		result := w.deliver(ctx, requests, next)
		eventsTotal.WithLabelValues(result).Inc()
	}
}

// next waits for an event. After ctx ended it hands out what is left.
func (w *worker) next(ctx context.Context) (queued, bool) {
	for {
		idle := w.dispatcher.options.Clock.NewTimer(idleAfter)
		select {
		case next := <-w.events:
			idle.Stop()
			w.taken()
			return next, true
		case <-idle.C():
		case <-ctx.Done():
			idle.Stop()
		}
		if w.dispatcher.retire(w) {
			return queued{}, false
		}
	}
}

func (w *worker) taken() {
	w.dispatcher.mu.Lock()
	defer w.dispatcher.mu.Unlock()
	w.dispatcher.counted(w.sink, -1)
}

// deliver tries until the event is accepted, rejected or given up, and returns the result. Once ctx has ended there is one more try.
func (w *worker) deliver(ctx, requests context.Context, next queued) string {
	clock := w.dispatcher.options.Clock
	for clock.Now().Before(next.expires) {
		last := ctx.Err() != nil
		got := post(requests, w.client, w.address, next.event, clock.Now)
		w.log(ctx, got)
		switch got.verdict {
		case accepted:
			w.failures = 0
			return resultDelivered
		case rejected:
			w.failures = 0
			return resultRejected
		}
		w.failures++
		wait := max(backoff(w.failures), min(got.wait, maxRetryAfter))
		if last || !clock.Now().Add(wait).Before(next.expires) {
			break
		}
		w.wait(ctx, wait)
	}
	return resultExpired
}

// wait until it is time for the next try, or for the last one.
func (w *worker) wait(ctx context.Context, wait time.Duration) {
	timer := w.dispatcher.options.Clock.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C():
	case <-ctx.Done():
	}
}

// backoff after so many failures in a row: twice as long each time, up to a minute, shortened at random by up to half.
func backoff(failures int) time.Duration {
	full := min(lastRetry, firstRetry<<min(failures-1, 10))
	return full - rand.N(full/2)
}

// log that a sink stopped accepting events, or began to again.
func (w *worker) log(ctx context.Context, got answer) {
	troubled := got.verdict != accepted
	if w.troubled == troubled {
		return
	}
	w.troubled = troubled
	logger := klog.FromContext(ctx).WithValues("sink", origin(w.address), "trusted", w.sink.Trusted)
	if troubled {
		logger.Info("A sink does not accept events", "reason", got.reason)
	} else {
		logger.Info("The sink accepts events again")
	}
}
