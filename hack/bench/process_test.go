package main

import (
	"os"
	"os/exec"
	"testing"
	"time"
)

func TestOwnProcess(t *testing.T) {
	before, err := cpu(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(10 * time.Second)
	for {
		after, err := cpu(os.Getpid())
		if err != nil {
			t.Fatal(err)
		}
		if after > before {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("no processor time was used in ten seconds of work")
		}
	}
	now, peak, err := memory(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	if now < 1 || peak < now || peak > 10<<10 {
		t.Errorf("this process holds %v MiB, at most %v", now, peak)
	}
}

func TestChild(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), "sleep", "600")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := cmd.Process.Kill(); err != nil {
			t.Error(err)
		}
		_ = cmd.Wait() // it was killed
	}()
	// For a moment after its start a process has no command line yet.
	pid, args, err := child("sleep")
	for deadline := time.Now().Add(10 * time.Second); err != nil && time.Now().Before(deadline); {
		pid, args, err = child("sleep")
	}
	if err != nil {
		t.Fatal(err)
	}
	if pid != cmd.Process.Pid || len(args) != 2 || args[1] != "600" {
		t.Errorf("found process %d, %q; want %d", pid, args, cmd.Process.Pid)
	}
	if _, _, err := child("no-such-program"); err == nil {
		t.Error("found a process that was never started")
	}
	if got := argument([]string{"x", "--bind-address=127.0.0.1:1", "--b=2"}, "--b"); got != "2" {
		t.Errorf("--b is %q", got)
	}
}
