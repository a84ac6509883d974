// Command localcluster runs a real Kubernetes control plane on one machine, without
// containers: etcd, kube-apiserver and kube-controller-manager, all linked into this one
// executable and each run as a process of its own.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/spf13/cobra"
	"go.etcd.io/etcd/server/v3/etcdmain"
	"k8s.io/component-base/cli"
	_ "k8s.io/component-base/metrics/prometheus/clientgo" // as in the components' own main packages
	_ "k8s.io/component-base/metrics/prometheus/version"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllermanager "k8s.io/kubernetes/cmd/kube-controller-manager/app"

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
