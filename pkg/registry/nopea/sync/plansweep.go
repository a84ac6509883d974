package sync

import (
	"context"
	"errors"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/internalversion"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/apiserver/pkg/endpoints/request"
	"k8s.io/klog/v2"

	"nopea.io/nopea/pkg/apis/nopea"
)

const (
	// dropWithin bounds the deletion of one plan.
	dropWithin = 10 * time.Second
	// sweepEvery is how often plans are looked for that a process left when it ended between two writes. There are hardly ever any.
	sweepEvery = time.Hour
	// sweepAtOnce is how many plans are in memory for that.
	sweepAtOnce = 20
)

// afterDelete deletes the plan of a Sync that was deleted, whoever did: history, namespace deletion, garbage collection, a user. It is
// also called where the deletion was a dry run, and then finds the Sync.
func (r *PlanREST) afterDelete(obj runtime.Object, _ *metav1.DeleteOptions) {
	sync, ok := obj.(*nopea.Sync)
	if !ok || !sync.Spec.DryRun {
		return
	}
	// Its request may be over by the time that this is.
	ctx, cancel := context.WithTimeout(request.WithNamespace(context.Background(), sync.Namespace), dropWithin)
	defer cancel()
	stored, err := r.plans.Get(ctx, sync.Name, &metav1.GetOptions{})
	if err == nil {
		if plan, ok := stored.(*nopea.Plan); ok {
			_, err = r.dropUnowned(ctx, plan)
		}
	}
	if err != nil && !apierrors.IsNotFound(err) {
		utilruntime.HandleErrorWithContext(ctx, err, "Delete the plan of a Sync; it is looked for again later", "sync", klog.KObj(sync))
	}
}

// Sweep deletes plans whose Sync is gone, now and then, until the context ends.
func (r *PlanREST) Sweep(ctx context.Context) {
	wait.UntilWithContext(ctx, func(ctx context.Context) {
		if err := r.sweep(ctx); err != nil && ctx.Err() == nil {
			utilruntime.HandleErrorWithContext(ctx, err, "Look for plans whose Sync is gone; it is tried again later")
		}
	}, sweepEvery)
}

func (r *PlanREST) sweep(ctx context.Context) error {
	ctx = request.WithNamespace(ctx, metav1.NamespaceAll)
	options := &internalversion.ListOptions{Limit: sweepAtOnce}
	for {
		obj, err := r.plans.List(ctx, options)
		if err != nil {
			return fmt.Errorf("list plans: %w", err)
		}
		list, ok := obj.(*nopea.PlanList)
		if !ok {
			return fmt.Errorf("list plans: unexpected type %T", obj)
		}
		var errs []error
		for i := range list.Items {
			_, err := r.dropUnowned(ctx, &list.Items[i])
			errs = append(errs, err)
		}
		if err := errors.Join(errs...); err != nil {
			return err
		}
		if options.Continue = list.Continue; options.Continue == "" {
			return nil
		}
	}
}
