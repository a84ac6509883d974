package git

import (
	"context"
	"sync"
	"time"
)

// calls lets callers who want the same thing at the same time share one piece of work. Unlike x/sync/singleflight it honours each
// caller's context: one that gives up does not take the others with it, and the last to give up ends the work.
type calls[T any] struct {
	mu sync.Mutex
	m  map[string]*call[T]
}

type call[T any] struct {
	began   time.Time
	done    chan struct{}
	cancel  context.CancelFunc
	waiters int
	value   T
	err     error
}

// maxRemembered bounds the results kept per calls.
const maxRemembered = 64

// do returns what fn returned, in a run that began at or after since: one that is under way, or with remember a finished one that
// succeeded, or its own.
func (g *calls[T]) do(ctx context.Context, key string, since time.Time, remember bool, fn func(context.Context) (T, error)) (T, error) {
	g.mu.Lock()
	c := g.m[key]
	if c == nil || c.began.Before(since) {
		c = g.start(ctx, key, remember, fn)
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
	select {
	case <-c.done:
		return c.value, c.err
	default:
	}
	if c.waiters == 0 {
		c.cancel()
		g.forget(key, c)
	}
	var none T
	return none, ctx.Err()
}

// start runs fn in a goroutine that ends with it, or soon after nobody waits any more.
func (g *calls[T]) start(ctx context.Context, key string, remember bool, fn func(context.Context) (T, error)) *call[T] {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	c := &call[T]{began: time.Now(), done: make(chan struct{}), cancel: cancel}
	if g.m == nil || len(g.m) >= maxRemembered {
		g.m = map[string]*call[T]{}
	}
	g.m[key] = c
	go func() {
		defer cancel()
		var value T
		err := guard(func() (err error) {
			value, err = fn(ctx)
			return err
		})
		g.mu.Lock()
		defer g.mu.Unlock()
		c.value, c.err = value, err
		if err != nil || !remember {
			g.forget(key, c)
		}
		close(c.done)
	}()
	return c
}

func (g *calls[T]) forget(key string, c *call[T]) {
	if g.m[key] == c {
		delete(g.m, key)
	}
}
