package apply

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/version"
	"k8s.io/client-go/discovery"
	"k8s.io/utils/clock"
)

// ErrUnserved is returned for a kind that the API server does not have, by word of the API server itself.
var ErrUnserved = errors.New("the API server has no such kind")

// Resource is how the API server serves a kind.
type Resource struct {
	schema.GroupVersionResource
	Kind       string
	Namespaced bool
	// Manageable resources can be listed, patched and deleted: an object of them may be NOPEA's.
	Manageable bool
}

// GroupKind of the resource's objects.
func (r Resource) GroupKind() schema.GroupKind {
	return schema.GroupKind{Group: r.Group, Kind: r.Kind}
}

// Discovery knows which kinds the API server serves. It reads them all in two requests, keeps them, and reads them again only when
// it is asked for a kind that it does not know. Safe for concurrent use.
type Discovery struct {
	client discovery.AggregatedDiscoveryInterfaceWithContext
	clock  clock.PassiveClock

	mu     sync.Mutex
	read   time.Time // when the newest reading began
	kinds  map[schema.GroupVersionKind]Resource
	failed map[schema.GroupVersion]error
}

// NewDiscovery reads through the given client, with the rights of its identity: every authenticated user may.
func NewDiscovery(client *discovery.DiscoveryClient, clock clock.PassiveClock) *Discovery {
	return &Discovery{client: discovery.ToAggregatedDiscoveryInterfaceWithContext(client), clock: clock}
}

// Lookup finds the resource of a kind. A kind that is not known is looked for in a reading that began at or after asOf, so that an
// answer of ErrUnserved is no older than that. A group that could not be read gives its own error: nothing is known of its kinds.
func (d *Discovery) Lookup(ctx context.Context, gvk schema.GroupVersionKind, asOf time.Time) (Resource, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if found, ok := d.kinds[gvk]; ok {
		return found, nil
	}
	if err := d.refresh(ctx, asOf); err != nil {
		return Resource{}, err
	}
	if found, ok := d.kinds[gvk]; ok {
		return found, nil
	}
	if err := d.failed[gvk.GroupVersion()]; err != nil {
		return Resource{}, fmt.Errorf("the API group %s could not be read: %w", gvk.GroupVersion(), err)
	}
	return Resource{}, fmt.Errorf("%s in %s: %w", gvk.Kind, gvk.GroupVersion(), ErrUnserved)
}

// LookupAny is Lookup in any version, the given one first.
func (d *Discovery) LookupAny(ctx context.Context, gvk schema.GroupVersionKind, asOf time.Time) (Resource, error) {
	found, err := d.Lookup(ctx, gvk, asOf)
	if !errors.Is(err, ErrUnserved) {
		return found, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for other, resource := range d.kinds {
		if other.GroupKind() == gvk.GroupKind() {
			return resource, nil
		}
	}
	for version, cause := range d.failed {
		if version.Group == gvk.Group {
			return Resource{}, fmt.Errorf("the API group %s could not be read: %w", version, cause)
		}
	}
	return Resource{}, err
}

// Manageable lists the kinds of which an object may be NOPEA's, each in one version, from a reading that began at or after asOf.
func (d *Discovery) Manageable(ctx context.Context, asOf time.Time) ([]Resource, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.refresh(ctx, asOf); err != nil {
		return nil, err
	}
	newest := make(map[schema.GroupKind]Resource)
	for gvk, resource := range d.kinds {
		if best, ok := newest[gvk.GroupKind()]; resource.Manageable && (!ok || version.CompareKubeAwareVersionStrings(resource.Version, best.Version) > 0) {
			newest[gvk.GroupKind()] = resource
		}
	}
	return slices.Collect(maps.Values(newest)), nil
}

// Forget drops a kind that turned out not to be served any more, so that the next look reads again.
func (d *Discovery) Forget(gvk schema.GroupVersionKind) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.kinds, gvk)
}

func (d *Discovery) refresh(ctx context.Context, asOf time.Time) error {
	if d.kinds != nil && !d.read.Before(asOf) {
		return nil
	}
	began := d.clock.Now()
	_, lists, failed, err := d.client.GroupsAndMaybeResourcesWithContext(ctx)
	if err != nil {
		return fmt.Errorf("read the kinds that the API server serves: %w", err)
	}
	if lists == nil {
		return errors.New("read the kinds that the API server serves: it does not offer aggregated discovery (Kubernetes 1.30 or newer does)")
	}
	kinds := make(map[schema.GroupVersionKind]Resource)
	for version, list := range lists {
		for i := range list.APIResources {
			addKind(kinds, version, &list.APIResources[i])
		}
	}
	d.kinds, d.failed, d.read = kinds, failed, began
	return nil
}

func addKind(kinds map[schema.GroupVersionKind]Resource, version schema.GroupVersion, resource *metav1.APIResource) {
	if strings.Contains(resource.Name, "/") {
		return
	}
	gvk := version.WithKind(resource.Kind)
	if resource.Group != "" || resource.Version != "" {
		gvk = schema.GroupVersionKind{Group: resource.Group, Version: resource.Version, Kind: resource.Kind}
	}
	if _, ok := kinds[gvk]; ok {
		return
	}
	kinds[gvk] = Resource{
		GroupVersionResource: version.WithResource(resource.Name),
		Kind:                 resource.Kind,
		Namespaced:           resource.Namespaced,
		Manageable:           !slices.ContainsFunc([]string{"list", "patch", "delete"}, func(verb string) bool { return !slices.Contains(resource.Verbs, verb) }),
	}
}
