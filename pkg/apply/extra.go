package apply

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
	"nopea.io/nopea/pkg/ownership"
)

// RemoveExtras takes away the fields that others added to an object, and returns the object's metadata as it is then. It fails with a
// conflict when the object changes meanwhile.
func (c *Cluster) RemoveExtras(ctx context.Context, resource Resource, id ID) (*metav1.PartialObjectMetadata, []ownership.Extra, error) {
	live, err := c.objects(resource, id.Namespace).Get(ctx, id.Name, metav1.GetOptions{})
	if err != nil {
		return nil, nil, fmt.Errorf("read the fields that others added: %w", err)
	}
	extras := ownership.Extras(id.GroupKind(), live.GetManagedFields(), ownership.Allowed)
	var pointers [][]string
	for _, extra := range extras {
		if pointer, ok := pointerTo(live.Object, extra.Path); ok {
			pointers = append(pointers, pointer)
		}
	}
	if len(pointers) == 0 {
		return nil, nil, nil
	}
	patch, err := removal(live.GetResourceVersion(), pointers)
	if err != nil {
		return nil, nil, err
	}
	after, err := c.client(resource, id.Namespace).Patch(ctx, id.Name, types.JSONPatchType, patch, metav1.PatchOptions{FieldManager: v1alpha1.FieldManager})
	return after, extras, err
}

// pointerTo is where a field stands in an object, as the steps of a JSON pointer.
func pointerTo(content any, path fieldpath.Path) ([]string, bool) {
	var pointer []string
	for _, element := range path {
		switch inner := content.(type) {
		case map[string]any:
			if element.FieldName == nil {
				return nil, false
			}
			value, ok := inner[*element.FieldName]
			if !ok {
				return nil, false
			}
			pointer, content = append(pointer, *element.FieldName), value
		case []any:
			i := slices.IndexFunc(inner, func(item any) bool { return isElement(element, item) })
			if i < 0 {
				return nil, false
			}
			pointer, content = append(pointer, strconv.Itoa(i)), inner[i]
		default:
			return nil, false
		}
	}
	return pointer, true
}

// removal is a JSON patch that removes fields from exactly one version of an object: later items of a list first, so that the numbers of
// the others stay right.
func removal(version string, pointers [][]string) ([]byte, error) {
	slices.SortFunc(pointers, func(a, b []string) int { return comparePointers(b, a) })
	operations := []operation{{Op: "test", Path: "/metadata/resourceVersion", Value: version}}
	for _, pointer := range pointers {
		operations = append(operations, operation{Op: "remove", Path: pointerText(pointer)})
	}
	return encodePatch(operations)
}

// comparePointers orders numbers as numbers.
func comparePointers(a, b []string) int {
	for i := range min(len(a), len(b)) {
		x, errX := strconv.Atoi(a[i])
		y, errY := strconv.Atoi(b[i])
		if errX == nil && errY == nil && x != y {
			return cmp.Compare(x, y)
		}
		if a[i] != b[i] {
			return strings.Compare(a[i], b[i])
		}
	}
	return cmp.Compare(len(a), len(b))
}
