// Command nopea-apiserver serves the nopea.io API behind kube-apiserver's aggregation layer.
package main

import (
	"fmt"
	"os"
	"runtime/debug"

	"github.com/spf13/cobra"
	genericapiserver "k8s.io/apiserver/pkg/server"
	"k8s.io/component-base/cli"
	logsapi "k8s.io/component-base/logs/api/v1"

	"nopea.io/nopea/pkg/apiserver"
)

func main() {
	os.Exit(cli.Run(newCommand()))
}

func newCommand() *cobra.Command {
	options := apiserver.NewOptions()
	logging := logsapi.NewLoggingConfiguration()
	cmd := &cobra.Command{
		Use:   "nopea-apiserver",
		Short: "Serve the nopea.io API: GitRepositories, Syncs and Inventories",
		Long: "Serves the nopea.io API behind kube-apiserver's aggregation layer. What it stores is kept in an etcd of its own,\n" +
			"embedded (--data-dir) or not (--etcd-servers).",
		Version:      version(),
		Args:         cobra.NoArgs,
		SilenceUsage: true,
		RunE: func(*cobra.Command, []string) error {
			if err := logsapi.ValidateAndApply(logging, nil); err != nil {
				return fmt.Errorf("set up logging: %w", err)
			}
			if err := options.Validate(); err != nil {
				return err
			}
			return apiserver.Run(genericapiserver.SetupSignalContext(), options)
		},
	}
	options.AddFlags(cmd.Flags())
	logsapi.AddFlags(logging, cmd.Flags())
	return cmd
}

// version is that of the module, and the commit where it was built from a checkout.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	version := info.Main.Version
	for _, setting := range info.Settings {
		if setting.Key == "vcs.revision" {
			version += " (" + setting.Value + ")"
		}
	}
	return version
}
