package queue

import (
	"testing"
	"time"
)

func TestWay(t *testing.T) {
	var w Way
	now := time.Now()
	if w.isTaken(now) {
		t.Error("it is taken before anybody asked")
	}
	first := w.Take(now)
	second := w.Take(now.Add(200 * time.Millisecond))
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

func TestRespite(t *testing.T) {
	now := time.Now()
	var other respite
	other.ended(now, now.Add(time.Second))
	if !other.allows(now.Add(time.Second), now.Add(time.Hour)) {
		t.Error("a worker that is not the steady one does not give way")
	}
	steady := respite{steady: true}
	if !steady.allows(now, now.Add(100*time.Millisecond)) {
		t.Error("the steady one does not give way at all")
	}
	if steady.allows(now, now.Add(steadyRest)) {
		t.Error("the steady one gives way for good")
	}
	now = now.Add(100 * time.Millisecond)
	steady.ended(now.Add(-100*time.Millisecond), now)
	if steady.allows(now.Add(99*time.Millisecond), now.Add(99*time.Millisecond)) {
		t.Error("the steady one works for less long than it rested")
	}
	steady.ended(now.Add(99*time.Millisecond), now.Add(99*time.Millisecond))
	if !steady.allows(now.Add(100*time.Millisecond), now.Add(100*time.Millisecond)) {
		t.Error("the steady one never gives way again")
	}
}
