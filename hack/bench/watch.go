package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/apimachinery/pkg/watch"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
)

// patience is how long anything that is measured may take.
const patience = 3 * time.Minute

// watchConfigMaps sees what happens to a namespace's ConfigMaps from now on.
func (w *world) watchConfigMaps(ctx context.Context, namespace string) (watch.Interface, error) {
	client := w.kube.CoreV1().ConfigMaps(namespace)
	now, err := client.List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, fmt.Errorf("list ConfigMaps: %w", err)
	}
	events, err := follow(ctx, now.ResourceVersion, client.Watch)
	if err != nil {
		return nil, fmt.Errorf("watch ConfigMaps: %w", err)
	}
	return events, nil
}

func (t *tenant) watchRepositories(ctx context.Context) (watch.Interface, error) {
	client := t.api.GitRepositories(t.namespace)
	now, err := client.List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, fmt.Errorf("list GitRepositories: %w", err)
	}
	events, err := follow(ctx, now.ResourceVersion, client.Watch)
	if err != nil {
		return nil, fmt.Errorf("watch GitRepositories: %w", err)
	}
	return events, nil
}

func (t *tenant) watchSyncs(ctx context.Context) (watch.Interface, error) {
	client := t.api.Syncs(t.namespace)
	now, err := client.List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, fmt.Errorf("list Syncs: %w", err)
	}
	events, err := follow(ctx, now.ResourceVersion, client.Watch)
	if err != nil {
		return nil, fmt.Errorf("watch Syncs: %w", err)
	}
	return events, nil
}

// until reads events of objects that are there until seen has had enough, or fails.
func until[T any](ctx context.Context, events watch.Interface, seen func(T) (enough bool, err error)) error {
	ctx, cancel := context.WithTimeoutCause(ctx, patience, fmt.Errorf("not within %s", patience))
	defer cancel()
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case event, ok := <-events.ResultChan():
			switch {
			case !ok:
				return errors.New("the watch ended")
			case event.Type == watch.Error:
				return fmt.Errorf("the watch failed: %w", apierrors.FromObject(event.Object))
			case event.Type == watch.Deleted:
				continue
			}
			object, ok := event.Object.(T)
			if !ok {
				return fmt.Errorf("the watch shows a %T", event.Object)
			}
			if enough, err := seen(object); enough || err != nil {
				return err
			}
		}
	}
}

// untilLive waits until all the named ConfigMaps are as wanted.
func untilLive(ctx context.Context, events watch.Interface, names []string, wanted func(*corev1.ConfigMap) bool) error {
	missing := sets.New(names...)
	err := until(ctx, events, func(object *corev1.ConfigMap) (bool, error) {
		if missing.Has(object.Name) && wanted(object) {
			missing.Delete(object.Name)
		}
		return missing.Len() == 0, nil
	})
	if err != nil {
		return fmt.Errorf("wait for %d of %d ConfigMaps: %w", missing.Len(), len(names), err)
	}
	return nil
}

// untilReady waits until all the named GitRepositories are Ready.
func untilReady(ctx context.Context, events watch.Interface, names []string) error {
	missing := sets.New(names...)
	var last []metav1.Condition
	err := until(ctx, events, func(object *v1alpha1.GitRepository) (bool, error) {
		if missing.Has(object.Name) {
			last = object.Status.Conditions
			ready := apimeta.FindStatusCondition(last, v1alpha1.ConditionReady)
			if ready != nil && ready.Status == metav1.ConditionTrue && ready.ObservedGeneration == object.Generation {
				missing.Delete(object.Name)
			}
		}
		return missing.Len() == 0, nil
	})
	if err != nil {
		return fmt.Errorf("wait for %d of %d GitRepositories to be Ready: %w; the last one seen has %+v", missing.Len(), len(names), err, last)
	}
	return nil
}

// untilSucceeded waits until a Sync has succeeded.
func untilSucceeded(ctx context.Context, events watch.Interface, name string) error {
	err := until(ctx, events, func(object *v1alpha1.Sync) (bool, error) {
		if object.Name != name {
			return false, nil
		}
		if object.Status.Phase == v1alpha1.SyncPhaseFailed {
			return false, fmt.Errorf("it failed: %+v", object.Status.Error)
		}
		return object.Status.Phase == v1alpha1.SyncPhaseSucceeded, nil
	})
	if err != nil {
		return fmt.Errorf("wait for Sync %s: %w", name, err)
	}
	return nil
}
