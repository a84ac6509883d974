package events

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/component-base/metrics/testutil"
)

// received is a request that a recorder got.
type received struct {
	header http.Header
	body   string
}

// recorder is a sink that answers with what answer says, given how many requests came before.
type recorder struct {
	*httptest.Server
	mu       sync.Mutex
	requests []received
}

func newRecorder(t *testing.T, answer func(before int, w http.ResponseWriter)) *recorder {
	t.Helper()
	r := &recorder{}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, err := io.ReadAll(req.Body)
		if err != nil {
			t.Errorf("read a request: %v", err)
		}
		r.mu.Lock()
		before := len(r.requests)
		r.requests = append(r.requests, received{req.Header.Clone(), string(body)})
		r.mu.Unlock()
		answer(before, w)
	}))
	t.Cleanup(r.Close)
	return r
}

func (r *recorder) got() []received {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.requests)
}

func status(code int) func(int, http.ResponseWriter) {
	return func(_ int, w http.ResponseWriter) { w.WriteHeader(code) }
}

// run a Dispatcher until the function that is returned, which waits for its end.
func run(t *testing.T, d *Dispatcher) (stop func()) {
	t.Helper()
	return runIn(t.Context(), t, d)
}

func runIn(ctx context.Context, t *testing.T, d *Dispatcher) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	running.Go(func() { d.Run(ctx) })
	stop = func() {
		cancel()
		running.Wait()
	}
	t.Cleanup(stop)
	return stop
}

func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	err := wait.PollUntilContextTimeout(context.Background(), time.Millisecond, 20*time.Second, true,
		func(context.Context) (bool, error) { return condition(), nil })
	if err != nil {
		t.Fatalf("never: %s", what)
	}
}

func deployed(t testing.TB) *Event {
	t.Helper()
	events, _ := History{}.Synced(synced(commitA))
	return events[1]
}

// tally reads how many events came to each result since it was made.
type tally map[string]float64

func newTally(t testing.TB) tally {
	t.Helper()
	RegisterMetrics()
	start := make(tally)
	for _, result := range []string{resultDelivered, resultFull, resultRejected, resultExpired} {
		start[result] = counted(t, result)
	}
	return start
}

func (s tally) since(t testing.TB, result string) int {
	t.Helper()
	return int(counted(t, result) - s[result])
}

func counted(t testing.TB, result string) float64 {
	t.Helper()
	value, err := testutil.GetCounterMetricValue(eventsTotal.WithLabelValues(result))
	if err != nil {
		t.Fatal(err)
	}
	return value
}

func waiting(t testing.TB) int {
	t.Helper()
	value, err := testutil.GetGaugeMetricValue(eventsQueued)
	if err != nil {
		t.Fatal(err)
	}
	return int(value)
}
