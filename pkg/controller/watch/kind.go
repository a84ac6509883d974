package watch

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/tools/cache"
	"k8s.io/klog/v2"
	"k8s.io/utils/clock"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
)

const (
	// readingAge is how old a reading of discovery may be when a watch fails and another version is looked for.
	readingAge = 5 * time.Second
	// lookAgainAfter is how long a watch that goes well keeps to its version without asking whether that is still the stored one.
	lookAgainAfter = 10 * time.Minute
	// quietly is the log level of what a Reflector says about each attempt. What changes for a kind is said by state.
	quietly = 4
)

// errMoved ends the watch of a resource that is stored in another version now.
var errMoved = errors.New("the resource is stored in another version")

// kind is the watch of one kind.
type kind struct {
	state
	gk       schema.GroupKind
	client   metadata.Interface
	versions *versions
	clock    clock.WithTicker
	store    *store
	cancel   context.CancelFunc // set when it is started
	end      sync.Once

	version sync.Mutex
	// resource is what is watched, and looked is when its version was looked for.
	resource schema.GroupVersionResource
	looked   time.Time
}

func newKind(w *Watcher, gk schema.GroupKind, resource Resource) *kind {
	watches.WithLabelValues(starting).Inc()
	return &kind{
		state: state{name: starting, clock: w.clock, changed: func() {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.tell()
		}},
		gk: gk, client: w.client, versions: w.versions, clock: w.clock, store: newStore(gk, w.handler),
		resource: resource.GroupVersionResource,
	}
}

// stop ends the watch and forgets the objects. It does not wait.
func (k *kind) stop() {
	if k.cancel != nil {
		k.cancel()
	}
	k.end.Do(func() {
		k.store.close()
		k.state.mu.Lock()
		defer k.state.mu.Unlock()
		watches.WithLabelValues(k.state.name).Dec()
	})
}

// run watches until the context ends.
func (k *kind) run(ctx context.Context) {
	ctx = klog.NewContext(ctx, klog.FromContext(ctx).WithValues("kind", k.gk.String()))
	defer k.stop()
	var reflector *cache.Reflector
	var watched schema.GroupVersionResource
	var asOf, failingSince time.Time
	for ctx.Err() == nil {
		if resource := k.find(ctx, asOf); reflector == nil || resource != watched {
			reflector, watched = k.reflector(ctx, resource), resource
		}
		began := k.clock.Now()
		err := k.round(ctx, reflector)
		now := k.clock.Now()
		if isAboutVersion(err) {
			asOf = now.Add(-readingAge)
		}
		if failingSince.IsZero() || now.Sub(began) > steadyAfter {
			failingSince = now
		}
		select {
		case <-ctx.Done():
		case <-k.clock.After(wait.Jitter(pause(now.Sub(failingSince), err), 0.2)):
		}
	}
}

// round lists and watches until something ends it. A panic is a failure of this kind alone.
func (k *kind) round(ctx context.Context, reflector *cache.Reflector) (err error) {
	defer func() {
		if cause := recover(); cause != nil {
			klog.FromContext(ctx).Error(nil, "Panic in a watch", "panic", cause, "stack", string(debug.Stack()))
			err = fmt.Errorf("panic in the watch: %v", cause)
			k.failed(ctx, err)
		}
	}()
	return reflector.ListAndWatchWithContext(klog.NewContext(ctx, klog.FromContext(ctx).V(quietly)))
}

// find looks for the version to watch in.
func (k *kind) find(ctx context.Context, asOf time.Time) schema.GroupVersionResource {
	found := k.versions.storage(ctx, k.gk, k.current(), asOf)
	k.version.Lock()
	defer k.version.Unlock()
	k.resource, k.looked = found, k.clock.Now()
	return found
}

func (k *kind) current() schema.GroupVersionResource {
	k.version.Lock()
	defer k.version.Unlock()
	return k.resource
}

// hasMoved looks, now and then, whether the resource is still stored in this version.
func (k *kind) hasMoved(ctx context.Context, resource schema.GroupVersionResource) bool {
	k.version.Lock()
	fresh := k.clock.Since(k.looked) < lookAgainAfter
	k.version.Unlock()
	return !fresh && k.find(ctx, k.clock.Now().Add(-lookAgainAfter)) != resource
}

// reflector watches a resource. What it says of each attempt goes to a quiet log, and what becomes of the kind to that of the context.
func (k *kind) reflector(ctx context.Context, resource schema.GroupVersionResource) *cache.Reflector {
	client := k.client.Resource(resource)
	source := &cache.ListWatch{
		ListWithContextFunc: func(request context.Context, options metav1.ListOptions) (runtime.Object, error) {
			if options.ResourceVersion == "0" {
				options.ResourceVersion = "" // whatever the API server has at hand may be older than what is held here
			}
			options.LabelSelector = v1alpha1.LabelRepository
			defer k.asks()()
			list, err := client.List(request, options)
			if err != nil {
				k.failed(ctx, err)
				return nil, err
			}
			return list, nil
		},
		WatchFuncWithContext: func(request context.Context, options metav1.ListOptions) (watch.Interface, error) {
			streamsList := options.SendInitialEvents != nil && *options.SendInitialEvents
			if !streamsList && k.hasMoved(ctx, resource) {
				return nil, errMoved
			}
			options.LabelSelector = v1alpha1.LabelRepository
			defer k.asks()()
			stream, err := client.Watch(request, options)
			switch {
			case err == nil && !streamsList:
				k.sees(ctx, false)
			case err == nil, streamsList && apierrors.IsInvalid(err):
				// Nothing is seen yet; or the API server can not stream a list, and is asked for an ordinary one next.
			default:
				k.failed(ctx, err)
			}
			return stream, err
		},
	}
	quiet := klog.FromContext(ctx).V(quietly)
	return cache.NewReflectorWithOptions(
		cache.ToListWatcherWithWatchListSemantics(source, k.client), &metav1.PartialObjectMetadata{},
		&sink{store: k.store, synced: func() { k.sees(ctx, true) }},
		cache.ReflectorOptions{Name: "nopea", TypeDescription: k.gk.String(), Logger: &quiet, Backoff: reconnect(), Clock: k.clock},
	)
}
