package main

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
)

// floor does the work of a push by hand: it knows what changed, decides nothing and records nothing.
type floor struct {
	*world
	namespace, repo string
	files           int
	changed         []string
	head            string
	events          watch.Interface
}

// floor makes a repository of so many files, a namespace, and what of it changes in the namespace.
func (w *world) floor(ctx context.Context, name string, files, changed int) (*floor, error) {
	f := &floor{world: w, namespace: name, repo: name, files: files, changed: configMapNames("cm", changed)}
	_, err := w.kube.CoreV1().Namespaces().Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}, metav1.CreateOptions{})
	if err != nil {
		return nil, fmt.Errorf("make a namespace for the floor: %w", err)
	}
	if f.head, err = w.git.commit(ctx, name, configMapFiles("cm", files, "first")); err != nil {
		return nil, err
	}
	if err := w.applyAll(ctx, name, f.changed, "first"); err != nil {
		return nil, err
	}
	f.events, err = w.watchConfigMaps(ctx, name)
	return f, err
}

// round is from the end of a push until the watch has shown all that it changed.
func (f *floor) round(ctx context.Context, value string) (time.Duration, error) {
	before := f.head
	var err error
	if f.head, err = f.git.commit(ctx, f.repo, configMapFiles("cm", len(f.changed), value)); err != nil {
		return 0, err
	}
	start := time.Now()
	url := f.git.url(f.repo)
	want, err := lsRefs(ctx, url)
	if err != nil {
		return 0, err
	}
	if err := fetch(ctx, url, want, before); err != nil {
		return 0, err
	}
	if err := f.applyAll(ctx, f.namespace, f.changed, value); err != nil {
		return 0, err
	}
	err = untilLive(ctx, f.events, f.changed, func(object *corev1.ConfigMap) bool { return object.Data["key"] == value })
	return time.Since(start), err
}

// applyAll applies ConfigMaps side by side.
func (w *world) applyAll(ctx context.Context, namespace string, names []string, value string) error {
	group, ctx := errgroup.WithContext(ctx)
	for _, name := range names {
		group.Go(func() error {
			_, err := w.kube.CoreV1().ConfigMaps(namespace).Patch(ctx, name, types.ApplyPatchType, []byte(configMapManifest(name, value)),
				metav1.PatchOptions{FieldManager: "bench", Force: new(true)})
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return fmt.Errorf("apply ConfigMaps: %w", err)
	}
	return nil
}
