package probe

import (
	"context"
	"fmt"
	"time"
)

// interval is how often a condition is looked at while it does not hold.
const interval = 20 * time.Millisecond

// maxExits is how often a component may end before the cluster is ready: a few times may
// be bad luck, more is a component that cannot run.
const maxExits = 3

// NotReadyError says which condition did not come to hold.
type NotReadyError struct {
	Check Check
	// Reason is why the wait ended, Last what the condition said last.
	Reason string
	Last   error
}

func (e *NotReadyError) Error() string {
	return fmt.Sprintf("waiting for %s: %s: %v", e.Check.Name, e.Reason, e.Last)
}

func (e *NotReadyError) Unwrap() error { return e.Last }

// Wait returns when the condition holds. It returns a NotReadyError when ctx ends before,
// or as soon as exits, which counts the ends of the check's component, shows that it
// cannot run.
func Wait(ctx context.Context, check Check, exits func() int) error {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		err := check.Do(ctx)
		if err == nil {
			return nil
		}
		if n := exits(); n >= maxExits {
			return &NotReadyError{check, fmt.Sprintf("%s has ended %d times", check.Component, n), err}
		}
		select {
		case <-ctx.Done():
			return &NotReadyError{check, context.Cause(ctx).Error(), err}
		case <-ticker.C:
		}
	}
}
