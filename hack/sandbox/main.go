// Command sandbox runs NOPEA on a Kubernetes control plane of this machine, to try it out (run) or to work against it (up, down). It is
// the program behind `make run`, `make up` and `make down`, with as many simulated nodes as the variable NODES says; how the cluster and NOPEA are brought up is in pkg/testing.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/spf13/cobra"
	"k8s.io/klog/v2"

	"nopea.io/nopea/pkg/testing/localcluster"
)

func main() {
	// What the client libraries have to say is in the errors too.
	klog.SetOutput(io.Discard)
	klog.LogToStderr(false)
	if err := command().Execute(); err != nil {
		fmt.Fprintf(os.Stderr, "\n%v\n", err)
		os.Exit(1)
	}
}

func command() *cobra.Command {
	var dir string
	root := &cobra.Command{
		Use:           "sandbox",
		Short:         "Run NOPEA on a Kubernetes control plane of this machine",
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          cobra.NoArgs,
	}
	root.CompletionOptions.DisableDefaultCmd = true
	root.PersistentFlags().StringVar(&dir, "dir", "", "folder of everything that is stored (default _output/local of the checkout)")
	root.AddCommand(
		subcommand("run", "Run the cluster, NOPEA and a sample repository until interrupted", &dir, run),
		subcommand("up", "Start the cluster and NOPEA in the background and return when they are ready", &dir, up),
		subcommand("down", "Stop what run or up started, and keep the data", &dir, down),
	)
	background := subcommand(backgroundCommand, "What up runs in the background", &dir, serveInBackground)
	background.Hidden = true
	root.AddCommand(background)
	return root
}

func subcommand(use, short string, dir *string, do func(context.Context, folder) error) *cobra.Command {
	return &cobra.Command{
		Use:   use,
		Short: short,
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			// Once the first signal has come a second one ends this process at once.
			ctx, stop := signal.NotifyContext(cmd.Context(), syscall.SIGINT, syscall.SIGTERM)
			defer stop()
			context.AfterFunc(ctx, stop)
			f, err := newFolder(*dir)
			if err != nil {
				return err
			}
			return do(ctx, f)
		},
	}
}

func newFolder(dir string) (folder, error) {
	if dir == "" {
		root, err := localcluster.Root()
		if err != nil {
			return "", err
		}
		dir = filepath.Join(root, "_output", "local")
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", fmt.Errorf("find the sandbox's folder: %w", err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("make the sandbox's folder: %w", err)
	}
	return folder(dir), nil
}
