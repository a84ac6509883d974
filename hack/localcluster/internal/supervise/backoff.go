package supervise

import "time"

const (
	firstDelay = 100 * time.Millisecond
	maxDelay   = 5 * time.Second
	// stableAfter is how long a process must have run for its end to count as the first again.
	stableAfter = 10 * time.Second
)

// backoff decides how long to wait before a process is started again: not at all after
// its first end, then twice as long each time.
type backoff struct {
	next time.Duration
}

func (b *backoff) delay(ran time.Duration) time.Duration {
	if ran >= stableAfter {
		b.next = 0
	}
	delay := b.next
	b.next = min(max(firstDelay, 2*delay), maxDelay)
	return delay
}
