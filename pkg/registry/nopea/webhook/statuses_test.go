package webhook

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"
	clocktesting "k8s.io/utils/clock/testing"

	"nopea.io/nopea/pkg/apis/nopea"
)

var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

func newsOf(name string, result nopea.WebhookResult, message string) news {
	return news{name: types.NamespacedName{Namespace: "team-a", Name: name}, status: nopea.WebhookStatus{Result: result, Message: message}}
}

func TestSchedule(t *testing.T) {
	s := newSchedule()
	due := func(at time.Duration, want ...string) time.Time {
		t.Helper()
		found, next := s.due(noon.Add(at))
		var got []string
		for _, n := range found {
			got = append(got, n.status.Message)
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("at %s: %v is due, want %v", at, got, want)
		}
		return next
	}
	add := func(at time.Duration, result nopea.WebhookResult, message string) {
		s.add(newsOf("shop", result, message), noon.Add(at))
	}
	add(0, nopea.WebhookResultAccepted, "first")
	due(0, "first")
	for i := range 1000 {
		add(time.Second, nopea.WebhookResultAccepted, fmt.Sprint(i))
	}
	add(time.Second, nopea.WebhookResultRefused, "hides nothing")
	if next := due(2 * time.Second); !next.Equal(noon.Add(statusEvery)) {
		t.Errorf("the next is at %s", next)
	}
	due(statusEvery, "999")
	add(20*time.Second, nopea.WebhookResultRefused, "refused")
	due(20*time.Second, "refused")
	add(60*time.Second, nopea.WebhookResultRefused, "too soon")
	due(70 * time.Second)
	add(81*time.Second, nopea.WebhookResultRefused, "again")
	due(81*time.Second, "again")
	due(time.Hour)
	if len(s.known) != 0 {
		t.Errorf("%d GitRepositories are remembered for ever", len(s.known))
	}
	// Strangers name a thousand.
	for i := range 1000 {
		s.add(newsOf(fmt.Sprint(i), nopea.WebhookResultRefused, ""), noon.Add(2*time.Hour))
	}
	if found, _ := s.due(noon.Add(2 * time.Hour)); len(found) != refusedBurst {
		t.Errorf("%d refusals are written at once", len(found))
	}
}

// writer keeps what was written.
type writer struct {
	mu      sync.Mutex
	written []string
	wrote   chan struct{}
}

func (w *writer) Write(_ context.Context, _ types.NamespacedName, _ types.UID, status nopea.WebhookStatus) error {
	w.mu.Lock()
	w.written = append(w.written, status.Message)
	w.mu.Unlock()
	w.wrote <- struct{}{}
	return errors.New("a failed write ends nothing")
}

func TestStatusesWriteTheNewestAtLast(t *testing.T) {
	clock := clocktesting.NewFakeClock(noon)
	w := &writer{wrote: make(chan struct{}, 10)}
	s := newStatuses(w, clock)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); s.run(ctx) }()
	s.add(newsOf("shop", nopea.WebhookResultAccepted, "one"))
	<-w.wrote
	s.add(newsOf("shop", nopea.WebhookResultAccepted, "two"))
	s.add(newsOf("shop", nopea.WebhookResultAccepted, "three"))
	for !clock.HasWaiters() {
		select {
		case <-t.Context().Done():
			t.Fatal("nothing waits")
		case <-time.After(time.Millisecond):
		}
	}
	clock.Step(statusEvery)
	<-w.wrote
	s.add(newsOf("shop", nopea.WebhookResultAccepted, "four"))
	cancel()
	<-ended
	if got := fmt.Sprint(w.written); got != "[one three four]" {
		t.Errorf("got %s", got)
	}
}
