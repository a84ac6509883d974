package v1alpha1

import (
	"strings"
	"time"
)

// Durations are strings in the API: a value that does not parse is refused by validation with its field path, and could, if it
// ever came to be stored, not break the decoding of every other object of the kind.

// PollInterval is spec.interval, or its default where it cannot be read.
func (s *GitRepositorySpec) PollInterval() time.Duration {
	return durationOr(s.Interval, DefaultInterval)
}

// DriftInterval is spec.reconcileInterval, or its default where it cannot be read.
func (s *GitRepositorySpec) DriftInterval() time.Duration {
	return durationOr(s.ReconcileInterval, DefaultReconcileInterval)
}

// SyncTimeout is spec.timeout, or its default where it cannot be read.
func (s *GitRepositorySpec) SyncTimeout() time.Duration {
	return durationOr(s.Timeout, DefaultTimeout)
}

func durationOr(value string, fallback time.Duration) time.Duration {
	d, err := time.ParseDuration(value)
	if err != nil || d <= 0 {
		return fallback
	}
	return d
}

// shortDuration prints a duration as people write it: 5m, not 5m0s.
func shortDuration(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}
