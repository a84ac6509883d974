package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/rand"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/events"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
	"k8s.io/klog/v2"
	"k8s.io/utils/clock"

	"nopea.io/nopea/pkg/apply"
	"nopea.io/nopea/pkg/controller/drift"
	"nopea.io/nopea/pkg/controller/gitrepository"
	"nopea.io/nopea/pkg/controller/health"
	"nopea.io/nopea/pkg/controller/prevent"
	"nopea.io/nopea/pkg/controller/queue"
	"nopea.io/nopea/pkg/controller/reconnect"
	"nopea.io/nopea/pkg/controller/watch"
	cdevents "nopea.io/nopea/pkg/events"
	"nopea.io/nopea/pkg/generated/clientset/versioned"
	"nopea.io/nopea/pkg/generated/clientset/versioned/scheme"
	informers "nopea.io/nopea/pkg/generated/informers/externalversions"
	"nopea.io/nopea/pkg/git"
	"nopea.io/nopea/pkg/manifest"
)

const (
	// manifestCacheBytes bounds the decoded manifests that are kept, of all repositories together.
	manifestCacheBytes = 64 << 20
	pruneSourcesEvery  = 10 * time.Minute
	// readersOfHealth is how many objects are read side by side to learn how they fare.
	readersOfHealth = 4
)

func run(ctx context.Context, o *options) error {
	config, err := o.config()
	if err != nil {
		return err
	}
	kube, err := kubernetes.NewForConfig(config)
	if err != nil {
		return fmt.Errorf("make a Kubernetes client: %w", err)
	}
	sources, err := git.NewCache(git.CacheOptions{Dir: o.cacheDir, UserAgent: "nopea"})
	if err != nil {
		return fmt.Errorf("open the Git cache: %w", err)
	}
	defer sources.Close()

	gitrepository.RegisterMetrics()
	drift.RegisterMetrics()
	watch.RegisterMetrics()
	cdevents.RegisterMetrics()
	probes := &probes{}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return probes.serve(ctx, o.bindAddress) })
	group.Go(func() error { return pruneSources(ctx, sources) })
	group.Go(func() error {
		return o.whileLeading(ctx, kube, func(ctx context.Context) error {
			return work(ctx, o, config, kube, sources, probes)
		})
	})
	// Until this process leads it has nothing to wait for.
	probes.ready.Store(true)
	if err := group.Wait(); err != nil && !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

// work runs the controller until the context ends.
func work(ctx context.Context, o *options, config *rest.Config, kube kubernetes.Interface, sources *git.Cache, probes *probes) error {
	nopea, err := versioned.NewForConfig(config)
	if err != nil {
		return fmt.Errorf("make a client of the nopea.io API: %w", err)
	}
	discoveryClient, err := discovery.NewDiscoveryClientForConfig(config)
	if err != nil {
		return fmt.Errorf("make a discovery client: %w", err)
	}
	metadataClient, err := metadata.NewForConfig(config)
	if err != nil {
		return fmt.Errorf("make a metadata client: %w", err)
	}
	broadcaster := events.NewBroadcaster(&events.EventSinkImpl{Interface: kube.EventsV1()})
	if err := broadcaster.StartRecordingToSinkWithContext(ctx); err != nil {
		return fmt.Errorf("start recording events: %w", err)
	}
	defer broadcaster.Shutdown()

	patient := rest.CopyConfig(config)
	patient.Wrap(reconnect.Transport(clock.RealClock{}))
	watching, err := versioned.NewForConfig(patient)
	if err != nil {
		return fmt.Errorf("make a client that watches the nopea.io API: %w", err)
	}
	factory := informers.NewSharedInformerFactory(watching, 0)
	shared := factory.Nopea().V1alpha1()
	recorder := broadcaster.NewRecorder(scheme.Scheme, "nopea-controller")
	known := apply.NewDiscovery(discoveryClient, clock.RealClock{})
	way := new(queue.Way)
	var controller *gitrepository.Controller
	keeper := drift.New(drift.Options{
		Discovery: known, Recorder: recorder, Clock: clock.RealClock{}, Concurrent: o.concurrentRepairs, Way: way,
		LongestPause: o.maxPause, VerifyInterval: o.verifyInterval,
		Changed: func(owner apply.Owner) { controller.Found(owner) },
		Needed:  func(owner apply.Owner) { controller.KeepEarly(owner) },
	})
	monitor := health.New(health.Options{
		Clock: clock.RealClock{}, Concurrent: readersOfHealth,
		Changed: func(owner apply.Owner) { controller.Found(owner) },
		Decided: func(owner apply.Owner) { controller.HealthDecided(owner) },
	})
	watcher := watch.New(metadataClient, discoveryClient, watch.Handlers{keeper, monitor}, clock.RealClock{})
	keeper.Use(watcher)
	monitor.Use(watcher)
	policy := prevent.NewKeeper(kube.AdmissionregistrationV1(), prevent.Options{BreakGlassGroup: o.breakGlassGroup})
	dispatcher := cdevents.NewDispatcher(cdevents.Options{AllowLocal: o.allowLocalSinks})
	controller, err = gitrepository.New(gitrepository.Options{
		Config:     config,
		Kubernetes: kube,
		API:        nopea.NopeaV1alpha1(),
		Sources:    sources,
		Manifests:  manifest.NewCache(manifestCacheBytes),
		Discovery:  known,
		Recorder:   recorder,
		Clock:      clock.RealClock{},
		Way:        way,
		Drift:      keeper,
		Health:     monitor,
		Watch:      watcher,
		Prevent:    policy,
		Sender:     dispatcher,
		Sinks:      o.sinks(),
		Cluster:    o.clusterName,

		IgnoreDifferences: o.ignored,
		LongestPause:      o.maxPause,
		Concurrent:        o.concurrent,
	}, shared.GitRepositories(), shared.Syncs())
	if err != nil {
		return err
	}
	probes.ready.Store(false)
	factory.Start(ctx.Done())
	defer factory.Shutdown()
	// What is put back or told is not cut off before the runs are, which may still need it.
	helping, stop := context.WithCancel(context.WithoutCancel(ctx))
	var helpers sync.WaitGroup
	helpers.Go(func() { watcher.Run(helping) })
	helpers.Go(func() { keeper.Run(ctx, helping) })
	helpers.Go(func() { monitor.Run(ctx, helping) })
	helpers.Go(func() { policy.Run(helping) })
	helpers.Go(func() { dispatcher.Run(helping) })
	defer helpers.Wait()
	defer stop()
	return controller.Run(ctx, func() { probes.ready.Store(true) })
}

