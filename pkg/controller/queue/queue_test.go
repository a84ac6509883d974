package queue

import (
	"context"
	"sync"
	"testing"
	"time"

	"k8s.io/utils/clock"
	clocktesting "k8s.io/utils/clock/testing"
)

func TestUrgentComesFirst(t *testing.T) {
	q := New[string](clock.RealClock{})
	q.Add("poll-a", Normal)
	q.Add("poll-b", Normal)
	q.Add("push", Urgent)
	q.Add("poll-b", Urgent) // moves up
	var got []string
	for range 3 {
		key, _ := q.Get(false)
		got = append(got, key)
		q.Done(key)
	}
	want := []string{"push", "poll-b", "poll-a"}
	for i := range want {
		if got[i] != want[i] {
			t.Fatalf("got %v, want %v", got, want)
		}
	}
	if q.Len(Normal)+q.Len(Urgent) != 0 {
		t.Fatal("a key that moved up is still queued")
	}
}

func TestOneWorkerPerKey(t *testing.T) {
	q := New[string](clock.RealClock{})
	q.Add("a", Normal)
	key, _ := q.Get(false)
	q.Add("a", Urgent)
	q.Add("a", Normal)
	q.Add("b", Normal)
	if next, _ := q.Get(false); next != "b" {
		t.Fatalf("got %q while a worker has it", next)
	}
	q.Done(key)
	if next, _ := q.Get(true); next != "a" {
		t.Fatalf("got %q, want the key that was added again, in its urgent lane", next)
	}
	if q.Len(Normal)+q.Len(Urgent) != 0 {
		t.Fatal("the key was queued more than once")
	}
}

func TestUrgentOnlyLeavesTheRest(t *testing.T) {
	q := New[string](clock.RealClock{})
	q.Add("poll", Normal)
	got := make(chan string)
	go func() {
		key, _ := q.Get(true)
		got <- key
	}()
	q.Add("push", Urgent)
	if key := <-got; key != "push" {
		t.Fatalf("an urgent-only worker took %q", key)
	}
	if q.Len(Normal) != 1 {
		t.Fatal("the normal key is gone")
	}
}

func TestScheduled(t *testing.T) {
	fake := clocktesting.NewFakeClock(time.Unix(1000, 0))
	q := New[string](fake)
	q.AddAt("late", fake.Now().Add(time.Hour))
	q.AddAt("forgotten", fake.Now().Add(time.Second))
	q.AddAt("moved", fake.Now().Add(time.Second))
	q.AddAt("moved", fake.Now().Add(time.Minute))
	q.Forget("forgotten")
	if left := q.release(); left != time.Minute || q.Len(Normal) != 0 {
		t.Fatalf("next in %v with %d queued, want a minute and none", left, q.Len(Normal))
	}
	fake.Step(time.Minute)
	if left := q.release(); left != time.Hour-time.Minute || q.Len(Normal) != 1 {
		t.Fatalf("next in %v with %d queued", left, q.Len(Normal))
	}
	if key, _ := q.Get(false); key != "moved" {
		t.Fatalf("got %q", key)
	}
}

func TestRunReleasesAndCloses(t *testing.T) {
	fake := clocktesting.NewFakeClock(time.Unix(1000, 0))
	q := New[string](fake)
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { q.Run(ctx) })
	q.AddAt("a", fake.Now().Add(time.Second))
	got := make(chan string)
	go func() {
		for {
			key, ok := q.Get(false)
			if !ok {
				close(got)
				return
			}
			got <- key
		}
	}()
	for released := false; !released; {
		select {
		case key := <-got:
			released = key == "a"
		default:
			if fake.HasWaiters() {
				fake.Step(time.Second)
			}
		}
	}
	cancel()
	running.Wait()
	if _, open := <-got; open {
		t.Fatal("a closed queue handed out a key")
	}
}
