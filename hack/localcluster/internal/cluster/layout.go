// Package cluster describes one local cluster as files: where everything lies in
// its folder, its ports, certificates and kubeconfigs, and the command line of each
// component. It starts no process; see the packages supervise and command for that.
package cluster

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"nopea.io/nopea/hack/localcluster/internal/atomicfile"
)

// The components, named as their executables are.
const (
	Etcd              = "etcd"
	APIServer         = "kube-apiserver"
	ControllerManager = "kube-controller-manager"
	Scheduler         = "kube-scheduler"
	Kwok              = "kwok"

	// Supervisor is the process that runs them; it has a log and a pid file as they do.
	Supervisor = "supervisor"
)

// StartOrder lists the components of a cluster with that many simulated nodes, such that
// each comes after what it depends on. They are stopped in the reverse order.
func StartOrder(nodes int) []string {
	components := []string{Etcd, APIServer, ControllerManager}
	if nodes > 0 {
		components = append(components, Scheduler, Kwok)
	}
	return components
}

const (
	markerName    = ".localcluster"
	markerContent = "This folder belongs to localcluster; `localcluster wipe` deletes it.\n"
)

// Layout knows the path of everything in a cluster's folder.
type Layout struct {
	// Dir is the absolute path of the cluster's folder.
	Dir string
}

// NewLayout returns the layout of a cluster at dir, which need not exist.
func NewLayout(dir string) (Layout, error) {
	if dir == "" {
		return Layout{}, errors.New("no folder given: pass --dir")
	}
	abs, err := filepath.Abs(dir)
	if err != nil {
		return Layout{}, fmt.Errorf("resolving folder %q: %w", dir, err)
	}
	return Layout{Dir: abs}, nil
}

func (l Layout) path(elem ...string) string {
	return filepath.Join(append([]string{l.Dir}, elem...)...)
}

func (l Layout) marker() string    { return l.path(markerName) }
func (l Layout) lockFile() string  { return l.path("lock") }
func (l Layout) stateFile() string { return l.path("state.json") }
func (l Layout) etcdData() string  { return l.path("etcd") }

func (l Layout) auditPolicy() string { return l.path("audit-policy.yaml") }
func (l Layout) flexVolumes() string { return l.path("flexvolumes") }

// AuditLog is where kube-apiserver writes a line for each answered request.
func (l Layout) AuditLog() string { return l.path("audit.log") }

// Kubeconfig is the administrator's kubeconfig.
func (l Layout) Kubeconfig() string { return l.path("kubeconfig") }

func (l Layout) controllerManagerKubeconfig() string {
	return l.path(ControllerManager + ".kubeconfig")
}

func (l Layout) schedulerKubeconfig() string { return l.path(Scheduler + ".kubeconfig") }

// stages is what kwok does to Nodes and Pods.
func (l Layout) stages() string { return l.path("stages.yaml") }

// Cert is the file of the certificate called name.
func (l Layout) Cert(name string) string { return l.path("pki", name+".crt") }

// Key is the private key file of the certificate called name.
func (l Layout) Key(name string) string { return l.path("pki", name+".key") }

// Log is the log file of a component.
func (l Layout) Log(component string) string { return l.path("logs", component+".log") }

// PIDFile holds the process id of a component while it runs.
func (l Layout) PIDFile(component string) string { return l.path("pids", component+".pid") }

// Claim creates the cluster's folder with its marker. It refuses a folder that holds
// anything but carries no marker, for a later wipe would delete what is not ours.
func (l Layout) Claim() error {
	owned, err := l.Owned()
	if err != nil {
		return err
	}
	if !owned {
		entries, err := os.ReadDir(l.Dir)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("looking into %s: %w", l.Dir, err)
		}
		if len(entries) > 0 {
			return fmt.Errorf("folder %s is neither empty nor a cluster's (it has no file %s): choose another --dir", l.Dir, markerName)
		}
	}
	for _, dir := range []string{l.Dir, l.path("pki"), l.path("logs"), l.path("pids"), l.flexVolumes()} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return fmt.Errorf("creating the cluster's folder: %w", err)
		}
	}
	if owned {
		return nil
	}
	return atomicfile.Write(l.marker(), []byte(markerContent), 0o600)
}

// Owned reports whether the folder carries the marker of a cluster.
func (l Layout) Owned() (bool, error) {
	info, err := os.Lstat(l.marker())
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("looking for the cluster's marker: %w", err)
	}
	return info.Mode().IsRegular(), nil
}

// Delete removes the cluster's folder with all data. It refuses a folder without the
// marker; one that does not exist is fine.
func (l Layout) Delete() error {
	if _, err := os.Lstat(l.Dir); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	owned, err := l.Owned()
	if err != nil {
		return err
	}
	if !owned {
		return fmt.Errorf("folder %s is not a cluster's (it has no file %s): not deleting it", l.Dir, markerName)
	}
	if err := os.RemoveAll(l.Dir); err != nil {
		return fmt.Errorf("deleting the cluster's folder: %w", err)
	}
	return nil
}
