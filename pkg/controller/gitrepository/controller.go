package gitrepository

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/events"
	"k8s.io/klog/v2"
	"k8s.io/utils/clock"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
	"nopea.io/nopea/pkg/apply"
	"nopea.io/nopea/pkg/controller/drift"
	"nopea.io/nopea/pkg/controller/health"
	"nopea.io/nopea/pkg/controller/inventory"
	"nopea.io/nopea/pkg/controller/queue"
	cdevents "nopea.io/nopea/pkg/events"
	nopeaclient "nopea.io/nopea/pkg/generated/clientset/versioned/typed/nopea/v1alpha1"
	informers "nopea.io/nopea/pkg/generated/informers/externalversions/nopea/v1alpha1"
	listers "nopea.io/nopea/pkg/generated/listers/nopea/v1alpha1"
	"nopea.io/nopea/pkg/git"
	"nopea.io/nopea/pkg/manifest"
)

const (
	// recordWithin bounds the writing of what was done, after the time for the run itself is up.
	recordWithin = 30 * time.Second
	// stopWithin is how long runs may go on after the controller is told to stop. What is cut off then runs again at the next start.
	stopWithin = 20 * time.Second
)

// Options are what a Controller works with.
type Options struct {
	// Config of the API server, with the controller's own identity. Clients of other identities are made from it.
	Config     *rest.Config
	Kubernetes kubernetes.Interface
	API        nopeaclient.NopeaV1alpha1Interface
	Sources    *git.Cache
	Manifests  *manifest.Cache
	Discovery  *apply.Discovery
	Recorder   events.EventRecorder
	Clock      clock.WithTicker
	// Way is taken by syncs that somebody waits for.
	Way *queue.Way
	// Drift keeps what was applied as it is.
	Drift *drift.Keeper
	// Health follows how what was applied fares.
	Health *health.Monitor
	// Watch shows what is live of the kinds that are kept.
	Watch apply.Watch
	// Prevent keeps the admission policy while a GitRepository asks for it.
	Prevent Preventer
	// IgnoreDifferences are rules of the installation, beside those of each GitRepository.
	IgnoreDifferences []v1alpha1.IgnoreDifference
	// LongestPause is the longest pause that counts.
	LongestPause time.Duration
	// Sender delivers CDEvents, to Sinks beside those that GitRepositories name. Cluster is the cluster's name in them.
	Sender  Sender
	Sinks   []cdevents.Sink
	Cluster string
	// Concurrent is how many runs go on side by side.
	Concurrent int
}

// Preventer refuses, at admission, edits of what is applied.
type Preventer interface {
	// Want says whether any object is to be protected. It does not block.
	Want(bool)
}

// Controller syncs GitRepositories.
type Controller struct {
	Options
	Inventories *inventory.Store

	repositories       listers.GitRepositoryLister
	repositoriesSynced cache.InformerSynced
	dependents         cache.Indexer
	syncs              cache.Indexer
	syncsSynced        cache.InformerSynced
	queue              *queue.Queue[types.NamespacedName]
	// early are GitRepositories whose objects are not as they were recorded, before their first run.
	early      *queue.Queue[types.NamespacedName]
	identities identities
	// stock are the inventories as they were at the start, until the first run of their GitRepository. Set before any run begins.
	stock map[types.NamespacedName][]v1alpha1.Inventory

	mu       sync.Mutex
	memories map[types.NamespacedName]*memory
}

// memory is what is remembered of a GitRepository between runs. Only the worker that has its key touches it, but for newborn.
type memory struct {
	// newborn holds the uid of a GitRepository that this process saw come into being and that no run has looked at: it cannot have an
	// inventory yet.
	newborn atomic.Value
	past
}

// past is the part of a memory that is about the GitRepository of one uid. Another one of that name begins without.
type past struct {
	uid     types.UID
	cadence cadence
	// source that the newest run used: polls look through it, without asking the API server for the credentials again.
	source *git.Source
	// evidence is what the newest run's verification went by.
	evidence evidence
	// settled is the newest run, if it left nothing to do.
	settled *settled
	// wait is a run whose objects are not healthy yet.
	wait *wait
	// heldBack: something is to be applied once what it depends on is Ready.
	heldBack bool
	// told is the push that the newest run was told of, if nothing failed.
	told told
	// yielded is the Sync that let others go first.
	yielded types.UID
	// served are the Syncs that this process finished, while the cache does not show it yet.
	served map[types.UID]bool
	// trimmed are the Syncs that this process deleted, while the cache still shows them.
	trimmed map[types.UID]bool
	// pausedUntil is when the newest run's pauses end, the earliest first; pausedAll that it was the GitRepository that was paused.
	pausedUntil time.Time
	pausedAll   bool
	// toldPause is the pause of which it was said that it does not count.
	toldPause string
	// history is what CDEvents told so far.
	history *cdevents.History
	// again is when to look at the repository again besides, for something that could not be written.
	again time.Time
}

