// Command localcluster runs a real Kubernetes control plane on one machine, without
// containers: etcd, kube-apiserver and kube-controller-manager, and where nodes are simulated
// kube-scheduler and kwok, all linked into this one executable and each run as a process of its own.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"go.etcd.io/etcd/server/v3/etcdmain"
	"k8s.io/component-base/cli"
	_ "k8s.io/component-base/metrics/prometheus/clientgo" // as in the components' own main packages
	_ "k8s.io/component-base/metrics/prometheus/version"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllermanager "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
	kwokconfig "sigs.k8s.io/kwok/pkg/config"
	kwokcmd "sigs.k8s.io/kwok/pkg/kwok/cmd"
	kwoklog "sigs.k8s.io/kwok/pkg/log"

	"nopea.io/nopea/hack/localcluster/internal/cluster"
	"nopea.io/nopea/hack/localcluster/internal/command"
)

func main() {
	root := command.New(map[string]command.Component{
		cluster.Etcd: func(args []string) int {
			etcdmain.Main(append([]string{cluster.Etcd}, args...))
			return 0
		},
		cluster.APIServer:         kubernetes(apiserver.NewAPIServerCommand),
		cluster.ControllerManager: kubernetes(controllermanager.NewControllerManagerCommand),
		cluster.Scheduler:         kubernetes(func() *cobra.Command { return scheduler.NewSchedulerCommand() }),
		cluster.Kwok:              kwok,
	})
	if err := root.ExecuteContext(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, "localcluster:", err)
		os.Exit(1)
	}
}

// kubernetes makes the command only when it is to run, for making it registers flags and
// feature gates that are global to the process and differ between the components.
func kubernetes(newCommand func() *cobra.Command) command.Component {
	return func(args []string) int {
		cmd := newCommand()
		cmd.SetArgs(args)
		return cli.Run(cmd)
	}
}

// kwok runs kwok's command as its own main package does: it looks for some of its flags in the
// process' arguments. The global flags are those of the other components' packages.
func kwok(args []string) int {
	os.Args = append([]string{cluster.Kwok}, args...)
	pflag.CommandLine = pflag.NewFlagSet(cluster.Kwok, pflag.ContinueOnError)
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	flags := pflag.NewFlagSet("global", pflag.ContinueOnError)
	flags.ParseErrorsAllowlist.UnknownFlags = true
	flags.Usage = func() {}
	ctx, _ = kwoklog.InitFlags(ctx, flags)
	ctx, err := kwokconfig.InitFlags(ctx, flags)
	if err == nil {
		cmd := kwokcmd.NewCommand(ctx)
		cmd.PersistentFlags().AddFlagSet(flags)
		err = cmd.ExecuteContext(ctx)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "kwok:", err)
		return 1
	}
	return 0
}
