// Package command holds the sub-commands of localcluster, a file for each.
package command

import (
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"nopea.io/nopea/hack/localcluster/internal/cluster"
)

// Component runs a component of the control plane in this process, until it ends, and
// returns its exit code.
type Component func(args []string) int

// settings are the values of the flags that several sub-commands share.
type settings struct {
	dir           string
	readyTimeout  time.Duration
	unsafeNoFsync bool
	nodes         int
}

// maxNodes is what kwok still does in its stride beside everything else.
const maxNodes = 100

func (s *settings) addStartFlags(cmd *cobra.Command) {
	cmd.Flags().DurationVar(&s.readyTimeout, "ready-timeout", time.Minute, "how long the cluster may take to become ready")
	cmd.Flags().BoolVar(&s.unsafeNoFsync, "unsafe-no-fsync", false, "let etcd answer before its data is on disk: faster, but a crash of the machine loses data")
	cmd.Flags().IntVar(&s.nodes, "nodes", 0, "how many nodes to simulate: kube-scheduler puts Pods there, and kwok says that they run")
}

func (s *settings) options() (cluster.Options, error) {
	if s.nodes < 0 || s.nodes > maxNodes {
		return cluster.Options{}, fmt.Errorf("--nodes is %d: it must be between 0 and %d", s.nodes, maxNodes)
	}
	self, err := os.Executable()
	if err != nil {
		return cluster.Options{}, fmt.Errorf("finding this program's own file: %w", err)
	}
	return cluster.Options{
		UnsafeNoFsync: s.unsafeNoFsync,
		Nodes:         s.nodes,
		AssetsDir:     os.Getenv("KUBEBUILDER_ASSETS"),
		Self:          self,
	}, nil
}

// New returns the command localcluster, which runs the given components.
func New(components map[string]Component) *cobra.Command {
	root := &cobra.Command{
		Use:   "localcluster",
		Short: "Run a Kubernetes control plane on this machine, without containers",
		Long: `Run a Kubernetes control plane on this machine, without containers: etcd,
kube-apiserver and kube-controller-manager. There are no nodes, so Pods stay pending,
unless --nodes simulates some: with kube-scheduler, and kwok in a kubelet's place.

Where the variable KUBEBUILDER_ASSETS names a folder, the executables etcd,
kube-apiserver and kube-controller-manager found there are run instead of those
built into this program.`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.NoArgs,
	}
	root.CompletionOptions.DisableDefaultCmd = true
	for _, newCommand := range []func() *cobra.Command{newRun, newUp, newDown, newWipe, newStatus} {
		root.AddCommand(newCommand())
	}
	root.AddCommand(newComponent(components))
	return root
}

// newFor returns a sub-command that works on the cluster at --dir.
func newFor(use, short string, set *settings, run func(*cobra.Command, cluster.Layout) error) *cobra.Command {
	cmd := &cobra.Command{
		Use:   use,
		Short: short,
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			layout, err := cluster.NewLayout(set.dir)
			if err != nil {
				return err
			}
			return run(cmd, layout)
		},
	}
	cmd.Flags().StringVar(&set.dir, "dir", "", "the cluster's folder (required)")
	return cmd
}

// newComponent is by which the supervisor runs a component: it starts this program again.
func newComponent(components map[string]Component) *cobra.Command {
	return &cobra.Command{
		Use:                cluster.SelfCommand + " NAME [FLAGS]",
		Short:              "Run one component with its own flags",
		Hidden:             true,
		DisableFlagParsing: true,
		Args:               cobra.MinimumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			run, ok := components[args[0]]
			if !ok {
				return fmt.Errorf("there is no component %q", args[0])
			}
			os.Exit(run(args[1:]))
			return nil
		},
	}
}
