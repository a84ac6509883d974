package main

import (
	"context"
	"fmt"
	"time"
)

const (
	largeObjects = 5000
	// largeRest is how long the controller is left alone before its memory is looked at.
	largeRest = 5 * time.Second
)

// largeRow measures row 8: the memory for one repository of many objects, after the first sync and after a restart, each of which
// holds everything at once.
func largeRow(ctx context.Context, b *bench) error {
	return b.inWorld(ctx, "large", func(ctx context.Context, w *world) error {
		if err := w.memoryLine(ctx, b, "memory of nopea-controller without GitRepositories"); err != nil {
			return err
		}
		t, err := w.tenant(ctx, "large", "admin", false)
		if err != nil {
			return err
		}
		say("Row 8: first sync of %d objects", largeObjects)
		if err := t.establish(ctx, "large", configMapFiles("cm", largeObjects, "first")); err != nil {
			return err
		}
		if err := w.memoryLine(ctx, b, fmt.Sprintf(andThen+"after the first sync of %d objects", largeObjects)); err != nil {
			return err
		}
		if err := w.Controller.Restart(ctx); err != nil {
			return err
		}
		return w.memoryLine(ctx, b, andThen+"after a restart")
	})
}

func (w *world) memoryLine(ctx context.Context, b *bench, work string) error {
	if err := w.settle(ctx); err != nil {
		return err
	}
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(largeRest):
	}
	pid, _, err := child(controllerName)
	if err != nil {
		return err
	}
	now, peak, err := memory(pid)
	if err != nil {
		return err
	}
	b.add(line{Row: 8, Work: work, Unit: "MiB", Samples: []float64{now}, Requests: fmt.Sprintf("%.0f MiB at most", peak)})
	return nil
}
