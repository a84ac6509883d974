package events

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	testingclock "k8s.io/utils/clock/testing"
)

func TestEventArrivesAsACloudEvent(t *testing.T) {
	before := newTally(t)
	sink := newRecorder(t, status(http.StatusAccepted))
	d := NewDispatcher(Options{})
	run(t, d)
	event := deployed(t)
	d.Send(Sink{URL: sink.URL + "/events?token=1", Trusted: true}, event)
	eventually(t, "delivered", func() bool { return before.since(t, resultDelivered) == 1 })

	request := sink.got()[0]
	want := map[string]string{
		"Ce-Specversion": "1.0", "Ce-Id": event.Context.ID, "Ce-Source": "/nopea/prod-1", "Ce-Type": "dev.cdevents.service.deployed.0.3.0",
		"Ce-Subject": "team-a/shop", "Ce-Time": "2026-03-04T11:00:00.207456789Z", "Content-Type": "application/json", "User-Agent": "nopea",
	}
	for name, value := range want {
		if got := request.header.Get(name); got != value {
			t.Errorf("%s: %q, want %q", name, got, value)
		}
	}
	var body Event
	if err := json.Unmarshal([]byte(request.body), &body); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(*event, body); diff != "" {
		t.Errorf("the body (-want +got):\n%s", diff)
	}
	if body.Context.Timestamp.Format(time.RFC3339Nano) != request.header.Get("Ce-Time") {
		t.Errorf("ce-time %s is not the timestamp %s", request.header.Get("Ce-Time"), body.Context.Timestamp)
	}
}

func TestRedirectIsNotFollowed(t *testing.T) {
	before := newTally(t)
	secret := newRecorder(t, status(http.StatusOK))
	sink := newRecorder(t, func(_ int, w http.ResponseWriter) {
		w.Header().Set("Location", secret.URL)
		w.WriteHeader(http.StatusTemporaryRedirect)
	})
	d := NewDispatcher(Options{AllowLocal: true})
	run(t, d)
	for _, trusted := range []bool{true, false} {
		d.Send(Sink{URL: sink.URL, Trusted: trusted}, deployed(t))
	}
	eventually(t, "both are rejected", func() bool { return before.since(t, resultRejected) == 2 })
	if got := len(secret.got()); got != 0 {
		t.Errorf("%d requests followed the redirect", got)
	}
}

// deadSink accepts connections and never answers.
func deadSink(t testing.TB) Sink {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	return Sink{URL: "http://" + listener.Addr().String(), Trusted: true}
}

func TestDeadSinkHoldsUpNothing(t *testing.T) {
	before := newTally(t)
	alive := newRecorder(t, status(http.StatusOK))
	dead := deadSink(t)
	clock := testingclock.NewFakeClock(noon)
	d := NewDispatcher(Options{QueueLength: 100, Clock: clock})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		d.Run(ctx)
	}()
	event := deployed(t)
	d.Send(dead, event)
	eventually(t, "the first event is under way", func() bool { return waiting(t) == 0 })
	for range 1000 {
		d.Send(dead, event)
	}
	if got := before.since(t, resultFull); got != 900 {
		t.Errorf("%d of 1000 events are dropped, want all but the 100 that the queue holds", got)
	}
	if got := waiting(t); got != 100 {
		t.Errorf("%d events are queued, want 100", got)
	}
	d.Send(Sink{URL: alive.URL, Trusted: true}, event)
	eventually(t, "delivered elsewhere", func() bool { return before.since(t, resultDelivered) == 1 })
	eventually(t, "the other sink's worker is idle", clock.HasWaiters)
	cancel()
	eventually(t, "the other sink's worker has ended", func() bool { return d.sinks() == 1 })
	eventually(t, "the flush has begun", clock.HasWaiters)
	clock.Step(flushTimeout)
	<-ended
	if got := before.since(t, resultExpired); got != 101 {
		t.Errorf("%d events are counted as expired at the end, want 101", got)
	}
	if got := waiting(t); got != 0 {
		t.Errorf("%d events are still counted as queued", got)
	}
}

