// Command nopea-controller syncs GitRepositories to the cluster. Flags and wiring only; the work is in pkg/controller.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
	"k8s.io/klog/v2"
)

func main() {
	if err := command().Execute(); err != nil {
		fmt.Fprintf(os.Stderr, "nopea-controller: %v\n", err)
		os.Exit(1)
	}
}

func command() *cobra.Command {
	o := defaultOptions()
	cmd := &cobra.Command{
		Use:           "nopea-controller",
		Short:         "Keeps the cluster equal to what Git says",
		Args:          cobra.NoArgs,
		SilenceUsage:  true,
		SilenceErrors: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.validate(); err != nil {
				return err
			}
			ctx, stop := signal.NotifyContext(cmd.Context(), syscall.SIGTERM, syscall.SIGINT)
			defer stop()
			defer klog.Flush()
			return run(klog.NewContext(ctx, klog.Background()), o)
		},
	}
	o.addFlags(cmd.Flags())
	cmd.SetContext(context.Background())
	return cmd
}