const indexByRepository = "repository"

// New makes a Controller on the given informers, which the caller starts.
func New(options Options, repositories informers.GitRepositoryInformer, syncs informers.SyncInformer) (*Controller, error) {
	c := &Controller{
		Options:            options,
		Inventories:        &inventory.Store{Client: options.API},
		repositories:       repositories.Lister(),
		repositoriesSynced: repositories.Informer().HasSynced,
		dependents:         repositories.Informer().GetIndexer(),
		syncs:              syncs.Informer().GetIndexer(),
		syncsSynced:        syncs.Informer().HasSynced,
		queue:              queue.New[types.NamespacedName](options.Clock),
		early:              queue.New[types.NamespacedName](options.Clock),
		memories:           make(map[types.NamespacedName]*memory),
	}
	for _, informer := range []cache.SharedIndexInformer{repositories.Informer(), syncs.Informer()} {
		if err := informer.SetTransform(withoutManagedFields); err != nil {
			return nil, fmt.Errorf("leave managedFields out of the cache: %w", err)
		}
	}
	if err := syncs.Informer().AddIndexers(cache.Indexers{indexByRepository: func(object any) ([]string, error) {
		if sync, ok := object.(*v1alpha1.Sync); ok {
			return []string{sync.Namespace + "/" + sync.Spec.Repository}, nil
		}
		return nil, nil
	}}); err != nil {
		return nil, fmt.Errorf("index syncs: %w", err)
	}
	if err := repositories.Informer().AddIndexers(byDependency); err != nil {
		return nil, fmt.Errorf("index gitrepositories: %w", err)
	}
	if _, err := repositories.Informer().AddEventHandler(cache.ResourceEventHandlerDetailedFuncs{
		AddFunc: func(object any, initial bool) {
			if repository, ok := object.(*v1alpha1.GitRepository); ok && !initial {
				c.remember(keyOf(repository)).newborn.Store(repository.UID)
			}
			c.repositoryChanged(nil, object)
		},
		UpdateFunc: c.repositoryChanged,
		DeleteFunc: func(object any) { c.repositoryChanged(nil, object) },
	}); err != nil {
		return nil, fmt.Errorf("watch gitrepositories: %w", err)
	}
	if _, err := syncs.Informer().AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    c.syncChanged,
		UpdateFunc: func(_, object any) { c.syncChanged(object) },
	}); err != nil {
		return nil, fmt.Errorf("watch syncs: %w", err)
	}
	return c, nil
}

// withoutManagedFields keeps the caches small: an update that names none leaves those that are stored as they are.
func withoutManagedFields(object any) (any, error) {
	if accessor, ok := object.(metav1.Object); ok {
		accessor.SetManagedFields(nil)
	}
	return object, nil
}

// repositoryChanged queues a GitRepository that is new, gone, going, or whose spec changed; not for its status, which the
// controller itself writes.
func (c *Controller) repositoryChanged(old, object any) {
	if tombstone, ok := object.(cache.DeletedFinalStateUnknown); ok {
		object = tombstone.Obj
	}
	c.wakeDependents(old, object)
	repository, ok := object.(*v1alpha1.GitRepository)
	if !ok {
		return
	}
	if before, ok := old.(*v1alpha1.GitRepository); ok && before.Generation == repository.Generation &&
		before.Annotations[v1alpha1.AnnotationPauseUntil] == repository.Annotations[v1alpha1.AnnotationPauseUntil] &&
		before.DeletionTimestamp.IsZero() == repository.DeletionTimestamp.IsZero() && before.UID == repository.UID {
		return
	}
	lane := queue.Normal
	if old != nil {
		lane = queue.Urgent // somebody edited it and waits
	}
	c.queue.Add(keyOf(repository), lane)
}