// whileLeading runs work while this process holds the Lease, and gives the Lease back when the work is over.
func (o *options) whileLeading(ctx context.Context, kube kubernetes.Interface, work func(context.Context) error) error {
	if !o.leaderElect {
		return work(ctx)
	}
	identity := o.identity
	if identity == "" {
		host, err := os.Hostname()
		if err != nil {
			return fmt.Errorf("read the host's name: %w", err)
		}
		identity = host + "_" + rand.String(8)
	}
	// The Lease is held until the work has ended, not only until it was told to.
	holding, release := context.WithCancel(context.WithoutCancel(ctx))
	defer release()
	var result error
	elector, err := leaderelection.NewLeaderElector(leaderelection.LeaderElectionConfig{
		Name: "nopea-controller",
		Lock: &resourcelock.LeaseLock{
			LeaseMeta:  metav1.ObjectMeta{Namespace: o.leaderElectionSpace, Name: "nopea-controller"},
			Client:     kube.CoordinationV1(),
			LockConfig: resourcelock.ResourceLockConfig{Identity: identity},
		},
		LeaseDuration: o.leaseDuration, RenewDeadline: o.renewDeadline(), RetryPeriod: 2 * time.Second,
		ReleaseOnCancel: true,
		Callbacks: leaderelection.LeaderCallbacks{
			OnStartedLeading: func(lost context.Context) {
				defer release()
				working, cancel := context.WithCancel(ctx)
				defer cancel()
				defer context.AfterFunc(lost, cancel)()
				klog.FromContext(ctx).Info("Leading", "identity", identity)
				result = work(working)
			},
			OnStoppedLeading: func() {
				if ctx.Err() == nil && result == nil {
					// Another may lead already: end at once, whatever is under way.
					klog.FromContext(ctx).Error(nil, "Lost the Lease; ending")
					klog.FlushAndExit(klog.ExitFlushTimeout, 1)
				}
			},
		},
	})
	if err != nil {
		return fmt.Errorf("set up leader election: %w", err)
	}
	defer context.AfterFunc(ctx, func() {
		if !elector.IsLeader() {
			release()
		}
	})()
	elector.Run(holding)
	return result
}

// renewDeadline is when a controller that cannot renew the Lease ends: well before another may take it.
func (o *options) renewDeadline() time.Duration {
	return max(o.leaseDuration-10*time.Second, o.leaseDuration*2/3)
}

// pruneSources removes what no GitRepository asks for any more from the Git cache, now and then.
func pruneSources(ctx context.Context, sources *git.Cache) error {
	ticker := time.NewTicker(pruneSourcesEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case now := <-ticker.C:
			if err := sources.Prune(ctx, now); err != nil {
				klog.FromContext(ctx).Error(err, "Prune the Git cache")
			}
		}
	}
}
