package main

import (
	"context"
	"errors"
	"time"

	"nopea.io/nopea/pkg/testing/sandbox"
)

// metrics are what the controller that was started by this command line serves: name and labels to value.
func metrics(ctx context.Context, args []string) (map[string]float64, error) {
	return sandbox.Metrics(ctx, argument(args, "--bind-address"))
}

const (
	heapMetric      = "go_memstats_heap_alloc_bytes"
	collectedMetric = "go_memstats_last_gc_time_seconds"
	// sweptAfter is how long after a collection all that it found dead is free.
	sweptAfter = 200 * time.Millisecond
)

// footprint is the controller's memory in MiB: what lives in its heap right after a garbage collection, and what it holds of the
// machine.
type footprint struct{ heap, resident float64 }

// footprint asks for the metrics until what answering costs has brought about two garbage collections: after the first one, what waits
// for its finalizer or in a pool is still there.
func (w *world) footprint(ctx context.Context) (footprint, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, patience, errors.New("the controller collects no garbage"))
	defer cancel()
	pid, args, err := child(controllerName)
	if err != nil {
		return footprint{}, err
	}
	var last float64
	for collections := -1; collections < 2; {
		values, err := metrics(ctx, args)
		if err != nil {
			return footprint{}, errors.Join(err, context.Cause(ctx))
		}
		if values[collectedMetric] != last {
			last = values[collectedMetric]
			collections++
		}
	}
	select {
	case <-ctx.Done():
		return footprint{}, context.Cause(ctx)
	case <-time.After(sweptAfter):
	}
	values, err := metrics(ctx, args)
	if err != nil {
		return footprint{}, err
	}
	resident, _, err := memory(pid)
	return footprint{heap: values[heapMetric] / (1 << 20), resident: resident}, err
}

// perObject is by how many bytes the heap and the process grew for each of so many objects.
func (f footprint) perObject(before footprint, objects int) (heap, resident float64) {
	return (f.heap - before.heap) * (1 << 20) / float64(objects), (f.resident - before.resident) * (1 << 20) / float64(objects)
}
