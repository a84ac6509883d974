package git

import (
	"context"
	"maps"
	"sync"
	"time"
)

// calls lets callers who want the same thing at the same time share one piece of work. Unlike x/sync/singleflight it honours each
// caller's context: one that gives up does not take the others with it, and the last to give up ends the work.
type calls[T any] struct {
	mu      sync.Mutex
	m       map[string]*call[T] // the newest of each key
	running map[string]int
}

type call[T any] struct {
	start   func() // nil once it has begun
	began   time.Time
	done    chan struct{}
	over    bool
	cancel  context.CancelFunc
	waiters int
	value   T
	err     error
}

const (
	// maxRemembered bounds the results kept per calls.
	maxRemembered = 64
	// maxSideBySide bounds the runs of one key that go on at once. Whoever comes later, and cannot do with those, shares the next one: a
	// burst of callers costs two runs at a time, and one run that hangs holds nobody up.
	maxSideBySide = 2
)

// do returns what fn returned, in a run that began at or after since: one that is under way or waits, or with remember a finished one that
// succeeded, or its own.
func (g *calls[T]) do(ctx context.Context, key string, since time.Time, remember bool, fn func(context.Context) (T, error)) (T, error) {
	g.mu.Lock()
	c := g.m[key]
	if c == nil || c.start == nil && c.began.Before(since) {
		c = g.add(ctx, key, remember, fn)
	}
	c.waiters++
	g.mu.Unlock()

	select {
	case <-c.done:
	case <-ctx.Done():
	}

	g.mu.Lock()
	defer g.mu.Unlock()
	c.waiters--
	if c.over {
		return c.value, c.err
	}
	if c.waiters == 0 {
		c.cancel()
		g.forget(key, c)
	}
	var none T
	return none, ctx.Err()
}

// add makes the newest call of a key, which begins at once or when one before it has ended. Its goroutine ends with fn, or soon after nobody
// waits any more.
func (g *calls[T]) add(ctx context.Context, key string, remember bool, fn func(context.Context) (T, error)) *call[T] {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	c := &call[T]{done: make(chan struct{}), cancel: cancel}
	if g.m == nil {
		g.m, g.running = map[string]*call[T]{}, map[string]int{}
	}
	if len(g.m) >= maxRemembered {
		maps.DeleteFunc(g.m, func(_ string, c *call[T]) bool { return c.over })
	}
	g.m[key] = c
	c.start = func() {
		c.start, c.began = nil, time.Now()
		g.running[key]++
		go g.run(ctx, key, c, remember, fn)
	}
	if g.running[key] < maxSideBySide {
		c.start()
	}
	return c
}

func (g *calls[T]) run(ctx context.Context, key string, c *call[T], remember bool, fn func(context.Context) (T, error)) {
	defer c.cancel()
	var value T
	err := guard(func() (err error) {
		value, err = fn(ctx)
		return err
	})
	g.mu.Lock()
	defer g.mu.Unlock()
	c.value, c.err, c.over = value, err, true
	if err != nil || !remember {
		g.forget(key, c)
	}
	close(c.done)
	if g.running[key]--; g.running[key] == 0 {
		delete(g.running, key)
	}
	if next := g.m[key]; next != nil && next.start != nil {
		next.start()
	}
}

func (g *calls[T]) forget(key string, c *call[T]) {
	if g.m[key] == c {
		delete(g.m, key)
	}
}
