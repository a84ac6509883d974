package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
)

// repairsAtOnce is nopea-controller's own default.
const repairsAtOnce = 4

// hand is the floor of drift: a client that watches one namespace, knows that every ConfigMap in it is to have the same value, and
// applies the one that has not.
type hand struct {
	*world
	namespace string
	names     []string
	// events is another watch than the one that the hand itself goes by.
	events watch.Interface
	own    watch.Interface
	work   sync.WaitGroup
}

// hand makes a namespace of so many ConfigMaps, and keeps them until stop.
func (w *world) hand(ctx context.Context, namespace string, objects int) (*hand, error) {
	h := &hand{world: w, namespace: namespace, names: configMapNames("cm", objects)}
	_, err := w.kube.CoreV1().Namespaces().Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}, metav1.CreateOptions{})
	if err != nil {
		return nil, fmt.Errorf("make a namespace for the floor: %w", err)
	}
	for some := range slices.Chunk(h.names, editsAtOnce) {
		if err := w.applyAll(ctx, namespace, some, inGit); err != nil {
			return nil, err
		}
	}
	var ownErr error
	h.events, err = w.watchConfigMaps(ctx, namespace)
	h.own, ownErr = w.watchConfigMaps(ctx, namespace)
	if err := errors.Join(err, ownErr); err != nil {
		return nil, err
	}
	changed := make(chan string, objects)
	h.work.Go(func() {
		defer close(changed)
		for event := range h.own.ResultChan() {
			if object, ok := event.Object.(*corev1.ConfigMap); ok && event.Type == watch.Modified && object.Data["key"] != inGit {
				changed <- object.Name
			}
		}
	})
	for range repairsAtOnce {
		h.work.Go(func() {
			for name := range changed {
				// What cannot be applied is not restored, which is noticed by whoever waits for that.
				_ = w.applyAll(ctx, namespace, []string{name}, inGit)
			}
		})
	}
	return h, nil
}

func (h *hand) stop() {
	h.own.Stop()
	h.events.Stop()
	h.work.Wait()
}
