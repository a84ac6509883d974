package apply

import (
	"context"
	"errors"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
	"nopea.io/nopea/pkg/ownership"
)

// ForeseeAdoptions finds by dry runs which of a plan's adoptions would change more of an object than whose it is.
func (c *Cluster) ForeseeAdoptions(ctx context.Context, plan *Plan, asOf time.Time) error {
	var (
		mu   sync.Mutex
		errs []error
	)
	Each(ctx, plan.Of(Adopt), func(ctx context.Context, step *Step) {
		resource, err := c.lookup(ctx, step, asOf)
		if err == nil {
			step.Changes, err = c.wouldChange(ctx, resource, step.Desired, step.UID)
		}
		if err != nil {
			mu.Lock()
			defer mu.Unlock()
			errs = append(errs, &ObjectError{ID: step.ID, File: step.Desired.File, Operation: "apply by dry run", Err: err})
		}
	})
	return errors.Join(errs...)
}

// wouldChange tells whether an object would be another, but for whose it is, if it were taken over: by what Git holds of it, or by what its
// owner held and Git does not.
func (c *Cluster) wouldChange(ctx context.Context, resource Resource, desired *Desired, uid types.UID) (bool, error) {
	objects := c.objects(resource, desired.ID.Namespace)
	now, err := objects.Get(ctx, desired.ID.Name, metav1.GetOptions{})
	if err != nil {
		return false, err
	}
	dryRun := []string{metav1.DryRunAll}
	applied, err := objects.Patch(ctx, desired.ID.Name, types.ApplyPatchType, identified(desired.Body, uid), metav1.PatchOptions{
		FieldManager: v1alpha1.FieldManager, Force: new(true), FieldValidation: metav1.FieldValidationStrict, DryRun: dryRun})
	if err != nil {
		return false, err
	}
	if !sameContent(now, applied) {
		return true, nil
	}
	patch, err := forfeiture(now, applied)
	if err != nil || patch == nil {
		return false, err
	}
	less, err := objects.Patch(ctx, desired.ID.Name, types.JSONPatchType, patch, metav1.PatchOptions{FieldManager: v1alpha1.FieldManager, DryRun: dryRun})
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
