package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"nopea.io/nopea/pkg/testing/sandbox"
)

const (
	// backgroundCommand is by which up starts this program again.
	backgroundCommand = "serve"

	lookPause = 50 * time.Millisecond
	// upTimeout and downTimeout outlast those of the parts.
	upTimeout   = 3 * time.Minute
	downTimeout = 2 * time.Minute
)

func serveInBackground(ctx context.Context, f folder) error {
	return serve(ctx, f, true, os.Stdout, func(context.Context, *sandbox.Sandbox) error { return nil })
}

// up starts the sandbox in the background, unless it runs, and returns when it is ready.
func up(ctx context.Context, f folder) error {
	ctx, cancel := context.WithTimeoutCause(ctx, upTimeout, fmt.Errorf("not ready within %s: see %s", upTimeout, f.log()))
	defer cancel()
	_, running, err := f.running()
	if err != nil {
		return err
	}
	started := time.Now()
	var ended <-chan error
	if running {
		fmt.Println("The sandbox runs already.")
	} else if ended, err = launch(ctx, f); err != nil {
		return err
	}
	if err := awaitReady(ctx, f, ended); err != nil {
		return err
	}
	fmt.Printf("NOPEA is ready after %.1f s. `make down` stops it.\nexport KUBECONFIG=%s\n", time.Since(started).Seconds(), f.kubeconfig())
	return nil
}

// launch starts this program again, in a session of its own.
func launch(ctx context.Context, f folder) (ended <-chan error, err error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program's own file: %w", err)
	}
	log, err := os.OpenFile(f.log(), os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the sandbox's log: %w", err)
	}
	defer log.Close() // the process has its own descriptor
	cmd := exec.Command(self, backgroundCommand, "--dir="+string(f))
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start the sandbox: %w", err)
	}
	end := make(chan error, 1)
	go func() { // ends with the sandbox, or with this process
		end <- cmd.Wait()
	}()
	// Not by exec.CommandContext: the sandbox outlives this context once it is ready.
	context.AfterFunc(ctx, func() {
		if s, running, err := f.running(); err == nil && running && s.PID == cmd.Process.Pid && !s.Ready {
			_ = cmd.Process.Signal(syscall.SIGTERM) // fails only where it has ended already
		}
	})
	return end, nil
}

func awaitReady(ctx context.Context, f folder, ended <-chan error) error {
	ticker := time.NewTicker(lookPause)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case err := <-ended:
			return errors.Join(fmt.Errorf("the sandbox did not start: %w\n%s", err, logOf(f)))
		case <-ticker.C:
		}
		s, running, err := f.running()
		if err != nil {
			return err
		}
		if running && s.Ready {
			return nil
		}
		if !running && ended == nil {
			return errors.New("the sandbox has just ended: try again")
		}
	}
}

func logOf(f folder) string {
	data, err := os.ReadFile(f.log())
	if err != nil {
		return err.Error()
	}
	return strings.TrimSpace(string(data))
}

// down stops the sandbox and returns when it is gone.
func down(ctx context.Context, f folder) error {
	ctx, cancel := context.WithTimeoutCause(ctx, downTimeout, fmt.Errorf("not stopped within %s: see %s", downTimeout, f.log()))
	defer cancel()
	ticker := time.NewTicker(lookPause)
	defer ticker.Stop()
	for asked := false; ; {
		s, running, err := f.running()
		if err != nil {
			return err
		}
		if !running {
			if asked {
				fmt.Println("Stopped. The data is kept.")
			} else {
				fmt.Println("The sandbox was not running.")
			}
			return nil
		}
		if !asked && s.PID > 1 {
			if err := syscall.Kill(s.PID, syscall.SIGTERM); err != nil && !errors.Is(err, syscall.ESRCH) {
				return fmt.Errorf("ask the sandbox (process %d) to stop: %w", s.PID, err)
			}
			asked = true
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-ticker.C:
		}
	}
}
