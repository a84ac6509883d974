package apply

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/wait"
)

// establishedWithin bounds the wait for new kinds: the API server needs well under a second for a CustomResourceDefinition.
const (
	establishedWithin = 30 * time.Second
	lookForKindsEvery = 50 * time.Millisecond
)

// establish waits until every kind of the given steps is served: a CustomResourceDefinition of the stage before becomes usable a
// moment after it was written. Steps whose kind does not come are failed.
func (e *execution) establish(ctx context.Context, steps []*Step) {
	missing := e.unserved(ctx, steps)
	if len(missing) == 0 {
		return
	}
	// Whatever ends the wait, what is missing then is told below.
	_ = wait.PollUntilContextTimeout(ctx, lookForKindsEvery, establishedWithin, false, func(ctx context.Context) (bool, error) {
		e.asOf = e.Discovery.clock.Now()
		missing = e.unserved(ctx, steps)
		return len(missing) == 0, nil
	})
	for _, step := range steps {
		gvk := step.ID.GroupKind().WithVersion(step.Version)
		if slices.Contains(missing, gvk) {
			e.finish(Outcome{Step: step, Err: &ObjectError{ID: step.ID, File: step.Desired.File, Operation: "apply",
				Err: fmt.Errorf("the API server does not serve its kind, %s, although its CustomResourceDefinition was applied", gvk)}})
		}
	}
}

func (e *execution) unserved(ctx context.Context, steps []*Step) []schema.GroupVersionKind {
	var missing []schema.GroupVersionKind
	for _, step := range steps {
		gvk := step.ID.GroupKind().WithVersion(step.Version)
		if slices.Contains(missing, gvk) {
			continue
		}
		if _, err := e.Discovery.Lookup(ctx, gvk, e.asOf); errors.Is(err, ErrUnserved) {
			missing = append(missing, gvk)
		}
	}
	return missing
}