// syncChanged queues the GitRepository of a Sync that asks for a run, or that has ended and may push older ones out.
func (c *Controller) syncChanged(object any) {
	sync, ok := object.(*v1alpha1.Sync)
	if !ok {
		return
	}
	lane := queue.Normal
	asked := sync.Spec.Trigger == v1alpha1.SyncTriggerManual || sync.Spec.Trigger == v1alpha1.SyncTriggerWebhook
	if asked && open(sync) {
		lane = queue.Urgent
	}
	c.queue.Add(types.NamespacedName{Namespace: sync.Namespace, Name: sync.Spec.Repository}, lane)
}

// Run works until the context ends, then lets the runs under way finish for a while. It calls ready when it begins to work.
func (c *Controller) Run(ctx context.Context, ready func()) error {
	logger := klog.FromContext(ctx)
	if !cache.WaitForCacheSync(ctx.Done(), c.repositoriesSynced, c.syncsSynced) {
		return fmt.Errorf("wait for the first list of gitrepositories and syncs: %w", context.Cause(ctx))
	}
	ready()
	logger.Info("Syncing", "concurrent", c.Concurrent)
	if err := c.takeStock(ctx); err != nil {
		utilruntime.HandleErrorWithContext(ctx, err, "Read the inventories at the start; each sync reads its own")
	}
	// Runs are not cut off by the order to stop, only by the end of the time that they then have.
	working, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	var workers sync.WaitGroup
	workers.Go(func() { c.queue.Run(ctx) })
	workers.Go(func() { c.early.Run(ctx) })
	for range earlyAtOnce {
		workers.Go(func() { c.workEarly(working) })
	}
	begin := make(chan struct{})
	workers.Go(func() {
		defer close(begin)
		c.catchUp(ctx)
	})
	for i := range c.Concurrent {
		// One worker in four is kept for what somebody waits for.
		urgentOnly := c.Concurrent > 1 && i%4 == 0
		workers.Go(func() {
			if !urgentOnly {
				<-begin
			}
			c.work(working, urgentOnly)
		})
	}
	<-ctx.Done()
	logger.Info("Stopping; runs under way may finish", "within", stopWithin)
	stop := time.AfterFunc(stopWithin, cancel)
	defer stop.Stop()
	workers.Wait()
	return nil
}

func (c *Controller) work(ctx context.Context, urgentOnly bool) {
	process := func(key types.NamespacedName) { c.process(ctx, key) }
	if urgentOnly {
		c.queue.Work(true, process)
		return
	}
	// As after a start, when all are looked at.
	busy := func() bool { return c.queue.Len(queue.Urgent) == 0 && c.queue.Len(queue.Normal) > c.Concurrent }
	c.queue.WorkBehind(ctx, c.Way, true, busy, process)
}

// process does what is due for one GitRepository. A panic ends this run, not the process, and is told like any other failure.
func (c *Controller) process(ctx context.Context, key types.NamespacedName) {
	ctx = klog.NewContext(ctx, klog.FromContext(ctx).WithValues("gitrepository", key.String()))
	repository, err := c.repositories.GitRepositories(key.Namespace).Get(key.Name)
	if apierrors.IsNotFound(err) {
		c.forget(ctx, key)
		if err := c.cleanUpAfter(ctx, key); err != nil && ctx.Err() == nil {
			utilruntime.HandleErrorWithContext(ctx, err, "Clean up after a GitRepository that is gone; it is tried again")
			c.queue.AddAt(key, c.Clock.Now().Add(lastRetry))
		}
		return
	}
	if err != nil {
		utilruntime.HandleErrorWithContext(ctx, err, "Read GitRepository from the cache")
		return
	}
	remembered := c.remember(key)
	if remembered.uid != repository.UID {
		remembered.past = past{uid: repository.UID, served: make(map[types.UID]bool), history: historyOf(repository)}
	}
	if !repository.DeletionTimestamp.IsZero() {
		c.unkeep(ctx, key)
		c.cleanUp(ctx, repository, remembered)
		return
	}
	c.keep(repository, remembered)
	repository = c.attend(ctx, repository, remembered)
	held, yielded := c.act(ctx, repository, remembered)
	if yielded {
		c.queue.Add(key, queue.Urgent)
		return
	}
	c.trim(ctx, repository, remembered)
	repository = c.reportDrift(ctx, repository, remembered)
	c.reportHealth(ctx, repository)
	next, ok := remembered.cadence.next(repository)
	ok = ok && !held // or else an event of what it depends on tells
	if again := remembered.again; !again.IsZero() && (!ok || again.Before(next)) {
		next, ok = again, true
	}
	remembered.again = time.Time{}
	if next, ok = remembered.wait.wakens(c.Clock.Now(), next, ok); ok {
		c.queue.AddAt(key, next)
	} else {
		c.queue.Forget(key)
	}
}

