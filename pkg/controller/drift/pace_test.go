package drift

import (
	"testing"
	"time"
)

func TestPace(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	var p pace
	for i := range freeLooks {
		if at := p.turn(now); !at.Equal(now) {
			t.Fatalf("look %d waits until %s", i, at)
		}
	}
	for i := range 100 {
		if at := p.turn(now); !at.Equal(now.Add(time.Duration(i+1) * lookEvery)) {
			t.Fatalf("look %d after the free ones is at %s", i, at.Sub(now))
		}
	}
	now = now.Add(time.Hour)
	if at := p.turn(now); !at.Equal(now) {
		t.Errorf("after an hour it waits until %s", at)
	}
}
