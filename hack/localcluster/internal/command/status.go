package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"nopea.io/nopea/hack/localcluster/internal/cluster"
	"nopea.io/nopea/hack/localcluster/internal/probe"
)

// statusTimeout bounds all questions that status asks.
const statusTimeout = 10 * time.Second

func newStatus() *cobra.Command {
	var set settings
	return newFor("status", "Show whether the cluster runs and is ready; exit 1 if not", &set,
		func(cmd *cobra.Command, layout cluster.Layout) error {
			running, err := layout.Running()
			if err != nil {
				return err
			}
			if !running {
				return errors.New("the cluster is not running")
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), statusTimeout)
			defer cancel()
			return status(ctx, layout, cmd.OutOrStdout())
		})
}

func status(ctx context.Context, layout cluster.Layout, out io.Writer) error {
	state, err := cluster.LoadState(layout)
	if err != nil {
		return err
	}
	checks, err := probe.Checks(layout, state)
	if err != nil {
		return err
	}
	failures := map[string]error{}
	for _, check := range checks {
		if err := check.Do(ctx); err != nil && failures[check.Component] == nil {
			failures[check.Component] = err
		}
	}
	urls := map[string]string{
		cluster.Etcd:              cluster.URL(state.Ports.EtcdClient),
		cluster.APIServer:         cluster.URL(state.Ports.APIServer),
		cluster.ControllerManager: cluster.URL(state.Ports.ControllerManager),
		cluster.Scheduler:         cluster.URL(state.Ports.Scheduler),
		cluster.Kwok:              fmt.Sprintf("http://127.0.0.1:%d", state.Ports.Kwok),
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "COMPONENT\tPID\tURL\tSTATUS")
	for _, component := range cluster.StartOrder(state.Nodes) {
		pid, err := readPID(layout, component)
		if err != nil {
			return err
		}
		said := "ready"
		if err := failures[component]; err != nil {
			said = err.Error()
		}
		fmt.Fprintf(table, "%s\t%d\t%s\t%s\n", component, pid, urls[component], said)
	}
	if err := table.Flush(); err != nil {
		return fmt.Errorf("writing the status: %w", err)
	}
	if len(failures) > 0 {
		return errors.New("the cluster is not ready")
	}
	return nil
}
