package cluster

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
)

// SelfCommand is the hidden sub-command by which this program runs one of the components.
const SelfCommand = "component"

// Options are what the user chose for a start.
type Options struct {
	// UnsafeNoFsync lets etcd answer before its data is on disk: faster, but a crash of
	// the machine loses data. A crash of etcd alone does not.
	UnsafeNoFsync bool
	// Nodes is how many nodes are simulated. Without any, Pods stay pending.
	Nodes int
	// AssetsDir is a folder of executables, named as the components are, to use instead
	// of this program. Those missing there are still this program's.
	AssetsDir string
	// Self is the path of this program.
	Self string
}

// CommandLine returns the executable and the arguments that run a component.
func CommandLine(l Layout, ports Ports, component string, options Options) (path string, args []string, err error) {
	switch component {
	case Etcd:
		args = etcdArgs(l, ports, options.UnsafeNoFsync)
	case APIServer:
		args = apiServerArgs(l, ports)
	case ControllerManager:
		args = controllerManagerArgs(l, ports)
	case Scheduler:
		args = schedulerArgs(l, ports)
	case Kwok:
		args = kwokArgs(l, ports)
	default:
		return "", nil, fmt.Errorf("there is no component %q", component)
	}
	if asset := filepath.Join(options.AssetsDir, component); options.AssetsDir != "" && executable(asset) {
		return asset, args, nil
	}
	return options.Self, append([]string{SelfCommand, component}, args...), nil
}

// componentArgs are the flags that a component has in common with others that talk to kube-apiserver and serve on a port of their own.
func componentArgs(l Layout, kubeconfig string, port int, cert string) []string {
	return []string{
		"--kubeconfig=" + kubeconfig,
		"--authentication-kubeconfig=" + kubeconfig,
		"--authorization-kubeconfig=" + kubeconfig,
		"--bind-address=127.0.0.1",
		"--secure-port=" + strconv.Itoa(port),
		"--tls-cert-file=" + l.Cert(cert),
		"--tls-private-key-file=" + l.Key(cert),
		"--leader-elect=false",
	}
}

func executable(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Mode().Perm()&0o111 != 0
}
