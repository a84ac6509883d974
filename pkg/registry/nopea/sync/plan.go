package sync

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apiserver/pkg/endpoints/request"
	genericregistry "k8s.io/apiserver/pkg/registry/generic/registry"
	"k8s.io/apiserver/pkg/registry/rest"

	"nopea.io/nopea/pkg/apis/nopea"
	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
)

// PlanREST serves syncs/plan: what a dry run found. A Plan is stored under a key of its own, as the Syncs of a cluster are watched and
// kept in memory and a Plan is not; it belongs to the Sync of its name and uid, and goes with it.
type PlanREST struct {
	plans *genericregistry.Store
	syncs *genericregistry.Store
}

var (
	_ rest.Getter  = &PlanREST{}
	_ rest.Updater = &PlanREST{}
)

// New is an empty object to decode into.
func (*PlanREST) New() runtime.Object { return &nopea.Plan{} }

// Destroy ends the storage of plans.
func (r *PlanREST) Destroy() { r.plans.Destroy() }

// Get reads the plan of a Sync.
func (r *PlanREST) Get(ctx context.Context, name string, options *metav1.GetOptions) (runtime.Object, error) {
	sync, err := r.sync(ctx, name)
	if err != nil {
		return nil, err
	}
	obj, err := r.plans.Get(ctx, name, options)
	switch {
	case apierrors.IsNotFound(err), err == nil && !belongs(obj, sync):
		return nil, noPlan(sync)
	case err != nil:
		return nil, err
	}
	return obj, nil
}

// Update stores the plan of a dry run. That the Sync is there is looked for again afterwards: whoever deletes it looks for its plan after
// it is gone, so that one of the two finds what would be left.
func (r *PlanREST) Update(ctx context.Context, name string, objInfo rest.UpdatedObjectInfo, createValidation rest.ValidateObjectFunc, updateValidation rest.ValidateObjectUpdateFunc, _ bool, options *metav1.UpdateOptions) (runtime.Object, bool, error) {
	sync, err := r.sync(ctx, name)
	if err != nil {
		return nil, false, err
	}
	if !sync.Spec.DryRun {
		return nil, false, noPlan(sync)
	}
	obj, created, err := r.plans.Update(ctx, name, rest.WrapUpdatedObjectInfo(objInfo, owned(sync)), createValidation, updateValidation, true, options)
	if err != nil {
		return nil, false, err
	}
	plan, ok := obj.(*nopea.Plan)
	if !ok {
		return nil, false, apierrors.NewInternalError(fmt.Errorf("plan %s: unexpected type %T", name, obj))
	}
	gone, err := r.dropUnowned(ctx, plan)
	switch {
	case err != nil:
		return nil, false, err
	case gone:
		return nil, false, apierrors.NewNotFound(nopea.Resource("syncs"), name)
	}
	return obj, created, nil
}

// owned writes into a plan whose it is.
func owned(sync *nopea.Sync) rest.TransformFunc {
	return func(_ context.Context, obj, _ runtime.Object) (runtime.Object, error) {
		plan, ok := obj.(*nopea.Plan)
		if !ok {
			return nil, apierrors.NewBadRequest(fmt.Sprintf("not a Plan: %T", obj))
		}
		plan.OwnerReferences = []metav1.OwnerReference{{
			APIVersion: v1alpha1.SchemeGroupVersion.String(), Kind: "Sync", Name: sync.Name, UID: sync.UID, Controller: new(true),
		}}
		// Nobody else writes it, and nothing is merged.
		plan.ManagedFields = nil
		return plan, nil
	}
}

func belongs(obj runtime.Object, sync *nopea.Sync) bool {
	plan, ok := obj.(*nopea.Plan)
	return ok && metav1.IsControlledBy(plan, sync)
}

// sync reads the Sync that a request is about, from the store.
func (r *PlanREST) sync(ctx context.Context, name string) (*nopea.Sync, error) {
	obj, err := r.syncs.Get(forResource(ctx, "syncs"), name, &metav1.GetOptions{})
	if err != nil {
		return nil, err
	}
	sync, ok := obj.(*nopea.Sync)
	if !ok {
		return nil, apierrors.NewInternalError(fmt.Errorf("sync %s: unexpected type %T", name, obj))
	}
	return sync, nil
}

// noPlan says why a Sync has none.
func noPlan(sync *nopea.Sync) error {
	err := apierrors.NewNotFound(nopea.Resource("syncs/plan"), sync.Name)
	switch {
	case !sync.Spec.DryRun:
		err.ErrStatus.Message = fmt.Sprintf("Sync %q has no plan: it is no dry run; what it did is in its status", sync.Name)
	case sync.Status.CompletionTime == nil:
		err.ErrStatus.Message = fmt.Sprintf("Sync %q has no plan yet; wait for its condition Finished", sync.Name)
	default:
		err.ErrStatus.Message = fmt.Sprintf("Sync %q has no plan: it failed before there was one; its status says why", sync.Name)
	}
	return err
}

// dropUnowned deletes a plan whose Sync is gone, and tells whether it is.
func (r *PlanREST) dropUnowned(ctx context.Context, plan *nopea.Plan) (bool, error) {
	ctx = request.WithNamespace(forResource(ctx, "syncs"), plan.Namespace)
	obj, err := r.syncs.Get(ctx, plan.Name, &metav1.GetOptions{})
	if err == nil {
		if sync, ok := obj.(*nopea.Sync); ok && belongs(plan, sync) {
			return false, nil
		}
	} else if !apierrors.IsNotFound(err) {
		return false, err
	}
	// Of exactly this state: another Sync of that name may store a plan of its own meanwhile.
	_, _, err = r.plans.Delete(ctx, plan.Name, rest.ValidateAllObjectFunc,
		&metav1.DeleteOptions{Preconditions: &metav1.Preconditions{ResourceVersion: &plan.ResourceVersion}})
	if err != nil && !apierrors.IsNotFound(err) && !apierrors.IsConflict(err) {
		return true, fmt.Errorf("delete the plan of Sync %s/%s, which is gone: %w", plan.Namespace, plan.Name, err)
	}
	return true, nil
}
