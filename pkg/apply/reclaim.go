package apply

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
	"nopea.io/nopea/pkg/ownership"
)

// write is Apply, and where the API server finds the result invalid because somebody turned an item of a list into another one, such as
// a Service's port 80 into 81: Apply once those are one again. Server-side apply alone would leave the other one beside it for good. Where
// it finds that a field is immutable, and the object asks for it, the object is made anew.
func (c *Cluster) write(ctx context.Context, resource Resource, desired *Desired, how Write) (*metav1.PartialObjectMetadata, error) {
	live, err := c.Apply(ctx, resource, desired, how)
	if !apierrors.IsInvalid(err) || how.UID == "" {
		return live, err
	}
	// What the manifest led to says more than why its lists could not be set right.
	if reclaimed, reclaimErr := c.reclaim(ctx, resource, desired, how.UID); reclaimErr == nil && reclaimed {
		live, err = c.Apply(ctx, resource, desired, how)
	}
	if mayRecreate(desired, how, err) {
		return c.recreate(ctx, resource, desired, how.UID, err)
	}
	return live, err
}

// reclaim puts the missing items of Git's lists in the place of those that others made of them. It tells whether there were any.
func (c *Cluster) reclaim(ctx context.Context, resource Resource, desired *Desired, uid types.UID) (bool, error) {
	live, err := c.objects(resource, desired.ID.Namespace).Get(ctx, desired.ID.Name, metav1.GetOptions{})
	if err != nil {
		return false, err
	}
	content, err := decode(desired.Body)
	if err != nil || live.GetUID() != uid {
		return false, err
	}
	patch, err := reclaiming(content, live, ownership.Extras(desired.ID.GroupKind(), live.GetManagedFields(), ownership.Allowed))
	if err != nil || patch == nil {
		return false, err
	}
	_, err = c.client(resource, desired.ID.Namespace).Patch(ctx, desired.ID.Name, types.JSONPatchType, patch,
		metav1.PatchOptions{FieldManager: v1alpha1.FieldManager})
	return err == nil, err
}

// operation of a JSON patch (RFC 6902).
type operation struct {
	Op    string `json:"op"`
	Path  string `json:"path"`
	Value any    `json:"value,omitempty"`
}

// reclaiming is a JSON patch for exactly one version of an object. In each list that misses an item of the manifest it has the
// manifest's items, and of the others those that nobody added. Nil when there is no such list.
func reclaiming(content map[string]any, live *unstructured.Unstructured, extras []ownership.Extra) ([]byte, error) {
	operations := []operation{{Op: "test", Path: "/metadata/resourceVersion", Value: live.GetResourceVersion()}}
	done := make(map[string]bool)
	for _, extra := range extras {
		last := len(extra.Path) - 1
		if last < 1 || extra.Path[last].Key == nil {
			continue
		}
		at := extra.Path[:last]
		name := ownership.Name(at)
		if done[name] {
			continue
		}
		done[name] = true
		if list, ok := reclaimedList(content, live.Object, at, extras); ok {
			pointer, _ := pointerTo(live.Object, at)
			operations = append(operations, operation{Op: "replace", Path: pointerText(pointer), Value: list})
		}
	}
	return encodePatch(operations)
}

// encodePatch is a JSON patch of operations of which the first only makes sure of the version; nil when there is no other.
func encodePatch(operations []operation) ([]byte, error) {
	if len(operations) == 1 {
		return nil, nil
	}
	patch, err := json.Marshal(operations)
	if err != nil {
		return nil, fmt.Errorf("encode a patch: %w", err)
	}
	return patch, nil
}

// reclaimedList is a live list with the manifest's items; false when it has them all.
func reclaimedList(content, live map[string]any, at fieldpath.Path, extras []ownership.Extra) ([]any, bool) {
	wanted, _ := valueAt(content, at)
	items, ok := wanted.([]any)
	present, _ := valueAt(live, at)
	others, listed := present.([]any)
	if !ok || !listed {
		return nil, false
	}
	added := func(item any) bool {
		return slices.ContainsFunc(extras, func(e ownership.Extra) bool {
			last := len(e.Path) - 1
			return last == len(at) && e.Path[:last].Equals(at) && isElement(e.Path[last], item)
		})
	}
	others = slices.DeleteFunc(slices.Clone(others), added)
	keys := keysOf(at, extras)
	missing := false
	var list []any
	for _, item := range items {
		i := slices.IndexFunc(others, func(other any) bool { return sameKeys(keys, item, other) })
		if i < 0 {
			missing = true
			list = append(list, item)
			continue
		}
		list, others = append(list, others[i]), slices.Delete(others, i, i+1)
	}
	return append(list, others...), missing
}

// keysOf are the names of the fields by which the items of a list are told apart.
func keysOf(at fieldpath.Path, extras []ownership.Extra) []string {
	var names []string
	for _, e := range extras {
		if last := len(e.Path) - 1; last == len(at) && e.Path[:last].Equals(at) && e.Path[last].Key != nil {
			for _, key := range *e.Path[last].Key {
				names = append(names, key.Name)
			}
			return names
		}
	}
	return names
}

// sameKeys tells whether a live item is the one that the manifest means, which may leave out keys that have a default.
func sameKeys(keys []string, wanted, live any) bool {
	manifest, _ := wanted.(map[string]any)
	item, _ := live.(map[string]any)
	for _, key := range keys {
		if value, ok := manifest[key]; ok && !equal(value, item[key]) {
			return false
		}
	}
	return manifest != nil && item != nil
}

func pointerText(pointer []string) string {
	escape := strings.NewReplacer("~", "~0", "/", "~1")
	var path strings.Builder
	for _, step := range pointer {
		path.WriteString("/" + escape.Replace(step))
	}
	return path.String()
}
