package apply

import (
	"context"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
	"nopea.io/nopea/pkg/ownership"
)

// changedByAdoption tells whether an object would be another, but for whose it is, if it were taken over: by what Git holds of it, as a
// dry run has shown, or by what its owner held and Git does not.
func (c *Cluster) changedByAdoption(ctx context.Context, resource Resource, now, applied *unstructured.Unstructured) (bool, error) {
	if !sameContent(now, applied) {
		return true, nil
	}
	patch, err := forfeiture(now, applied)
	if err != nil || patch == nil {
		return false, err
	}
	less, err := c.objects(resource, now.GetNamespace()).Patch(ctx, now.GetName(), types.JSONPatchType, patch,
		metav1.PatchOptions{FieldManager: v1alpha1.FieldManager, DryRun: []string{metav1.DryRunAll}})
	if apierrors.IsInvalid(err) {
		return true, nil // it cannot do without, by itself
	}
	if err != nil {
		return false, err
	}
	return !sameContent(now, less), nil
}

// forfeiture is a JSON patch that removes what nobody holds any more once the object is taken over; nil when that is nothing.
func forfeiture(now, applied *unstructured.Unstructured) ([]byte, error) {
	paths, err := ownership.Forfeited(now.GetManagedFields(), applied.GetManagedFields())
	if err != nil {
		return nil, err
	}
	var pointers [][]string
	for _, path := range paths {
		if pointer, ok := pointerTo(now.Object, path); ok {
			pointers = append(pointers, pointer)
		}
	}
	if len(pointers) == 0 {
		return nil, nil
	}
	return removal(now.GetResourceVersion(), pointers)
}

// MayWrite returns the API server's refusal of a write that changes nothing and is not stored, if it refuses.
func (c *Cluster) MayWrite(ctx context.Context, step *Step, asOf time.Time) error {
	resource, err := c.lookup(ctx, step, asOf)
	if err != nil {
		return err
	}
	_, err = c.client(resource, step.ID.Namespace).Patch(ctx, step.ID.Name, types.MergePatchType, []byte("{}"),
		metav1.PatchOptions{FieldManager: v1alpha1.FieldManager, DryRun: []string{metav1.DryRunAll}})
	return err
}
