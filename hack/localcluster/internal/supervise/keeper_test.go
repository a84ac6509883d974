package supervise

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// shell returns a process that runs a script, which does no more once it has written
// the file named by the process plus ".ready".
func shell(dir, name, script string) Spec {
	return Spec{
		Name:    name,
		Path:    "/bin/sh",
		Args:    []string{"-c", script + "; touch " + name + ".ready; while :; do sleep 0.01; done"},
		LogFile: filepath.Join(dir, name+".log"),
		PIDFile: filepath.Join(dir, name+".pid"),
	}
}

// await waits for a condition and fails the test if it takes too long.
func await(t *testing.T, what string, condition func() bool) {
	t.Helper()
	deadline := time.After(20 * time.Second)
	again := time.NewTicker(5 * time.Millisecond)
	defer again.Stop()
	for !condition() {
		select {
		case <-deadline:
			t.Fatalf("waited too long for %s", what)
		case <-again.C:
		}
	}
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// pidIn returns the process id in a pid file, 0 where there is none.
func pidIn(path string) int {
	data, _ := os.ReadFile(path)
	pid, _ := strconv.Atoi(strings.TrimSpace(string(data)))
	return pid
}

func TestGroupStopsInReverseOrder(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	group := &Group{}
	for i, name := range []string{"first", "second", "third"} {
		// The later it starts the longer it takes to stop: asked together, they would end
		// in the wrong order.
		group.Start(t.Context(), shell(dir, name, fmt.Sprintf("trap 'sleep 0.%d; echo %s >> stopped; exit 0' TERM", i, name)))
		await(t, name, func() bool { return exists(name + ".ready") })
	}
	group.Stop(20 * time.Second)
	got, err := os.ReadFile("stopped")
	if err != nil || string(got) != "third\nsecond\nfirst\n" {
		t.Errorf("stopped in the order %q, %v", got, err)
	}
	if exists("first.pid") {
		t.Error("a pid file is left")
	}
}

func TestKeeperStartsAgain(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	keeper := Keep(t.Context(), shell(dir, "a", ":"))
	defer keeper.Stop(0)
	await(t, "the start", func() bool { return pidIn("a.pid") != 0 })
	if n := keeper.Exits(); n != 0 {
		t.Errorf("Exits = %d before the process has ended", n)
	}
	first := pidIn("a.pid")
	if err := syscall.Kill(first, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	await(t, "the second start", func() bool { pid := pidIn("a.pid"); return pid != 0 && pid != first })
	if n := keeper.Exits(); n != 1 {
		t.Errorf("Exits = %d, want 1", n)
	}
}

func TestStopKillsAfterGrace(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	keeper := Keep(t.Context(), shell(dir, "deaf", "trap '' TERM"))
	await(t, "the start", func() bool { return exists("deaf.ready") })
	pid := pidIn("deaf.pid")
	keeper.Stop(50 * time.Millisecond)
	if err := syscall.Kill(pid, 0); err != syscall.ESRCH {
		t.Errorf("the process is still there: %v", err)
	}
	if n := keeper.Exits(); n != 0 {
		t.Errorf("Exits = %d: being stopped is not unexpected", n)
	}
}

func TestWhatCannotStart(t *testing.T) {
	spec := shell(t.TempDir(), "a", ":")
	spec.Path = filepath.Join(t.TempDir(), "missing")
	keeper := Keep(t.Context(), spec)
	await(t, "failures", func() bool { return keeper.Exits() >= 2 })
	keeper.Stop(0)
}
