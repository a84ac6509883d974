package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"time"

	"golang.org/x/sync/errgroup"

	"nopea.io/nopea/pkg/testing/localcluster"
	"nopea.io/nopea/pkg/testing/sandbox"
)

// restartPause is before a server that ended by itself is started again.
const restartPause = time.Second

// serve runs the cluster and NOPEA until the context ends. Once both are ready it calls then, and says so to `up` afterwards.
func serve(ctx context.Context, f folder, background bool, out io.Writer, then func(context.Context, *sandbox.Sandbox) error) (err error) {
	unlock, err := f.lock()
	if errors.Is(err, errRuns) {
		return alreadyRunning(f)
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	mine := state{PID: os.Getpid(), Background: background}
	if err := f.saveState(mine); err != nil {
		return err
	}

	nodes, err := simulatedNodes()
	if err != nil {
		return err
	}
	started := time.Now()
	fmt.Fprintln(out, "Starting etcd, kube-apiserver and kube-controller-manager …")
	cluster, err := localcluster.Start(ctx, localcluster.Options{Dir: f.cluster(), Durable: true, Nodes: nodes})
	if err != nil {
		return interrupted(ctx, err)
	}
	defer func() {
		fmt.Fprintln(out, "Stopping the cluster …")
		err = errors.Join(err, cluster.Stop())
	}()
	if err := copyKubeconfig(f, cluster); err != nil {
		return err
	}
	fmt.Fprintf(out, "The cluster is ready after %.1f s. Installing NOPEA …\n", time.Since(started).Seconds())

	started = time.Now()
	nopea, err := sandbox.Start(ctx, sandbox.Options{Cluster: cluster, Dir: f.nopea()})
	if err != nil {
		return interrupted(ctx, err)
	}
	defer func() {
		fmt.Fprintln(out, "Stopping NOPEA …")
		err = errors.Join(err, nopea.Stop())
	}()
	fmt.Fprintf(out, "NOPEA is ready after %.1f s.\n", time.Since(started).Seconds())

	if err := then(ctx, nopea); err != nil {
		return interrupted(ctx, err)
	}
	mine.Ready = true
	if err := f.saveState(mine); err != nil {
		return err
	}
	return keepRunning(ctx, cluster, nopea, out)
}

// simulatedNodes is how many nodes NODES asks for.
func simulatedNodes() (int, error) {
	asked := os.Getenv("NODES")
	if asked == "" {
		return 0, nil
	}
	nodes, err := strconv.Atoi(asked)
	if err != nil {
		return 0, fmt.Errorf("NODES is %q: it must be the number of nodes to simulate", asked)
	}
	return nodes, nil
}

// interrupted drops an error that only says that the user asked to stop.
func interrupted(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}

func alreadyRunning(f folder) error {
	s, running, err := f.running()
	if err != nil || !running {
		return errors.Join(errors.New("the sandbox was running a moment ago: try again"), err)
	}
	return fmt.Errorf("the sandbox runs already (process %d): use it with\n  export KUBECONFIG=%s\nor %s", s.PID, f.kubeconfig(), s.stop())
}

func copyKubeconfig(f folder, cluster *localcluster.Cluster) error {
	data, err := os.ReadFile(cluster.Kubeconfig())
	if err != nil {
		return fmt.Errorf("read the cluster's kubeconfig: %w", err)
	}
	return f.replace(f.kubeconfig(), data)
}

// keepRunning starts a server again that ended by itself, as Kubernetes would, until the context or the cluster ends.
func keepRunning(ctx context.Context, cluster *localcluster.Cluster, nopea *sandbox.Sandbox, out io.Writer) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		select {
		case <-ctx.Done():
			return nil
		case <-cluster.Ended():
			return fmt.Errorf("the cluster ended by itself: see %s and the logs beside it", cluster.Kubeconfig())
		}
	})
	for _, process := range []*sandbox.Process{nopea.APIServer, nopea.Controller} {
		group.Go(func() error {
			keepProcess(ctx, process, out)
			return nil
		})
	}
	return group.Wait()
}

func keepProcess(ctx context.Context, process *sandbox.Process, out io.Writer) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-process.Ended():
		}
		fmt.Fprintf(out, "%s ended by itself and is started again; its log is %s\n", process.Name(), process.Log())
		select {
		case <-ctx.Done():
			return
		case <-time.After(restartPause):
		}
		if err := process.Start(ctx); err != nil && ctx.Err() == nil {
			fmt.Fprintln(out, err)
		}
	}
}
