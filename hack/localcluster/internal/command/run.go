package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/klog/v2"

	"nopea.io/nopea/hack/localcluster/internal/atomicfile"
	"nopea.io/nopea/hack/localcluster/internal/cluster"
	"nopea.io/nopea/hack/localcluster/internal/logfile"
	"nopea.io/nopea/hack/localcluster/internal/probe"
	"nopea.io/nopea/hack/localcluster/internal/supervise"
)

// stopGrace is how long a component may take to end before it is killed.
const stopGrace = 10 * time.Second

func newRun() *cobra.Command {
	var (
		set              settings
		untilStdinCloses bool
	)
	cmd := newFor("run", "Run the cluster in the foreground until interrupted", &set,
		func(cmd *cobra.Command, layout cluster.Layout) error {
			// Once the first signal has come a second one ends this process at once.
			ctx, stop := signal.NotifyContext(cmd.Context(), syscall.SIGINT, syscall.SIGTERM)
			defer stop()
			context.AfterFunc(ctx, stop)
			if untilStdinCloses {
				ctx = untilClosed(ctx, cmd.InOrStdin())
			}
			options, err := set.options()
			if err != nil {
				return err
			}
			return run(ctx, layout, options, set.readyTimeout, cmd.OutOrStdout())
		})
	set.addStartFlags(cmd)
	cmd.Flags().BoolVar(&untilStdinCloses, "until-stdin-closes", false, "stop when standard input ends too, as it does when the parent process dies")
	return cmd
}

// untilClosed returns a context that ends with ctx or when the reader does.
func untilClosed(ctx context.Context, reader io.Reader) context.Context {
	ctx, cancel := context.WithCancelCause(ctx)
	go func() { // ends with the reader, at the latest with the process
		if _, err := io.Copy(io.Discard, reader); err != nil {
			cancel(fmt.Errorf("reading standard input: %w", err))
			return
		}
		cancel(errors.New("standard input has been closed"))
	}()
	return ctx
}

// run supervises the cluster until ctx ends. It writes one line to out when the cluster
// is ready and nothing else: whoever started it may have gone by then.
func run(ctx context.Context, layout cluster.Layout, options cluster.Options, readyTimeout time.Duration, out io.Writer) (err error) {
	started := time.Now()
	if err := layout.Claim(); err != nil {
		return err
	}
	unlock, err := layout.Lock()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, unlock()) }()

	pidFile := layout.PIDFile(cluster.Supervisor)
	if err := atomicfile.Write(pidFile, []byte(strconv.Itoa(os.Getpid())+"\n"), 0o600); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.Remove(pidFile)) }()

	state, err := prepare(layout, options.Nodes, started)
	if err != nil {
		return err
	}
	group := &supervise.Group{}
	defer group.Stop(stopGrace)
	if err := start(ctx, group, layout, state, options, readyTimeout); err != nil {
		return err
	}
	fmt.Fprintf(out, "The cluster is ready after %.1fs: export KUBECONFIG=%s\n", time.Since(started).Seconds(), layout.Kubeconfig())

	<-ctx.Done()
	klog.FromContext(ctx).Info("Stopping the cluster", "cause", context.Cause(ctx))
	return nil
}

// prepare writes all files that the components read.
func prepare(layout cluster.Layout, nodes int, now time.Time) (cluster.State, error) {
	state, err := cluster.LoadState(layout)
	if err != nil {
		return cluster.State{}, err
	}
	state.Nodes = nodes
	cluster.AwaitPorts(state.Ports)
	if state.Ports, err = cluster.ChoosePorts(state.Ports, cluster.PortFree, cluster.RandomPort); err != nil {
		return cluster.State{}, err
	}
	if err := state.Save(layout); err != nil {
		return cluster.State{}, err
	}
	if err := cluster.EnsurePKI(layout, now); err != nil {
		return cluster.State{}, err
	}
	return state, cluster.WriteConfig(layout, state.Ports)
}

// start starts the components, each when the one it depends on serves: one that came
// too early would wait for a whole second before it tries again. It returns when the
// cluster is ready.
func start(ctx context.Context, group *supervise.Group, layout cluster.Layout, state cluster.State, options cluster.Options, timeout time.Duration) error {
	checks, err := probe.Checks(layout, state)
	if err != nil {
		return err
	}
	waiting, cancel := context.WithTimeoutCause(ctx, timeout, fmt.Errorf("not within %s", timeout))
	defer cancel()
	keepers := map[string]*supervise.Keeper{}
	for _, check := range checks {
		if keepers[check.Component] == nil {
			spec, err := specOf(layout, state.Ports, check.Component, options)
			if err != nil {
				return err
			}
			keepers[check.Component] = group.Start(ctx, spec)
		}
		if err := probe.Wait(waiting, check, keepers[check.Component].Exits); err != nil {
			if ctx.Err() != nil {
				return fmt.Errorf("interrupted while %w", err)
			}
			return withTail(err, layout.Log(check.Component))
		}
	}
	return nil
}

func specOf(layout cluster.Layout, ports cluster.Ports, component string, options cluster.Options) (supervise.Spec, error) {
	path, args, err := cluster.CommandLine(layout, ports, component, options)
	if err != nil {
		return supervise.Spec{}, err
	}
	if err := logfile.Rotate(layout.Log(component)); err != nil {
		return supervise.Spec{}, err
	}
	return supervise.Spec{
		Name:    component,
		Path:    path,
		Args:    args,
		LogFile: layout.Log(component),
		PIDFile: layout.PIDFile(component),
	}, nil
}

// withTail adds the end of a log to an error.
func withTail(err error, log string) error {
	tail, tailErr := logfile.Tail(log)
	if tailErr != nil {
		return errors.Join(err, tailErr)
	}
	return fmt.Errorf("%w\nthe end of %s:\n%s", err, log, tail)
}
