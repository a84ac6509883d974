package watch

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"sync"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/metadata"
	"k8s.io/klog/v2"
	"k8s.io/utils/clock"

	"nopea.io/nopea/pkg/apply"
	"nopea.io/nopea/pkg/ownership"
)

// Resource is how the API server serves a kind.
type Resource = apply.Resource

// Handler is told what changed.
type Handler interface {
	// Changed is called once for each change that others made to an object's metadata, in order for each object, from one goroutine a
	// kind, and has to return fast. Existed and exists tell whether the object was held before and is now; an object that loses NOPEA's
	// label does not exist any more here. Object is good during the call only; it is nil where a list showed that an object is gone,
	// or that the API server was set back to a backup. NOPEA's own writes, which Saw and Gone told of, are not reported.
	Changed(id apply.ID, before, after ownership.Facts, existed, exists bool, object *metav1.PartialObjectMetadata)
}

// Handlers are told one after the other.
type Handlers []Handler

// Changed implements Handler.
func (h Handlers) Changed(id apply.ID, before, after ownership.Facts, existed, exists bool, object *metav1.PartialObjectMetadata) {
	for _, handler := range h {
		handler.Changed(id, before, after, existed, exists, object)
	}
}

// Watcher watches the metadata of all objects with NOPEA's label, of the kinds that are wanted. Safe for concurrent use.
type Watcher struct {
	client   metadata.Interface
	versions *versions
	handler  Handler
	clock    clock.WithTicker

	mu      sync.Mutex
	kinds   map[schema.GroupKind]*kind
	start   func(*kind)   // nil while Run does not run
	changed chan struct{} // closed at the next change of any kind's state
}

// New returns a Watcher that does nothing until Run runs. The client's identity needs to list and watch what is wanted, in all
// namespaces; the client must not limit its rate.
func New(client metadata.Interface, discover discovery.DiscoveryInterface, handler Handler, clock clock.WithTicker) *Watcher {
	return &Watcher{
		client: client, handler: handler, clock: clock,
		versions: &versions{client: discovery.ToDiscoveryInterfaceWithContext(discover), clock: clock},
		kinds:    make(map[schema.GroupKind]*kind), changed: make(chan struct{}),
	}
}

// Run watches what is wanted until the context ends, and returns when nothing runs any more. It is called once.
func (w *Watcher) Run(ctx context.Context) {
	var wg sync.WaitGroup
	w.mu.Lock()
	w.start = func(k *kind) {
		ctx, cancel := context.WithCancel(ctx)
		k.cancel = cancel
		wg.Go(func() { k.run(ctx) })
	}
	for _, k := range w.kinds {
		w.start(k)
	}
	w.mu.Unlock()
	<-ctx.Done()
	w.mu.Lock()
	w.start = nil
	w.mu.Unlock()
	wg.Wait()
}

// Want says which kinds to watch from now on, all of them, each by a resource that serves it in any version. What is known of other
// kinds is forgotten, without a report.
func (w *Watcher) Want(ctx context.Context, resources map[schema.GroupKind]Resource) {
	logger := klog.FromContext(ctx)
	w.mu.Lock()
	defer w.mu.Unlock()
	for gk, k := range w.kinds {
		if _, ok := resources[gk]; !ok {
			logger.V(2).Info("Watch of a kind ends", "kind", gk)
			delete(w.kinds, gk)
			k.stop()
		}
	}
	for gk, resource := range resources {
		if w.kinds[gk] != nil {
			continue
		}
		logger.V(2).Info("Watch of a kind begins", "kind", gk)
		k := newKind(w, gk, resource)
		w.kinds[gk] = k
		if w.start != nil {
			w.start(k)
		}
	}
	w.tell()
}

// Facts of an object as it was last seen; Synced tells whether that is how it is. False means that it is not held: it is not there, does
// not carry the label, or its kind is not watched.
func (w *Watcher) Facts(id apply.ID) (ownership.Facts, bool) {
	k := w.kind(id.GroupKind())
	if k == nil {
		return ownership.Facts{}, false
	}
	return k.store.get(key{id.Namespace, id.Name})
}

// Synced tells whether all objects of a kind are held, and nothing keeps changes from being seen at once.
func (w *Watcher) Synced(gk schema.GroupKind) bool {
	k := w.kind(gk)
	return k != nil && k.isSynced()
}

// Blind tells of which wanted kinds changes are not seen, and why: they may not be watched (apierrors.IsForbidden), are not served
// (apierrors.IsNotFound), or the API server does not answer as it should. What was known of their objects before is still held.
func (w *Watcher) Blind() map[schema.GroupKind]error {
	found := make(map[schema.GroupKind]error)
	for _, k := range w.all() {
		if err := k.blindness(); err != nil {
			found[k.gk] = err
		}
	}
	return found
}

// WaitFor waits until each of the kinds that is wanted is either synced or blind. The error says which are not when the context ends.
func (w *Watcher) WaitFor(ctx context.Context, kinds []schema.GroupKind) error {
	for {
		w.mu.Lock()
		changed := w.changed
		unsettled := slices.DeleteFunc(slices.Clone(kinds), func(gk schema.GroupKind) bool {
			k := w.kinds[gk]
			return k == nil || k.isSynced() || k.blindness() != nil
		})
		w.mu.Unlock()
		if len(unsettled) == 0 {
			return nil
		}
		select {
		case <-changed:
		case <-w.clock.After(answerWithin / 5): // an answer that is overdue changes nothing by itself
		case <-ctx.Done():
			return fmt.Errorf("wait for the watch of %v: %w", unsettled, context.Cause(ctx))
		}
	}
}

// Saw takes the answer to NOPEA's own write of an object, so that it is known at once. Events from before it are ignored, and the event
// about it is not reported.
func (w *Watcher) Saw(resource Resource, object *metav1.PartialObjectMetadata) {
	gk := schema.GroupKind{Group: resource.Group, Kind: resource.Kind}
	if k := w.kind(gk); k != nil {
		k.store.wrote(object)
	}
}

// Gone takes it that NOPEA's own delete of an object has ended it. Late events about it are ignored.
func (w *Watcher) Gone(id apply.ID, uid types.UID) {
	if k := w.kind(id.GroupKind()); k != nil {
		k.store.deletedByUs(key{id.Namespace, id.Name}, uid)
	}
}

// Len is how many objects are held.
func (w *Watcher) Len() int {
	n := 0
	for _, k := range w.all() {
		n += k.store.size()
	}
	return n
}

// Each gives all objects that are held, each kind's as they are when it is begun. The Watcher may be used meanwhile.
func (w *Watcher) Each() iter.Seq2[apply.ID, ownership.Facts] {
	return func(yield func(apply.ID, ownership.Facts) bool) {
		for _, k := range w.all() {
			for id, facts := range k.store.all() {
				if !yield(id, facts) {
					return
				}
			}
		}
	}
}

func (w *Watcher) kind(gk schema.GroupKind) *kind {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.kinds[gk]
}

func (w *Watcher) all() []*kind {
	w.mu.Lock()
	defer w.mu.Unlock()
	all := make([]*kind, 0, len(w.kinds))
	for _, k := range w.kinds {
		all = append(all, k)
	}
	return all
}

// tell wakes those who wait for a change of any kind's state. The lock is held.
func (w *Watcher) tell() {
	close(w.changed)
	w.changed = make(chan struct{})
}
