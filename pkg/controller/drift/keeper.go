package drift

import (
	"context"
	"hash/maphash"
	"iter"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	"k8s.io/klog/v2"
	"k8s.io/utils/clock"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
	"nopea.io/nopea/pkg/apply"
	"nopea.io/nopea/pkg/controller/queue"
	"nopea.io/nopea/pkg/controller/watch"
	"nopea.io/nopea/pkg/ownership"
)

// Watcher shows the metadata of live labelled objects.
type Watcher interface {
	Want(ctx context.Context, resources map[schema.GroupKind]apply.Resource)
	WaitFor(context.Context, []schema.GroupKind) error
	Synced(schema.GroupKind) bool
	Facts(apply.ID) (ownership.Facts, bool)
	Blind() map[schema.GroupKind]error
	Saw(apply.Resource, *metav1.PartialObjectMetadata)
	Gone(apply.ID, types.UID)
	List(context.Context, schema.GroupKind) iter.Seq2[watch.Object, error]
}

// Options are what a Keeper works with.
type Options struct {
	Discovery *apply.Discovery
	Recorder  events.EventRecorder
	Clock     clock.WithTicker
	// Concurrent is how many objects are put back side by side.
	Concurrent int
	// Way is given to syncs that somebody waits for while many objects wait to be put back.
	Way *queue.Way
	// LongestPause is the longest pause that counts.
	LongestPause time.Duration
	// VerifyInterval is the time between two comparisons of every object by dry run; 0 for none.
	VerifyInterval time.Duration
	// Changed is called when there is something new to report or to record of a GitRepository. It must not block.
	Changed func(apply.Owner)
	// Needed is called when it has to be known what an Early GitRepository holds, as an object is not as it was recorded. It must not block.
	Needed func(apply.Owner)
}

// Repository is what the keeper has to know of a GitRepository.
type Repository struct {
	Owner apply.Owner
	// Object as the newest run saw it.
	Object *v1alpha1.GitRepository
	// Revision that its objects come from.
	Revision *v1alpha1.Revision
	// Cluster acts as its ServiceAccount.
	Cluster *apply.Cluster
	// Identified fails when that ServiceAccount is gone.
	Identified func(context.Context) error
	// Pause that holds all of its objects.
	Pause apply.Pause
	// Sourceless: what Git holds is not known now; only the record is.
	Sourceless bool
	// Early: it is Sourceless only because nobody has looked yet.
	Early bool
}

// Keeper keeps live objects as they were applied. It is a Handler of a watch, and the Witness of all that is applied.
type Keeper struct {
	Options
	watch   Watcher
	ledger  *ledger
	queue   *queue.Queue[apply.ID]
	reports *queue.Queue[apply.Owner]
	locks   [256]sync.Mutex
	seed    maphash.Seed
	started chan struct{} // closed when Run has begun
	rounds  rounds
	pace    pace
	events  chan func()
}

// maxEvents is how many Events wait while many objects are put back. Beyond that they are not held back.
const maxEvents = 5000

// New returns a Keeper that sees nothing until it is given a Watcher.
func New(options Options) *Keeper {
	return &Keeper{
		Options: options, ledger: newLedger(), seed: maphash.MakeSeed(), started: make(chan struct{}),
		queue: queue.New[apply.ID](options.Clock), reports: queue.New[apply.Owner](options.Clock),
		events: make(chan func(), maxEvents),
		rounds: rounds{due: make(map[apply.Owner]time.Time), wake: make(chan struct{}, 1)},
	}
}

// Use gives the Keeper its eyes, before Run.
func (k *Keeper) Use(watcher Watcher) { k.watch = watcher }

// Run works until the context ends; working bounds the requests under way then.
func (k *Keeper) Run(ctx, working context.Context) {
	var workers sync.WaitGroup
	workers.Go(func() { k.queue.Run(ctx) })
	workers.Go(func() { k.reports.Run(ctx) })
	workers.Go(func() { k.runRounds(ctx) })
	if k.VerifyInterval > 0 {
		workers.Go(func() { k.runVerify(ctx) })
	}
	workers.Go(func() {
		k.reports.Work(false, func(name apply.Owner) {
			if k.busy() {
				k.reports.AddAt(name, k.Clock.Now().Add(reportAfter))
			} else {
				k.Options.Changed(name)
			}
		})
	})
	workers.Go(func() { k.sayEvents(ctx) })
	for i := range k.Concurrent {
		workers.Go(func() {
			k.queue.WorkBehind(working, k.Way, i == 0, k.busy, func(id apply.ID) { k.process(working, id) })
		})
	}
	workers.Wait()
}

// reportAfter is how long reports and Events wait while many objects are to be put back.
const reportAfter = 250 * time.Millisecond

// busy tells whether objects wait to be put back: that comes before telling of it.
func (k *Keeper) busy() bool {
	return k.queue.Len(queue.Normal) > 2*k.Concurrent
}

// sayEvents hands Events on, those of a storm after it.
func (k *Keeper) sayEvents(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case say := <-k.events:
			for k.busy() && queue.Pause(ctx, k.Clock, reportAfter) {
				continue
			}
			say()
		}
	}
}

