package main

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/apimachinery/pkg/watch"

	"nopea.io/nopea/pkg/testing/localcluster"
)

const (
	outageRounds = 3
	// outageEdits are made right before kube-apiserver is killed, and as many right after it is back.
	outageEdits = 50
	outageLook  = 5 * time.Millisecond
)

// outages measures row 14: edits while the controller or kube-apiserver is away.
func (k *kept) outages(ctx context.Context, b *bench) error {
	rounds := min(outageRounds, b.rounds)
	for _, edits := range []int{outageEdits, stormEdits} {
		if err := k.controllerKills(ctx, b, edits, rounds); err != nil {
			return err
		}
	}
	var back, away []time.Duration
	for i := range rounds {
		say("Row 14: kube-apiserver is killed (%d of %d)", i+1, rounds)
		fromBack, wasAway, err := k.killAPIServer(ctx, fmt.Sprintf("away-%d", i))
		if err != nil {
			return err
		}
		back, away = append(back, fromBack), append(away, wasAway)
		if err := k.settleFor(ctx, reported); err != nil {
			return err
		}
	}
	b.add(line{Row: 14, Work: fmt.Sprintf("kube-apiserver killed right after %d edits, %d more when it is back: /readyz → all restored", outageEdits, outageEdits),
		Unit: "ms", Samples: milliseconds(back), Requests: fmt.Sprintf("it was away for %s ms", format(median(milliseconds(away))))})
	return nil
}

// controllerKills kills the controller amid that many edits, again and again.
func (k *kept) controllerKills(ctx context.Context, b *bench, edits, rounds int) error {
	names := k.some(edits)
	var ready, killed []time.Duration
	for i := range rounds {
		say("Row 14: the controller is killed amid %d edits (%d of %d)", len(names), i+1, rounds)
		fromReady, fromKill, err := k.killController(ctx, names, fmt.Sprintf("killed-%d-%d", len(names), i))
		if err != nil {
			return err
		}
		ready, killed = append(ready, fromReady), append(killed, fromKill)
		if err := k.settleFor(ctx, reported); err != nil {
			return err
		}
	}
	b.add(line{Row: 14, Work: fmt.Sprintf("controller killed amid %d edits: new process ready → all restored", len(names)), Unit: "ms", Samples: milliseconds(ready),
		Requests: fmt.Sprintf("from the kill: %s ms", format(median(milliseconds(killed))))})
	return nil
}

// killController kills the controller when a third of the edits are answered, starts it again, and waits until all is
// restored.
func (k *kept) killController(ctx context.Context, names []string, value string) (fromReady, fromKill time.Duration, err error) {
	events, err := k.watchConfigMaps(ctx, k.namespace)
	if err != nil {
		return 0, 0, err
	}
	defer events.Stop()
	amid := make(chan struct{})
	var edited atomic.Int64
	var killed, ready, restored time.Time
	group, groupCtx := errgroup.WithContext(ctx)
	group.Go(func() error {
		return k.editAll(groupCtx, k.namespace, names, value, func() {
			if edited.Add(1) == int64(len(names)+2)/3 {
				close(amid)
			}
		})
	})
	group.Go(func() error {
		select {
		case <-groupCtx.Done():
			return context.Cause(groupCtx)
		case <-amid:
		}
		if err := k.Controller.Kill(); err != nil {
			return err
		}
		killed = time.Now()
		err := k.Controller.Start(groupCtx)
		ready = time.Now()
		return err
	})
	group.Go(func() error {
		err := untilRestored(groupCtx, events, names, value, sets.New[string]())
		restored = time.Now()
		return err
	})
	err = group.Wait()
	return restored.Sub(ready), restored.Sub(killed), err
}

// killAPIServer kills kube-apiserver right after edits, makes more as soon as it is back, and waits until all are undone.
func (k *kept) killAPIServer(ctx context.Context, value string) (fromBack, away time.Duration, err error) {
	names := k.some(2 * outageEdits)
	half := len(names) / 2
	if err := k.editAll(ctx, k.namespace, names[:half], value, func() {}); err != nil {
		return 0, 0, err
	}
	if err := k.Cluster.Kill(localcluster.APIServer); err != nil {
		return 0, 0, err
	}
	killed := time.Now()
	if err := k.untilServed(ctx); err != nil {
		return 0, 0, err
	}
	back := time.Now()
	events, edited, err := k.watchEdited(ctx, value)
	if err != nil {
		return 0, 0, err
	}
	defer events.Stop()
	group, groupCtx := errgroup.WithContext(ctx)
	group.Go(func() error { return k.editAll(groupCtx, k.namespace, names[half:], value, func() {}) })
	group.Go(func() error {
		waiting := append(edited.UnsortedList(), names[half:]...)
		return untilRestored(groupCtx, events, waiting, value, edited)
	})
	err = group.Wait()
	return time.Since(back), back.Sub(killed), err
}

// untilServed waits until kube-apiserver, which was killed, is gone, and then until it says that it is ready.
func (w *world) untilServed(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, patience, fmt.Errorf("kube-apiserver is not back within %s", patience))
	defer cancel()
	for gone := false; ; {
		err := w.kube.Discovery().RESTClient().Get().AbsPath("/readyz").Do(ctx).Error()
		if err == nil && gone {
			return nil
		}
		gone = gone || err != nil
		select {
		case <-ctx.Done():
			return errors.Join(context.Cause(ctx), err)
		case <-time.After(outageLook):
		}
	}
}

// watchEdited sees what happens from now on to the ConfigMaps, and tells which have a value now.
func (k *kept) watchEdited(ctx context.Context, value string) (watch.Interface, sets.Set[string], error) {
	client := k.kube.CoreV1().ConfigMaps(k.namespace)
	now, err := client.List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, nil, fmt.Errorf("list ConfigMaps: %w", err)
	}
	edited := sets.New[string]()
	for i := range now.Items {
		if now.Items[i].Data["key"] == value {
			edited.Insert(now.Items[i].Name)
		}
	}
	events, err := follow(ctx, now.ResourceVersion, client.Watch)
	if err != nil {
		return nil, nil, fmt.Errorf("watch ConfigMaps: %w", err)
	}
	return events, edited, nil
}
