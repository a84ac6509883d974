package main

import (
	"errors"
	"flag"
	"fmt"

	"github.com/spf13/pflag"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/klog/v2"
)

type options struct {
	kubeconfig          string
	concurrent          int
	cacheDir            string
	bindAddress         string
	leaderElect         bool
	leaderElectionSpace string
	identity            string
}

func defaultOptions() *options {
	return &options{
		concurrent:          16,
		cacheDir:            "/var/cache/nopea",
		bindAddress:         ":8081",
		leaderElect:         true,
		leaderElectionSpace: "nopea-system",
	}
}

func (o *options) addFlags(flags *pflag.FlagSet) {
	flags.StringVar(&o.kubeconfig, "kubeconfig", o.kubeconfig, "Path of a kubeconfig. Without it the Pod's own ServiceAccount is used.")
	flags.IntVar(&o.concurrent, "concurrent", o.concurrent, "How many GitRepositories are synced side by side. One worker in four serves only what somebody waits for.")
	flags.StringVar(&o.cacheDir, "cache-dir", o.cacheDir, "Folder for fetched Git objects. It may be lost at any time.")
	flags.StringVar(&o.bindAddress, "bind-address", o.bindAddress, "Address of /healthz, /readyz and /metrics, over HTTP.")
	flags.BoolVar(&o.leaderElect, "leader-elect", o.leaderElect, "Work only while holding a Lease, so that one of several controllers works.")
	flags.StringVar(&o.leaderElectionSpace, "leader-election-namespace", o.leaderElectionSpace, "Namespace of the Lease nopea-controller.")
	flags.StringVar(&o.identity, "leader-election-identity", o.identity, "Name under which to hold the Lease. Default: the host's name and a random part.")
	logging := flag.NewFlagSet("", flag.ContinueOnError)
	klog.InitFlags(logging)
	flags.AddGoFlag(logging.Lookup("v"))
	flags.AddGoFlag(logging.Lookup("vmodule"))
}

func (o *options) validate() error {
	var errs []error
	if o.concurrent < 1 || o.concurrent > 1000 {
		errs = append(errs, fmt.Errorf("--concurrent must be from 1 to 1000, not %d", o.concurrent))
	}
	if o.cacheDir == "" {
		errs = append(errs, errors.New("--cache-dir must not be empty"))
	}
	return errors.Join(errs...)
}

// config of the API server. Requests are bounded by what a run sends at once, and by the API server's own fairness, not by a rate.
func (o *options) config() (*rest.Config, error) {
	config, err := clientcmd.BuildConfigFromFlags("", o.kubeconfig)
	if err != nil {
		return nil, fmt.Errorf("read the kubeconfig: %w", err)
	}
	config.QPS = -1
	config.UserAgent = "nopea-controller"
	return config, nil
}