// act does what is requested of a GitRepository, or what is due. It tells whether something that it depends on holds that back, and
// whether it lets others go first.
func (c *Controller) act(ctx context.Context, repository *v1alpha1.GitRepository, remembered *memory) (held, yields bool) {
	why, cycle := c.heldBack(repository)
	if why == nil && remembered.heldBack {
		remembered.heldBack = false
		remembered.cadence.repeat(c.Clock.Now())
	}
	requested := c.requested(repository, remembered)
	if until := c.repeats(repository, remembered, requested); !until.IsZero() {
		requested, remembered.again = nil, until
	}
	trigger, due := remembered.cadence.due(repository, c.Clock.Now())
	switch able := dryRuns(requested); {
	case why != nil && len(able) > 0:
		c.serve(ctx, repository, remembered, able)
	case why != nil && (len(requested) > 0 || cycle != nil || due && trigger != v1alpha1.SyncTriggerPoll || due && !isReady(repository)):
		c.holdBack(ctx, repository, remembered, why, cycle)
	case why != nil:
		remembered.heldBack = remembered.heldBack || due // a look at the remote is made up for
	case c.yields(ctx, repository, remembered, requested):
		return false, true
	case len(requested) > 0:
		c.serve(ctx, repository, remembered, requested)
	case remembered.wait.mayGoOn(repository):
		c.goOnWithWave(ctx, repository, remembered)
	case due:
		c.look(ctx, repository, remembered, trigger)
	}
	return why != nil, false
}

// guard runs work and turns a panic of it into an error.
func guard(ctx context.Context, work func() error) (err error) {
	defer func() {
		if cause := recover(); cause != nil {
			klog.FromContext(ctx).Error(nil, "Panic in a run", "panic", cause, "stack", string(debug.Stack()))
			err = &Failure{Code: CodeInternal, Message: fmt.Sprintf("NOPEA failed on this repository: panic: %v", cause),
				Hint: "This is a fault of NOPEA. The controller's log holds the stack; please report it."}
		}
	}()
	return work()
}

func (c *Controller) remember(key types.NamespacedName) *memory {
	c.mu.Lock()
	defer c.mu.Unlock()
	remembered := c.memories[key]
	if remembered == nil {
		remembered = &memory{}
		c.memories[key] = remembered
	}
	return remembered
}

// Found has what was found of drift, or of health, written.
func (c *Controller) Found(owner apply.Owner) {
	c.queue.Add(types.NamespacedName{Namespace: owner.Namespace, Name: owner.Name}, queue.Normal)
}

// unkeep ends the repair of drift for a GitRepository.
func (c *Controller) unkeep(ctx context.Context, key types.NamespacedName) {
	c.Health.Forget(apply.Owner{Namespace: key.Namespace, Name: key.Name})
	acting, protected := c.Drift.Forget(ctx, apply.Owner{Namespace: key.Namespace, Name: key.Name})
	c.Prevent.Want(c.Drift.Prevents())
	if acting == nil {
		return
	}
	// What is left behind must not stay locked because others still ask for protection.
	apply.Each(ctx, protected, func(ctx context.Context, object apply.Desired) {
		if err := acting.Unprotect(ctx, object.ID, object.Version); err != nil && ctx.Err() == nil {
			klog.FromContext(ctx).Info("Could not take the protection off an object", "object", object.ID.String(), "err", err)
		}
	})
}

func (c *Controller) forget(ctx context.Context, key types.NamespacedName) {
	c.unkeep(ctx, key)
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.memories, key)
	c.queue.Forget(key)
}

func keyOf(repository *v1alpha1.GitRepository) types.NamespacedName {
	return types.NamespacedName{Namespace: repository.Namespace, Name: repository.Name}
}

func random() float64 {
	return rand.Float64()
}