func TestEndFlushesWhatIsQueued(t *testing.T) {
	before := newTally(t)
	goroutines := runtime.NumGoroutine()
	first, proceed := make(chan struct{}), make(chan struct{})
	sink := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		select {
		case first <- struct{}{}:
			<-proceed
		default:
		}
	}))
	d := NewDispatcher(Options{})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		d.Run(ctx)
	}()
	for range 50 {
		d.Send(Sink{URL: sink.URL, Trusted: true}, deployed(t))
	}
	<-first
	cancel()
	close(proceed)
	<-ended
	if got := before.since(t, resultDelivered); got != 50 {
		t.Errorf("%d of 50 events are delivered", got)
	}
	d.Send(Sink{URL: sink.URL, Trusted: true}, deployed(t))
	if got := before.since(t, resultExpired); got != 1 {
		t.Errorf("%d events are dropped after the end, want 1", got)
	}
	sink.Close()
	eventually(t, "no goroutine is left", func() bool { return runtime.NumGoroutine() <= goroutines })
}

func TestIdleWorkerEnds(t *testing.T) {
	before := newTally(t)
	sink := newRecorder(t, status(http.StatusOK))
	clock := testingclock.NewFakeClock(noon)
	d := NewDispatcher(Options{Clock: clock, AllowLocal: true})
	run(t, d)
	for round := 1; round <= 2; round++ {
		d.Send(Sink{URL: sink.URL}, deployed(t))
		eventually(t, "delivered, and idle", func() bool { return before.since(t, resultDelivered) == round && clock.HasWaiters() })
		clock.Step(idleAfter)
		eventually(t, "the worker ended", func() bool { return d.sinks() == 0 })
	}
	if d.tenantSinks != 0 || d.tenantEvents != 0 {
		t.Errorf("%d sinks and %d events are still counted", d.tenantSinks, d.tenantEvents)
	}
}

func (d *Dispatcher) sinks() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.workers)
}

func TestTenantsAreBounded(t *testing.T) {
	before := newTally(t)
	d := NewDispatcher(Options{MaxTenantSinks: 2, MaxTenantEvents: 4})
	send := func(n int, trusted bool) {
		d.Send(Sink{URL: fmt.Sprintf("http://127.0.0.1:1/%d", n), Trusted: trusted}, deployed(t))
	}
	for n := range 3 {
		send(n, false)
	}
	if got := before.since(t, resultFull); got != 1 {
		t.Errorf("%d events are dropped for one sink too many", got)
	}
	for range 3 {
		send(0, false)
	}
	if got := before.since(t, resultFull); got != 2 {
		t.Errorf("%d events are dropped after one event too many", got)
	}
	send(0, true)
	if got := before.since(t, resultFull); got != 2 || d.sinks() != 3 {
		t.Errorf("tenants take the place of a trusted sink: %d dropped, %d sinks", got, d.sinks())
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	d.Run(ctx)
}

func TestUnusableSinks(t *testing.T) {
	before := newTally(t)
	d := NewDispatcher(Options{})
	urls := []string{"", "sink", "ftp://sink.example.com", "http://", "http:sink", "http://sink/%zz",
		"https://" + strings.Repeat("x", maxURL)}
	for _, url := range urls {
		d.Send(Sink{URL: url}, deployed(t))
	}
	if got := before.since(t, resultRejected); got != len(urls) || d.sinks() != 0 {
		t.Errorf("%d of %d are rejected, %d have a worker", got, len(urls), d.sinks())
	}
}

func BenchmarkSendDeadSink(b *testing.B) {
	RegisterMetrics()
	d := NewDispatcher(Options{})
	ctx, cancel := context.WithCancel(b.Context())
	var running sync.WaitGroup
	running.Go(func() { d.Run(ctx) })
	sink, event := deadSink(b), deployed(b)
	b.ReportAllocs()
	for b.Loop() {
		d.Send(sink, event)
	}
	b.StopTimer()
	cancel()
	running.Wait()
}
