package events

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	testingclock "k8s.io/utils/clock/testing"
)

func TestRetryKeepsIDAndTime(t *testing.T) {
	before := newTally(t)
	sink := newRecorder(t, func(n int, w http.ResponseWriter) {
		w.WriteHeader([]int{http.StatusInternalServerError, http.StatusTooManyRequests, http.StatusBadGateway, http.StatusOK}[n])
	})
	clock := testingclock.NewFakeClock(noon)
	d := NewDispatcher(Options{Clock: clock})
	run(t, d)
	d.Send(Sink{URL: sink.URL, Trusted: true}, deployed(t))
	for attempt := 1; attempt < 4; attempt++ {
		eventually(t, "an attempt failed and another waits", func() bool { return len(sink.got()) == attempt && clock.HasWaiters() })
		clock.Step(firstRetry << (attempt - 1))
	}
	eventually(t, "delivered", func() bool { return before.since(t, resultDelivered) == 1 })
	requests := sink.got()
	for _, request := range requests[1:] {
		if diff := cmp.Diff(requests[0].body, request.body); diff != "" {
			t.Errorf("a retry differs (-first +retry):\n%s", diff)
		}
		for _, name := range []string{"Ce-Id", "Ce-Time"} {
			if got, want := request.header.Get(name), requests[0].header.Get(name); got != want || got == "" {
				t.Errorf("%s of a retry: %q, was %q", name, got, want)
			}
		}
	}
}

func TestRetryAfter(t *testing.T) {
	for _, test := range []struct {
		header string
		want   time.Duration
	}{
		{"120", 2 * time.Minute},
		{noon.Add(3 * time.Minute).UTC().Truncate(time.Second).Format(http.TimeFormat), 3*time.Minute - 123456789*time.Nanosecond},
		{"999999", maxRetryAfter},
	} {
		t.Run(test.header, func(t *testing.T) {
			before := newTally(t)
			sink := newRecorder(t, func(n int, w http.ResponseWriter) {
				if n == 0 {
					w.Header().Set("Retry-After", test.header)
					w.WriteHeader(http.StatusTooManyRequests)
				}
			})
			clock := testingclock.NewFakeClock(noon)
			d := NewDispatcher(Options{Clock: clock})
			run(t, d)
			d.Send(Sink{URL: sink.URL, Trusted: true}, deployed(t))
			eventually(t, "the first attempt failed", func() bool { return len(sink.got()) == 1 && clock.HasWaiters() })
			clock.Step(test.want - time.Nanosecond)
			if !clock.HasWaiters() {
				t.Fatalf("it does not wait for %v", test.want)
			}
			clock.Step(time.Nanosecond)
			eventually(t, "delivered", func() bool { return before.since(t, resultDelivered) == 1 })
		})
	}
}

func TestRejectedIsNotTriedAgain(t *testing.T) {
	for _, code := range []int{http.StatusBadRequest, http.StatusUnauthorized, http.StatusNotFound, http.StatusGone, http.StatusNotModified} {
		before := newTally(t)
		sink := newRecorder(t, status(code))
		d := NewDispatcher(Options{})
		run(t, d)
		d.Send(Sink{URL: sink.URL, Trusted: true}, deployed(t))
		eventually(t, fmt.Sprintf("%d is a rejection", code), func() bool { return before.since(t, resultRejected) == 1 })
		if got := len(sink.got()); got != 1 {
			t.Errorf("%d: %d attempts", code, got)
		}
	}
}

func TestGivesUp(t *testing.T) {
	before := newTally(t)
	sink := newRecorder(t, status(http.StatusServiceUnavailable))
	clock := testingclock.NewFakeClock(noon)
	d := NewDispatcher(Options{Clock: clock})
	run(t, d)
	for range 3 {
		d.Send(Sink{URL: sink.URL, Trusted: true}, deployed(t))
	}
	eventually(t, "all three expired", func() bool {
		if clock.HasWaiters() && before.since(t, resultExpired) < 3 {
			clock.Step(time.Second)
		}
		return before.since(t, resultExpired) == 3
	})
	if passed := clock.Since(noon); passed < 8*time.Minute || passed > 11*time.Minute {
		t.Errorf("it took %v", passed)
	}
	// Those behind the first do not begin from the shortest pause again.
	if got := len(sink.got()); got < 10 || got > 30 {
		t.Errorf("%d attempts", got)
	}
}

func TestTooOldIsNotTried(t *testing.T) {
	before := newTally(t)
	sink := newRecorder(t, status(http.StatusOK))
	clock := testingclock.NewFakeClock(noon)
	d := NewDispatcher(Options{Clock: clock})
	d.Send(Sink{URL: sink.URL, Trusted: true}, deployed(t))
	clock.Step(10 * time.Minute)
	run(t, d)
	eventually(t, "expired", func() bool { return before.since(t, resultExpired) == 1 })
	if got := len(sink.got()); got != 0 {
		t.Errorf("%d attempts", got)
	}
}
