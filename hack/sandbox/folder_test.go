package main

import (
	"errors"
	"testing"
)

func TestOneProcessRunsAFolder(t *testing.T) {
	f := folder(t.TempDir())
	if err := f.saveState(state{PID: 2, Ready: true}); err != nil {
		t.Fatal(err)
	}
	if s, running, err := f.running(); running || err != nil || s != (state{}) {
		t.Errorf("what a killed process left is taken for a running one: %+v, %v, %v", s, running, err)
	}
	unlock, err := f.lock()
	if err != nil {
		t.Fatal(err)
	}
	if s, running, err := f.running(); !running || err != nil || s != (state{}) {
		t.Errorf("one that just started shows as %+v, %v, %v; want running, and nothing known", s, running, err)
	}
	want := state{PID: 3, Background: true, Ready: true}
	if err := f.saveState(want); err != nil {
		t.Fatal(err)
	}
	if s, running, err := f.running(); !running || err != nil || s != want {
		t.Errorf("a running one shows as %+v, %v, %v; want %+v", s, running, err, want)
	}
	if _, err := f.lock(); !errors.Is(err, errRuns) {
		t.Errorf("a second lock: %v, want %v", err, errRuns)
	}
	if err := unlock(); err != nil {
		t.Fatal(err)
	}
	if _, running, err := f.running(); running || err != nil {
		t.Errorf("after the end it runs: %v, %v", running, err)
	}
}