// Lock keeps others from writing an object.
func (k *Keeper) Lock(id apply.ID) (unlock func()) {
	lock := &k.locks[maphash.Comparable(k.seed, id)%uint64(len(k.locks))]
	lock.Lock()
	return lock.Unlock
}

// Applied notes how an object was applied. The caller holds its lock.
func (k *Keeper) Applied(name apply.Owner, resource apply.Resource, live *metav1.PartialObjectMetadata, entry v1alpha1.InventoryEntry) {
	id := apply.EntryID(&entry)
	k.ledger.Lock()
	if o, to := k.ledger.objects[id], k.ledger.owners[name]; o != nil && to != nil && o.owner != to && to.awaited[id] != nil {
		k.ledger.take(o, id, to)
		k.tellLosers()
	}
	if o := k.ledger.objects[id]; o != nil && o.owner.Owner == name {
		o.record(entry)
		o.settled, o.written, o.unsaved, o.vanished, o.ran = live.Generation, k.Clock.Now(), true, false, false
		if o.suspect != nil && !newer(o.suspect.version, live.ResourceVersion) {
			o.suspect = nil
		}
		if o.owner.findings.current[id].State == v1alpha1.DriftStateFailed && o.owner.findings.clear(id) {
			k.soon(o.owner)
		}
	}
	k.ledger.Unlock()
	k.watch.Saw(resource, live)
}

// Deleted notes that NOPEA deleted an object.
func (k *Keeper) Deleted(_ apply.Resource, id apply.ID, uid types.UID) {
	k.watch.Gone(id, uid)
}

// Lost tells whether another GitRepository has applied an object since it was that one's.
func (k *Keeper) Lost(name apply.Owner, id apply.ID) bool {
	k.ledger.Lock()
	defer k.ledger.Unlock()
	o := k.ledger.objects[id]
	return o != nil && o.owner.Owner != name
}

// tellLosers has those looked into that another GitRepository took an object from. The caller holds the ledger.
func (k *Keeper) tellLosers() {
	for name := range k.ledger.losers {
		k.reports.Add(name, queue.Normal)
	}
	clear(k.ledger.losers)
}

// Publish tells what Git holds for a GitRepository from now on, before it is applied: so no repair goes back to something older.
func (k *Keeper) Publish(ctx context.Context, repository Repository, desired []apply.Desired, inventory *apply.Inventory) {
	k.publish(ctx, func(*owner) bool { return true }, Record{repository, desired, inventory})
}

// Record is what Git holds for a GitRepository, as far as that is known, and what is recorded of it.
type Record struct {
	Repository
	Desired   []apply.Desired
	Inventory *apply.Inventory
}

// publish takes in records, each if may says so of what is published of that GitRepository already, which is nil where nothing is. It
// returns those that it took.
func (k *Keeper) publish(ctx context.Context, may func(published *owner) bool, records ...Record) (taken []Record) {
	k.ledger.Lock()
	for _, record := range records {
		if may(k.ledger.owners[record.Owner]) {
			k.ledger.publish(record.Repository, record.Desired, record.Inventory, k.Clock.Now())
			taken = append(taken, record)
		}
	}
	k.tellLosers()
	k.refreshMetrics()
	kinds := k.ledger.kinds()
	k.ledger.Unlock()
	for _, record := range taken {
		k.schedule(record.Owner, record.Object.Spec.DriftInterval(), false)
	}
	k.want(ctx, kinds)
	return taken
}

// watchedWithin bounds the wait for new watches: a sync that does not get them lists by itself.
const watchedWithin = 2 * time.Second

// Expect has the kinds of what will be published watched, and waits until they are: nothing that happens while it is applied is missed.
func (k *Keeper) Expect(ctx context.Context, name apply.Owner, desired []apply.Desired) {
	kinds := make(map[schema.GroupKind]string)
	for i := range desired {
		kinds[desired[i].ID.GroupKind()] = desired[i].Version
	}
	k.ledger.Lock()
	k.ledger.expected[name] = kinds
	all := k.ledger.kinds()
	k.ledger.Unlock()
	served := k.want(ctx, all)
	ctx, cancel := context.WithTimeout(ctx, watchedWithin)
	defer cancel()
	var waiting []schema.GroupKind
	for gk := range kinds {
		if served[gk] && !k.watch.Synced(gk) {
			waiting = append(waiting, gk)
		}
	}
	if len(waiting) == 0 {
		return
	}
	if err := k.watch.WaitFor(ctx, waiting); err != nil {
		klog.FromContext(ctx).V(2).Info("Not all kinds are watched yet", "err", err)
	}
}

// Watched tells whether all kinds of a GitRepository's objects are watched.
func (k *Keeper) Watched(name apply.Owner) bool {
	k.ledger.Lock()
	kinds := make(map[schema.GroupKind]bool)
	o := k.ledger.owners[name]
	if o != nil {
		for id := range o.objects {
			kinds[id.GroupKind()] = true
		}
	}
	k.ledger.Unlock()
	for gk := range kinds {
		if !k.watch.Synced(gk) {
			return false
		}
	}
	return o != nil && !o.Sourceless
}

