package main

import (
	"errors"
	"flag"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/pflag"
	"k8s.io/klog/v2"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
	"nopea.io/nopea/pkg/events"
)

type options struct {
	kubeconfig          string
	concurrent          int
	concurrentRepairs   int
	maxPause            time.Duration
	verifyInterval      time.Duration
	breakGlassGroup     string
	ignoreDifferences   []string
	ignored             []v1alpha1.IgnoreDifference
	eventSinks          []string
	allowLocalSinks     bool
	clusterName         string
	cacheDir            string
	bindAddress         string
	leaderElect         bool
	leaderElectionSpace string
	identity            string
	leaseDuration       time.Duration
}

func defaultOptions() *options {
	return &options{
		concurrent:          16,
		concurrentRepairs:   4,
		maxPause:            24 * time.Hour,
		verifyInterval:      time.Hour,
		breakGlassGroup:     "nopea:break-glass",
		clusterName:         "default",
		cacheDir:            "/var/cache/nopea",
		bindAddress:         ":8081",
		leaderElect:         true,
		leaderElectionSpace: "nopea-system",
		leaseDuration:       75 * time.Second,
	}
}

func (o *options) addFlags(flags *pflag.FlagSet) {
	flags.StringVar(&o.kubeconfig, "kubeconfig", o.kubeconfig, "Path of a kubeconfig. Without it the Pod's own ServiceAccount is used.")
	flags.IntVar(&o.concurrent, "concurrent", o.concurrent, "How many GitRepositories are synced side by side. One worker in four serves only what somebody waits for.")
	flags.IntVar(&o.concurrentRepairs, "concurrent-repairs", o.concurrentRepairs, "How many drifted objects are put back side by side.")
	flags.DurationVar(&o.maxPause, "max-pause", o.maxPause, "The longest pause that the annotation nopea.io/pause-until may ask for.")
	flags.DurationVar(&o.verifyInterval, "verify-interval", o.verifyInterval, "Time between two comparisons of every object by server-side dry run, which find what events cannot show. 0: none.")
	flags.StringVar(&o.breakGlassGroup, "break-glass-group", o.breakGlassGroup, "Group whose members may edit objects of driftPolicy Prevent. Empty: nobody may.")
	flags.StringArrayVar(&o.ignoreDifferences, "ignore-differences", o.ignoreDifferences, "Fields that are left to somebody else in all GitRepositories, as GROUP/KIND:POINTER[,POINTER]; the core group is empty, * stands for any. May be given several times. Example: apps/Deployment:/spec/replicas")
	flags.StringArrayVar(&o.eventSinks, "event-sink", o.eventSinks, "Address to which CDEvents of all GitRepositories are POSTed. May be given several times.")
	flags.BoolVar(&o.allowLocalSinks, "allow-local-event-sinks", o.allowLocalSinks, "Let GitRepositories name event sinks on this machine and its link.")
	flags.StringVar(&o.clusterName, "cluster-name", o.clusterName, "Name of this cluster in CDEvents.")
	flags.StringVar(&o.cacheDir, "cache-dir", o.cacheDir, "Folder for fetched Git objects. It may be lost at any time.")
	flags.StringVar(&o.bindAddress, "bind-address", o.bindAddress, "Address of /healthz, /readyz and /metrics, over HTTP.")
	flags.BoolVar(&o.leaderElect, "leader-elect", o.leaderElect, "Work only while holding a Lease, so that one of several controllers works.")
	flags.StringVar(&o.leaderElectionSpace, "leader-election-namespace", o.leaderElectionSpace, "Namespace of the Lease nopea-controller.")
	flags.StringVar(&o.identity, "leader-election-identity", o.identity, "Name under which to hold the Lease, of this controller alone; one that is started again under its name goes on at once. Default: the host's name and a random part.")
	flags.DurationVar(&o.leaseDuration, "leader-election-lease-duration", o.leaseDuration, "How long another controller waits for one that does not renew the Lease any more. One that cannot renew it for 10 seconds less than that ends.")
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
	if o.concurrentRepairs < 1 || o.concurrentRepairs > 1000 {
		errs = append(errs, fmt.Errorf("--concurrent-repairs must be from 1 to 1000, not %d", o.concurrentRepairs))
	}
	if o.leaseDuration < 15*time.Second || o.leaseDuration > time.Hour {
		errs = append(errs, fmt.Errorf("--leader-election-lease-duration must be from 15s to 1h, not %s", o.leaseDuration))
	}
	if o.maxPause < 0 {
		errs = append(errs, fmt.Errorf("--max-pause must not be negative, but is %s", o.maxPause))
	}
	if o.verifyInterval != 0 && o.verifyInterval < time.Minute {
		errs = append(errs, fmt.Errorf("--verify-interval must be 0 or at least 1m, not %s", o.verifyInterval))
	}
	for _, rule := range o.ignoreDifferences {
		ignored, err := parseIgnored(rule)
		if err != nil {
			errs = append(errs, fmt.Errorf("--ignore-differences: %w", err))
			continue
		}
		o.ignored = append(o.ignored, ignored)
	}
	for _, sink := range o.eventSinks {
		// Its path and query may be secret.
		if u, err := url.Parse(sink); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			errs = append(errs, errors.New("--event-sink must be an address that begins with https:// or http://"))
		}
	}
	if o.cacheDir == "" {
		errs = append(errs, errors.New("--cache-dir must not be empty"))
	}
	return errors.Join(errs...)
}

// parseIgnored reads GROUP/KIND:POINTER[,POINTER].
func parseIgnored(text string) (v1alpha1.IgnoreDifference, error) {
	kind, pointers, ok := strings.Cut(text, ":")
	group, name, slash := strings.Cut(kind, "/")
	rule := v1alpha1.IgnoreDifference{Group: group, Kind: name, JSONPointers: strings.Split(pointers, ",")}
	if !ok || !slash || name == "" {
		return rule, fmt.Errorf("%q is not of the form GROUP/KIND:POINTER[,POINTER], as in apps/Deployment:/spec/replicas", text)
	}
	for _, pointer := range rule.JSONPointers {
		if !strings.HasPrefix(pointer, "/") || len(pointer) < 2 || strings.HasPrefix(pointer, "/metadata/name") {
			return rule, fmt.Errorf("%q: the pointer %q must begin with / and name a field, as in /spec/replicas", text, pointer)
		}
	}
	return rule, nil
}

// sinks of the installation.
func (o *options) sinks() []events.Sink {
	var sinks []events.Sink
	for _, sink := range o.eventSinks {
		sinks = append(sinks, events.Sink{URL: sink, Trusted: true})
	}
	return sinks
}
