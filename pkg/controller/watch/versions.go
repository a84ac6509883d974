package watch

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"slices"
	"strings"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
	"k8s.io/klog/v2"
	"k8s.io/utils/clock"
)

// versions finds in which version the API server stores a resource. To read objects in that one takes no conversion, and so no webhook
// that may be down.
type versions struct {
	client discovery.DiscoveryInterfaceWithContext
	clock  clock.PassiveClock

	mu     sync.Mutex
	read   time.Time // when the newest reading began
	served map[schema.GroupKind][]schema.GroupVersionResource
}

// storage is the resource of a kind in the version that it is stored in, by a reading of the served versions that is no older than asOf.
// Where that can not be learnt it is current, if that is served or nothing is known.
func (v *versions) storage(
	ctx context.Context, gk schema.GroupKind, current schema.GroupVersionResource, asOf time.Time,
) schema.GroupVersionResource {
	served, err := v.of(ctx, gk, asOf)
	switch {
	case err != nil:
		klog.FromContext(ctx).V(4).Info("Cannot read the versions of a kind", "kind", gk, "err", err)
		return current
	case len(served) == 0:
		return current
	case len(served) == 1:
		return served[0]
	}
	if !slices.Contains(served, current) {
		current = served[0]
	}
	list, err := v.client.ServerResourcesForGroupVersionWithContext(ctx, current.GroupVersion().String())
	if err != nil {
		klog.FromContext(ctx).V(4).Info("Cannot read the storage version of a kind", "kind", gk, "err", err)
		return current
	}
	hash := storageHash(list, current.Resource)
	for _, candidate := range served {
		if hash == hashOf(gk.WithVersion(candidate.Version)) {
			return candidate
		}
	}
	return current
}

// of lists the resources of a kind, one for each version in which it is served, the API server's preferred one first.
func (v *versions) of(ctx context.Context, gk schema.GroupKind, asOf time.Time) ([]schema.GroupVersionResource, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.served != nil && !v.read.Before(asOf) {
		return v.served[gk], nil
	}
	began := v.clock.Now()
	_, lists, err := v.client.ServerGroupsAndResourcesWithContext(ctx)
	if err != nil && !discovery.IsGroupDiscoveryFailedError(err) {
		return nil, err
	}
	v.served, v.read = servedIn(lists), began
	return v.served[gk], nil
}

func servedIn(lists []*metav1.APIResourceList) map[schema.GroupKind][]schema.GroupVersionResource {
	served := make(map[schema.GroupKind][]schema.GroupVersionResource)
	for _, list := range lists {
		version, err := schema.ParseGroupVersion(list.GroupVersion)
		if err != nil {
			continue
		}
		for i := range list.APIResources {
			resource := &list.APIResources[i]
			gk := version.WithKind(resource.Kind).GroupKind()
			if !strings.Contains(resource.Name, "/") && slices.Contains(resource.Verbs, "watch") {
				served[gk] = append(served[gk], version.WithResource(resource.Name))
			}
		}
	}
	return served
}

func storageHash(list *metav1.APIResourceList, resource string) string {
	for i := range list.APIResources {
		if list.APIResources[i].Name == resource {
			return list.APIResources[i].StorageVersionHash
		}
	}
	return ""
}

// hashOf is storageVersionHash of discovery for a kind that is stored in this version. Only the documents of single versions have it,
// not those of all groups together.
func hashOf(gvk schema.GroupVersionKind) string {
	sum := sha256.Sum256([]byte(gvk.Group + "/" + gvk.Version + "/" + gvk.Kind))
	return base64.StdEncoding.EncodeToString(sum[:8])
}
