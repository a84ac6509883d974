package apply

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/klog/v2"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
	"nopea.io/nopea/pkg/ownership"
)

// RecordLost tells whether an empty inventory once held something: live objects carry the owner's labels and NOPEA's Apply entry.
func RecordLost(inventory *Inventory, seen Observation) bool {
	if inventory.Len() > 0 {
		return false
	}
	for _, live := range seen.Live {
		if live.ours() {
			return true
		}
	}
	return false
}

// Recover finds what a lost inventory held beside the desired objects: objects of any kind with the owner's labels and NOPEA's Apply
// entry. They come back as recovered entries, which nothing prunes unconfirmed, and are added to what was seen. A kind is looked for
// in all namespaces, or, where the identity may not, in those given; what it may not see there either, it has not applied.
func (c *Cluster) Recover(ctx context.Context, desired []Desired, namespaces []string, seen Observation, asOf time.Time) ([]v1alpha1.InventoryEntry, error) {
	resources, err := c.Discovery.Manageable(ctx, asOf)
	if err != nil {
		return nil, err
	}
	wanted := make(map[ID]bool, len(desired))
	for i := range desired {
		wanted[desired[i].ID] = true
	}
	var mu sync.Mutex
	var entries []v1alpha1.InventoryEntry
	Each(ctx, resources, func(ctx context.Context, resource Resource) {
		for _, object := range c.labelled(ctx, resource, namespaces) {
			id := ID{Group: resource.Group, Kind: resource.Kind, Namespace: object.Namespace, Name: object.Name}
			facts, err := ownership.Read(id.GroupKind(), &object, nil)
			if err != nil || facts.Signature == (ownership.Digest{}) || wanted[id] {
				continue
			}
			mu.Lock()
			entries = append(entries, v1alpha1.InventoryEntry{
				Group: id.Group, Version: resource.Version, Kind: id.Kind, Namespace: id.Namespace, Name: id.Name,
				UID: object.UID, Signature: facts.Signature.String(), Generation: object.Generation, File: object.Annotations[v1alpha1.AnnotationOrigin], Recovered: true,
			})
			seen.Live[id] = LiveOf(facts, c.Owner)
			mu.Unlock()
		}
	})
	slices.SortFunc(entries, func(a, b v1alpha1.InventoryEntry) int { return EntryID(&a).Compare(EntryID(&b)) })
	return entries, ctx.Err()
}

// labelled lists the objects of a resource that carry the owner's labels, as far as the identity may see them.
func (c *Cluster) labelled(ctx context.Context, resource Resource, namespaces []string) []metav1.PartialObjectMetadata {
	options := metav1.ListOptions{LabelSelector: labels.SelectorFromSet(c.Owner.Labels()).String()}
	list, err := c.client(resource, metav1.NamespaceAll).List(ctx, options)
	if err == nil {
		return list.Items
	}
	var found []metav1.PartialObjectMetadata
	if resource.Namespaced && apierrors.IsForbidden(err) {
		for _, namespace := range namespaces {
			if list, err = c.client(resource, namespace).List(ctx, options); err == nil {
				found = append(found, list.Items...)
			}
		}
	}
	if err != nil && !apierrors.IsForbidden(err) && !strings.Contains(err.Error(), context.Canceled.Error()) {
		klog.FromContext(ctx).Info("Could not look for objects of a lost inventory", "resource", resource.GroupVersionResource, "err", err)
	}
	return found
}
