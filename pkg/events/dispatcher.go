package events

import (
	"cmp"
	"context"
	"net/http"
	"net/url"
	"sync"
	"time"

	"k8s.io/utils/clock"
)

const (
	// idleAfter is how long the worker of a sink waits for the next event before it ends.
	idleAfter = time.Minute
	// flushTimeout is how long a Dispatcher goes on delivering what is queued after its context ended.
	flushTimeout = 5 * time.Second
)

// Options of a Dispatcher. The zero value has the defaults.
type Options struct {
	// QueueLength is how many events wait for one sink. Default 1000.
	QueueLength int
	// MaxTenantSinks is how many sinks of tenants are served at a time. Default 1000.
	MaxTenantSinks int
	// MaxTenantEvents is how many events wait for all sinks of tenants together. Default 20000.
	MaxTenantEvents int
	// Expiry is how long delivery of an event is tried. Default 10 minutes.
	Expiry time.Duration
	// AllowLocal lets tenants name sinks on this machine and its link.
	AllowLocal bool
	// Clock by which retries and expiry go. Default: the real one.
	Clock clock.Clock
}

// Dispatcher delivers events to sinks, each event at least once unless it is dropped, and in order for each sink. A sink that is slow
// or dead holds up no other sink, nor anyone who sends: its events are dropped and counted in the end.
type Dispatcher struct {
	options         Options
	trusted, tenant *http.Client
	// fresh are workers that Run has to start. It has room for all there can be, so that Send never waits.
	fresh chan *worker

	mu           sync.Mutex
	closed       bool
	workers      map[Sink]*worker
	tenantSinks  int
	tenantEvents int
}

// NewDispatcher returns a Dispatcher. What is sent before Run runs, waits.
func NewDispatcher(options Options) *Dispatcher {
	options.QueueLength = cmp.Or(options.QueueLength, 1000)
	options.MaxTenantSinks = cmp.Or(options.MaxTenantSinks, 1000)
	options.MaxTenantEvents = cmp.Or(options.MaxTenantEvents, 20_000)
	options.Expiry = cmp.Or(options.Expiry, 10*time.Minute)
	if options.Clock == nil {
		options.Clock = clock.RealClock{}
	}
	return &Dispatcher{
		options: options,
		trusted: newTrustedClient(),
		tenant:  newTenantClient(options.AllowLocal),
		fresh:   make(chan *worker, options.MaxTenantSinks+maxTrustedSinks),
		workers: make(map[Sink]*worker),
	}
}

// maxTrustedSinks bounds those of the installation, of which there are a few.
const maxTrustedSinks = 100

// Send queues an event for a sink and never waits. If there is no room, or nothing can be sent to the sink, the event is dropped and
// counted. The event must not change any more. Safe for concurrent use.
func (d *Dispatcher) Send(sink Sink, event *Event) {
	if result := d.queue(sink, event); result != "" {
		eventsTotal.WithLabelValues(result).Inc()
	}
}

// queue returns why an event is dropped, or nothing.
func (d *Dispatcher) queue(sink Sink, event *Event) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return resultExpired
	}
	if !sink.Trusted && d.tenantEvents >= d.options.MaxTenantEvents {
		return resultFull
	}
	w := d.workers[sink]
	if w == nil {
		address := sink.address()
		switch {
		case address == nil:
			return resultRejected
		case !d.roomFor(sink):
			return resultFull
		}
		w = d.add(sink, address)
	}
	select {
	case w.events <- queued{event, d.options.Clock.Now().Add(d.options.Expiry)}:
		d.counted(sink, 1)
		return ""
	default:
		return resultFull
	}
}

func (d *Dispatcher) roomFor(sink Sink) bool {
	if sink.Trusted {
		return len(d.workers)-d.tenantSinks < maxTrustedSinks
	}
	return d.tenantSinks < d.options.MaxTenantSinks
}

// add a worker, for Run to start.
func (d *Dispatcher) add(sink Sink, address *url.URL) *worker {
	w := &worker{dispatcher: d, sink: sink, address: address, client: d.trusted, events: make(chan queued, d.options.QueueLength)}
	if !sink.Trusted {
		w.client = d.tenant
		d.tenantSinks++
	}
	d.workers[sink] = w
	d.fresh <- w
	return w
}

// retire takes a worker off that has nothing to do. False when there is something after all.
func (d *Dispatcher) retire(w *worker) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(w.events) > 0 {
		return false
	}
	delete(d.workers, w.sink)
	if !w.sink.Trusted {
		d.tenantSinks--
	}
	return true
}

// counted keeps count of the events that wait.
func (d *Dispatcher) counted(sink Sink, change int) {
	if !sink.Trusted {
		d.tenantEvents += change
	}
	eventsQueued.Add(float64(change))
}

// Run delivers until the context ends, and then for up to 5 seconds what is queued: each event is tried once more. It returns when all
// its goroutines have ended. It is called once.
func (d *Dispatcher) Run(ctx context.Context) {
	// Requests outlive ctx by the time of the flush.
	requests, abort := context.WithCancel(context.WithoutCancel(ctx))
	defer abort()
	var workers sync.WaitGroup
	start := func(w *worker) { workers.Go(func() { w.run(ctx, requests) }) }
	for ctx.Err() == nil {
		select {
		case w := <-d.fresh:
			start(w)
		case <-ctx.Done():
		}
	}
	d.close()
	for w := range d.fresh {
		start(w)
	}
	flushed := make(chan struct{})
	go func() {
		workers.Wait()
		close(flushed)
	}()
	timer := d.options.Clock.NewTimer(flushTimeout)
	defer timer.Stop()
	select {
	case <-flushed:
	case <-timer.C():
		abort()
		<-flushed
	}
	d.trusted.CloseIdleConnections()
}

// close lets nothing more in.
func (d *Dispatcher) close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.closed = true
	close(d.fresh)
}
