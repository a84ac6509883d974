package drift

import (
	"testing"
	"time"
)

func TestWay(t *testing.T) {
	var w way
	now := time.Now()
	if w.isTaken(now) {
		t.Error("it is taken before anybody asked")
	}
	first := w.take(now)
	second := w.take(now.Add(200 * time.Millisecond))
	if !w.isTaken(now) {
		t.Error("it is not given")
	}
	first()
	if !w.isTaken(now.Add(400 * time.Millisecond)) {
		t.Error("it is not given to the second")
	}
	if w.isTaken(now.Add(time.Second)) {
		t.Error("it is given for ever")
	}
	second()
	if w.isTaken(now.Add(200 * time.Millisecond)) {
		t.Error("it is given to nobody")
	}
}
