package webhook

import (
	"context"
	"fmt"
	"sync"

	"k8s.io/apimachinery/pkg/apis/meta/internalversion"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/apiserver/pkg/registry/rest"
	"k8s.io/client-go/tools/cache"

	"nopea.io/nopea/pkg/apis/nopea"
	"nopea.io/nopea/pkg/webhook"
)

// target is what has to be known of a GitRepository to which a delivery may go. It is never changed.
type target struct {
	name types.NamespacedName
	uid  types.UID
	spec nopea.GitRepositorySpec
}

func newTarget(repository *nopea.GitRepository) *target {
	spec := repository.Spec.DeepCopy()
	return &target{name: types.NamespacedName{Namespace: repository.Namespace, Name: repository.Name}, uid: repository.UID,
		spec: nopea.GitRepositorySpec{URL: spec.URL, Ref: spec.Ref, Webhook: spec.Webhook, Suspend: spec.Suspend}}
}

// urls by which payloads may name the repository.
func (t *target) urls() []string {
	urls := []string{t.spec.URL}
	if t.spec.Webhook != nil {
		urls = append(urls, t.spec.Webhook.Match...)
	}
	return urls
}

// isNamedOtherwise tells whether a payload names a repository, and not by a URL of this one.
func (t *target) isNamedOtherwise(event *webhook.Event) bool {
	var own webhook.Index[types.UID]
	own.Set(t.uid, t.urls())
	return len(event.URLs) > 0 && len(own.Find(event.URLs)) == 0
}

// ListerWatcher is the part of the storage of GitRepositories that is followed.
type ListerWatcher interface {
	rest.Lister
	rest.Watcher
}

// targets are all GitRepositories, by the URLs that payloads name them by. A watch of the storage keeps them, so that a change counts as
// soon as the watch cache has it.
type targets struct {
	index webhook.Index[types.NamespacedName]

	mu     sync.RWMutex
	byName map[types.NamespacedName]*target
	synced bool
}

var _ cache.ReflectorStore = &targets{}

func newTargets() *targets {
	return &targets{byName: make(map[types.NamespacedName]*target)}
}

// follow keeps the targets as the storage has them until the context ends.
func (t *targets) follow(ctx context.Context, storage ListerWatcher) {
	lw := &cache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, options metav1.ListOptions) (runtime.Object, error) {
			return storage.List(ctx, internal(options))
		},
		WatchFuncWithContext: func(ctx context.Context, options metav1.ListOptions) (watch.Interface, error) {
			events, err := storage.Watch(ctx, internal(options))
			if err != nil {
				return nil, err
			}
			return watch.Filter(events, unwrapped), nil
		},
		DisableChunking: true,
	}
	cache.NewReflectorWithOptions(lw, &nopea.GitRepository{}, t, cache.ReflectorOptions{Name: "webhook-targets"}).RunWithContext(ctx)
}

// unwrapped takes an object out of what the watch cache wraps it in when several watch, to encode it but once.
func unwrapped(event watch.Event) (watch.Event, bool) {
	if cached, ok := event.Object.(runtime.CacheableObject); ok {
		event.Object = cached.GetObject()
	}
	return event, true
}

func internal(options metav1.ListOptions) *internalversion.ListOptions {
	return &internalversion.ListOptions{
		AllowWatchBookmarks: options.AllowWatchBookmarks, SendInitialEvents: options.SendInitialEvents,
		ResourceVersion: options.ResourceVersion, ResourceVersionMatch: options.ResourceVersionMatch,
	}
}

// find gives the GitRepositories that one of the URLs names.
func (t *targets) find(urls []string) []*target {
	names := t.index.Find(urls)
	t.mu.RLock()
	defer t.mu.RUnlock()
	found := make([]*target, 0, len(names))
	for _, name := range names {
		if target := t.byName[name]; target != nil {
			found = append(found, target)
		}
	}
	return found
}

// hasSynced tells whether all GitRepositories were listed once.
func (t *targets) hasSynced() bool {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.synced
}

// Add takes in a GitRepository.
func (t *targets) Add(obj any) error {
	repository, ok := obj.(*nopea.GitRepository)
	if !ok {
		return fmt.Errorf("unexpected type %T, want a GitRepository", obj)
	}
	target := newTarget(repository)
	t.mu.Lock()
	t.byName[target.name] = target
	t.mu.Unlock()
	t.index.Set(target.name, target.urls())
	return nil
}

// Update takes in a GitRepository that changed.
func (t *targets) Update(obj any) error { return t.Add(obj) }

// Delete forgets a GitRepository.
func (t *targets) Delete(obj any) error {
	if tombstone, ok := obj.(cache.DeletedFinalStateUnknown); ok {
		obj = tombstone.Obj
	}
	repository, ok := obj.(*nopea.GitRepository)
	if !ok {
		return fmt.Errorf("unexpected type %T, want a GitRepository", obj)
	}
	t.forget(types.NamespacedName{Namespace: repository.Namespace, Name: repository.Name})
	return nil
}

func (t *targets) forget(name types.NamespacedName) {
	t.index.Delete(name)
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.byName, name)
}

// Replace takes in all GitRepositories, and forgets all others.
func (t *targets) Replace(objs []any, _ string) error {
	gone := make(map[types.NamespacedName]bool)
	t.mu.RLock()
	for name := range t.byName {
		gone[name] = true
	}
	t.mu.RUnlock()
	for _, obj := range objs {
		if err := t.Add(obj); err != nil {
			return err
		}
		if repository, ok := obj.(*nopea.GitRepository); ok {
			delete(gone, types.NamespacedName{Namespace: repository.Namespace, Name: repository.Name})
		}
	}
	for name := range gone {
		t.forget(name)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.synced = true
	return nil
}

// Resync does nothing.
func (*targets) Resync() error { return nil }
