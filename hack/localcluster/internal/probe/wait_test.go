package probe

import (
	"context"
	"errors"
	"testing"
	"time"
)

func TestWait(t *testing.T) {
	broken := errors.New("connection refused")
	never := func() int { return 0 }
	tests := []struct {
		name     string
		failures int // how often the condition does not hold
		exits    func() int
		timeout  time.Duration
		want     string // empty: it comes to hold
	}{
		{"at once", 0, never, time.Minute, ""},
		{"after a while", 3, never, time.Minute, ""},
		{"too late", 1 << 30, never, 50 * time.Millisecond, "waiting for the sun: too late: connection refused"},
		{"cannot run", 1 << 30, func() int { return maxExits }, time.Minute, "waiting for the sun: etcd has ended 3 times: connection refused"},
		{"ended before but holds", 0, func() int { return maxExits }, time.Minute, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			ctx, cancel := context.WithTimeoutCause(t.Context(), test.timeout, errors.New("too late"))
			defer cancel()
			failures := test.failures
			err := Wait(ctx, Check{Component: "etcd", Name: "the sun", Do: func(context.Context) error {
				if failures == 0 {
					return nil
				}
				failures--
				return broken
			}}, test.exits)
			if test.want == "" {
				if err != nil {
					t.Errorf("Wait = %v", err)
				}
				return
			}
			if err == nil || err.Error() != test.want || !errors.Is(err, broken) {
				t.Errorf("Wait = %v, want %s", err, test.want)
			}
		})
	}
}
