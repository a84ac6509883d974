package apply

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"
)

// requestsAtOnce bounds how many requests one sync has under way.
const requestsAtOnce = 16

// Each runs work for every item side by side, a bounded number at once, and returns when all have ended. Work reports its own errors; a
// context that ends keeps further items from being begun. A panic of work comes out of Each, in the goroutine of its caller, so
// that whoever guards a run guards all of it.
func Each[T any](ctx context.Context, items []T, work func(ctx context.Context, item T)) {
	var (
		group  sync.WaitGroup
		places = make(chan struct{}, requestsAtOnce)
		once   sync.Once
		caught any
	)
	for _, item := range items {
		if ctx.Err() != nil {
			break
		}
		places <- struct{}{}
		group.Go(func() {
			defer func() {
				if cause := recover(); cause != nil {
					once.Do(func() { caught = fmt.Sprintf("%v\n%s", cause, debug.Stack()) })
				}
				<-places
			}()
			work(ctx, item)
		})
	}
	group.Wait()
	if caught != nil {
		panic(caught)
	}
}