// Prevents tells whether edits of any object are to be refused.
func (k *Keeper) Prevents() bool {
	k.ledger.Lock()
	defer k.ledger.Unlock()
	return k.ledger.prevented > 0
}

// Stale tells, once, whether a GitRepository is to be synced although Git did not change: an object of it was held by a pause while its
// manifest changed, and is held no more, or another GitRepository has one of its objects.
func (k *Keeper) Stale(name apply.Owner) bool {
	k.ledger.Lock()
	defer k.ledger.Unlock()
	o := k.ledger.owners[name]
	if o == nil || !o.stale {
		return false
	}
	o.stale = false
	return true
}

// want has the watcher watch the kinds that the API server serves. A kind that it does not serve yet is wanted by the sync that waits
// for it, or the next.
func (k *Keeper) want(ctx context.Context, kinds map[schema.GroupKind]string) (served map[schema.GroupKind]bool) {
	served = make(map[schema.GroupKind]bool, len(kinds))
	resources := make(map[schema.GroupKind]apply.Resource, len(kinds))
	for gk, version := range kinds {
		if resource, err := k.Discovery.LookupAny(ctx, gk.WithVersion(version), time.Time{}); err == nil {
			resources[gk], served[gk] = resource, true
		}
	}
	k.watch.Want(ctx, resources)
	return served
}

// Settle looks at all objects of a GitRepository, after its sync: what changed before they were published shows here. It also has new
// kinds watched.
func (k *Keeper) Settle(ctx context.Context, name apply.Owner) {
	k.ledger.Lock()
	ids, kinds := k.ledger.idsOf(name), k.ledger.kinds()
	k.ledger.Unlock()
	k.want(ctx, kinds)
	for _, id := range ids {
		if k.watch.Synced(id.GroupKind()) {
			k.look(id, byStart, nil)
		} else {
			k.queue.Add(id, queue.Normal)
		}
	}
}

// Update takes over what a GitRepository says of itself now, between two syncs.
func (k *Keeper) Update(repository *v1alpha1.GitRepository, pause apply.Pause) {
	name := apply.Owner{Namespace: repository.Namespace, Name: repository.Name}
	k.ledger.Lock()
	o := k.ledger.owners[name]
	if o == nil {
		k.ledger.Unlock()
		return
	}
	released := o.Object.Spec.Suspend && !repository.Spec.Suspend || o.Pause != pause
	if o.Object.Spec.ExtraFields != repository.Spec.ExtraFields {
		released = true
		for _, object := range o.objects {
			object.inspected = ownership.Digest{}
		}
	}
	before := o.Object.Spec.DriftInterval()
	o.Object, o.Pause = repository, pause
	ids := k.ledger.idsOf(name)
	k.ledger.Unlock()
	if before != repository.Spec.DriftInterval() {
		k.schedule(name, repository.Spec.DriftInterval(), true)
	}
	if released {
		for _, id := range ids {
			k.queue.Add(id, queue.Normal)
		}
	}
}

// Forget drops a GitRepository that is gone, or going: nothing of it is put back any more. It returns who acted for it and the objects
// of which edits are refused.
func (k *Keeper) Forget(ctx context.Context, name apply.Owner) (acting *apply.Cluster, protected []apply.Desired) {
	k.ledger.Lock()
	o := k.ledger.owners[name]
	if o == nil {
		k.ledger.Unlock()
		return nil, nil
	}
	acting = o.Cluster
	for id, object := range o.objects {
		if object.desired != nil && object.desired.Drift == v1alpha1.DriftPolicyPrevent && object.uid() != "" {
			protected = append(protected, *object.desired)
		}
		k.ledger.drop(o, id)
	}
	delete(k.ledger.owners, name)
	delete(k.ledger.expected, name)
	k.refreshMetrics()
	kinds := k.ledger.kinds()
	k.ledger.Unlock()
	k.unschedule(name)
	k.want(ctx, kinds)
	return acting, protected
}

// Knows tells whether a GitRepository was published, and not only its record before anybody looked at Git.
func (k *Keeper) Knows(name apply.Owner) bool {
	k.ledger.Lock()
	defer k.ledger.Unlock()
	o := k.ledger.owners[name]
	return o != nil && !o.Early
}

// soon has the owner's findings reported: at once, or as soon as the last report is old enough. The caller holds the ledger.
func (k *Keeper) soon(o *owner) {
	at := o.reported.Add(reportEvery)
	if now := k.Clock.Now(); !now.Before(at) {
		k.reports.Add(o.Owner, queue.Normal)
		return
	}
	k.reports.AddAt(o.Owner, at)
}

// objectReference is how Events name an object.
func objectReference(id apply.ID, version string, uid types.UID) *corev1.ObjectReference {
	return &corev1.ObjectReference{APIVersion: schema.GroupVersion{Group: id.Group, Version: version}.String(), Kind: id.Kind,
		Namespace: id.Namespace, Name: id.Name, UID: uid}
}
