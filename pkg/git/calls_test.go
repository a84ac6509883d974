package git

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func TestPanicEndsOneCall(t *testing.T) {
	var g calls[int]
	_, err := g.do(t.Context(), "key", time.Time{}, false, func(context.Context) (int, error) { panic("what a server sent") })
	hasCode(t, err, Corrupt)
	if len(g.m) != 0 {
		t.Error("a call that failed is remembered")
	}
}

// TestBurstOfCalls has callers come one after the other, none of whom can do with a run that began before: two runs go on, and all others
// share a third.
func TestBurstOfCalls(t *testing.T) {
	var g calls[int]
	var runs atomic.Int32
	began, release := make(chan struct{}, 100), make(chan struct{})
	fn := func(context.Context) (int, error) {
		n := runs.Add(1)
		began <- struct{}{}
		<-release
		return int(n), nil
	}
	got := make(chan int, 100)
	var callers sync.WaitGroup
	call := func() {
		since := time.Now()
		callers.Go(func() {
			n, err := g.do(t.Context(), "key", since, true, fn)
			if err != nil {
				t.Error(err)
			}
			got <- n
		})
	}
	for range maxSideBySide {
		call()
		<-began
	}
	for range 30 {
		call()
	}
	for waiting := 0; waiting < 30; {
		g.mu.Lock()
		waiting = g.m["key"].waiters
		g.mu.Unlock()
		runtime.Gosched()
	}
	close(release)
	callers.Wait()
	close(got)
	shared := 0
	for n := range got {
		if n > maxSideBySide {
			shared++
		}
	}
	if runs.Load() != maxSideBySide+1 || shared != 30 {
		t.Errorf("%d runs, the last of them for %d callers", runs.Load(), shared)
	}
}

// TestQueuedCallIsGivenUp leaves a run that has not begun: it never does.
func TestQueuedCallIsGivenUp(t *testing.T) {
	var g calls[int]
	began, release := make(chan struct{}, 100), make(chan struct{})
	var callers sync.WaitGroup
	for range maxSideBySide {
		since := time.Now()
		callers.Go(func() {
			_, _ = g.do(t.Context(), "key", since, false, func(context.Context) (int, error) { // its result does not matter
				began <- struct{}{}
				<-release
				return 0, nil
			})
		})
		<-began
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := g.do(ctx, "key", time.Now(), false, func(context.Context) (int, error) {
		t.Error("nobody waits for it")
		return 0, nil
	}); err == nil {
		t.Error("it has a result")
	}
	close(release)
	callers.Wait()
	if n, err := g.do(t.Context(), "key", time.Now(), false, func(context.Context) (int, error) { return 7, nil }); n != 7 || err != nil {
		t.Errorf("the next call: %d, %v", n, err)
	}
}
