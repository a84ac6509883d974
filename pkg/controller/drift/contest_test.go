package drift

import (
	"testing"
	"time"
)

func TestContest(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	var c contest
	free := 0
	for ; free < 100; free++ {
		if _, contested := c.next(now); contested {
			break
		}
		c.repaired(now)
		now = now.Add(10 * time.Millisecond)
	}
	if free != freeRepairs {
		t.Fatalf("%d repairs were free", free)
	}
	// Whoever goes on is met ever more slowly, up to a bound.
	var last time.Duration
	for i := range 15 {
		at, contested := c.next(now)
		wait := at.Sub(now)
		if !contested || wait < last && wait < longestWait-time.Second || wait > longestWait {
			t.Fatalf("repair %d waits %s after %s", i, wait, last)
		}
		last, now = wait, at
		if _, contested := c.next(now); contested {
			t.Fatal("it still waits when its time has come")
		}
		c.repaired(now)
		if !c.lasting(now) {
			t.Fatal("the fight is not told to go on")
		}
	}
	// Peace brings the free repairs back.
	now = now.Add(2 * longestWait)
	if c.lasting(now) {
		t.Error("the fight is over")
	}
	for i := range 10 {
		if _, contested := c.next(now); contested {
			t.Fatalf("repair %d after a long peace waits", i)
		}
		c.repaired(now)
	}
	if c.lasting(now) {
		t.Error("ten repairs after a long peace are no fight")
	}
}
