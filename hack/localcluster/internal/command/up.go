package command

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"nopea.io/nopea/hack/localcluster/internal/cluster"
	"nopea.io/nopea/hack/localcluster/internal/logfile"
	"nopea.io/nopea/hack/localcluster/internal/probe"
)

func newUp() *cobra.Command {
	var set settings
	cmd := newFor("up", "Start the cluster in the background and wait until it is ready", &set,
		func(cmd *cobra.Command, layout cluster.Layout) error {
			ctx, stop := signal.NotifyContext(cmd.Context(), syscall.SIGINT, syscall.SIGTERM)
			defer stop()
			running, err := layout.Running()
			if err != nil {
				return err
			}
			if running {
				return awaitRunning(ctx, layout, set.readyTimeout, cmd.OutOrStdout())
			}
			return startDetached(ctx, layout, &set, cmd.OutOrStdout())
		})
	set.addStartFlags(cmd)
	return cmd
}

// awaitRunning waits until the cluster that another supervisor runs is ready. That one may
// only just have started: its files are read anew each time.
func awaitRunning(ctx context.Context, layout cluster.Layout, timeout time.Duration, out io.Writer) error {
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, fmt.Errorf("not within %s", timeout))
	defer cancel()
	ready := probe.Check{
		Component: cluster.Supervisor,
		Name:      "the cluster that runs already",
		Do: func(ctx context.Context) error {
			state, err := cluster.LoadState(layout)
			if err != nil {
				return err
			}
			checks, err := probe.Checks(layout, state)
			if err != nil {
				return err
			}
			for _, check := range checks {
				if err := check.Do(ctx); err != nil {
					return fmt.Errorf("waiting for %s: %w", check.Name, err)
				}
			}
			return nil
		},
	}
	if err := probe.Wait(ctx, ready, func() int { return 0 }); err != nil {
		return withTail(err, layout.Log(cluster.Supervisor))
	}
	fmt.Fprintf(out, "The cluster is running already: export KUBECONFIG=%s\n", layout.Kubeconfig())
	return nil
}

// startDetached starts `run` in a session of its own and waits for the line that it
// writes when the cluster is ready.
func startDetached(ctx context.Context, layout cluster.Layout, set *settings, out io.Writer) error {
	if err := layout.Claim(); err != nil {
		return err
	}
	options, err := set.options()
	if err != nil {
		return err
	}
	log, err := openSupervisorLog(layout)
	if err != nil {
		return err
	}
	defer log.Close() // the supervisor has its own descriptor
	begin, err := log.Seek(0, io.SeekEnd)
	if err != nil {
		return fmt.Errorf("opening the supervisor's log: %w", err)
	}

	cmd := exec.Command(options.Self, "run", "--dir="+layout.Dir,
		"--ready-timeout="+set.readyTimeout.String(), fmt.Sprintf("--unsafe-no-fsync=%t", set.unsafeNoFsync),
		fmt.Sprintf("--nodes=%d", set.nodes))
	cmd.Stderr = log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return fmt.Errorf("starting the supervisor: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("starting the supervisor: %w", err)
	}
	// Not by exec.CommandContext: the supervisor must outlive this context once it is ready.
	release := context.AfterFunc(ctx, func() {
		_ = cmd.Process.Signal(syscall.SIGTERM) // fails only where it has ended already
	})
	defer release()
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err == nil {
		fmt.Fprint(out, line)
		return nil
	}
	// The supervisor has ended, or its output would not have; its log says why.
	err = errors.Join(ctx.Err(), cmd.Wait())
	if running, runningErr := layout.Running(); running && runningErr == nil {
		// Somebody else has started the cluster at the same time.
		return awaitRunning(ctx, layout, set.readyTimeout, out)
	}
	said, logErr := logfile.Since(log.Name(), begin)
	return errors.Join(fmt.Errorf("the cluster has not started: %w\n%s has:\n%s", err, log.Name(), strings.TrimSpace(said)), logErr)
}

func openSupervisorLog(layout cluster.Layout) (*os.File, error) {
	path := layout.Log(cluster.Supervisor)
	if err := logfile.Rotate(path); err != nil {
		return nil, err
	}
	log, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("opening the supervisor's log: %w", err)
	}
	return log, nil
}
