package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"k8s.io/client-go/kubernetes"

	"nopea.io/nopea/pkg/generated/clientset/versioned"
	nopeaclient "nopea.io/nopea/pkg/generated/clientset/versioned/typed/nopea/v1alpha1"
	"nopea.io/nopea/pkg/testing/localcluster"
	"nopea.io/nopea/pkg/testing/sandbox"
)

// world is a cluster with NOPEA and a Git server, new for each group of rows.
type world struct {
	*sandbox.Sandbox
	dir  string
	git  *gitServer
	kube kubernetes.Interface
	api  nopeaclient.NopeaV1alpha1Interface
}

// inWorld runs work in a new world, which ends with it.
func (b *bench) inWorld(ctx context.Context, name string, work func(context.Context, *world) error) (err error) {
	say("Starting a cluster, NOPEA and a Git server (%s)", name)
	w := &world{dir: filepath.Join(b.dir, name)}
	cluster, err := localcluster.Start(ctx, localcluster.Options{Dir: w.clusterDir()})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, cluster.Stop()) }()
	if w.git, err = startGit(filepath.Join(w.dir, "git")); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.git.stop()) }()
	if w.Sandbox, err = sandbox.Start(ctx, sandbox.Options{Cluster: cluster, Dir: filepath.Join(w.dir, "nopea")}); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.Stop()) }()
	if w.kube, err = plainClient(cluster); err != nil {
		return err
	}
	nopea, err := versioned.NewForConfig(w.Config())
	if err != nil {
		return fmt.Errorf("make a client of the nopea.io API: %w", err)
	}
	w.api = nopea.NopeaV1alpha1()
	if err := work(ctx, w); err != nil {
		return fmt.Errorf("%w\nThe controller's log ends with:\n%s", err, w.Controller.Tail())
	}
	return nil
}

// plainClient is the administrator's, and does not hold requests back.
func plainClient(cluster *localcluster.Cluster) (kubernetes.Interface, error) {
	config, err := cluster.Config()
	if err != nil {
		return nil, err
	}
	config.AcceptContentTypes = "application/vnd.kubernetes.protobuf,application/json"
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("make a client: %w", err)
	}
	return client, nil
}

func (w *world) clusterDir() string { return filepath.Join(w.dir, "cluster") }

// process is one of those that are measured.
type process struct {
	name string
	pid  int
}

const (
	controllerName = "nopea-controller"
	apiServerName  = "nopea-apiserver"
)

// processes of the world, NOPEA's first.
func (w *world) processes() ([]process, error) {
	var all []process
	for _, name := range []string{controllerName, apiServerName} {
		pid, _, err := child(name)
		if err != nil {
			return nil, err
		}
		all = append(all, process{name, pid})
	}
	for _, component := range []localcluster.Component{localcluster.APIServer, localcluster.Etcd, localcluster.ControllerManager} {
		text, err := os.ReadFile(filepath.Join(w.clusterDir(), "pids", string(component)+".pid"))
		if err != nil {
			return nil, fmt.Errorf("find the process of %s: %w", component, err)
		}
		pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
		if err != nil {
			return nil, fmt.Errorf("find the process of %s: %w", component, err)
		}
		all = append(all, process{string(component), pid})
	}
	return append(all, process{"the Git server", w.git.cmd.Process.Pid}), nil
}
