package main

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/metadata"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
)

const (
	restartRounds = 10
	metricsLook   = 10 * time.Millisecond
	startupMetric = `nopea_syncs_total{result="succeeded",trigger="Startup"}`
)

// restarts measures row 6: the controller starts again and finds everything as it left it.
func (m *many) restarts(ctx context.Context, b *bench) error {
	total := min(restartRounds, b.rounds)
	say("Row 6: %d restarts", total)
	if err := m.settle(ctx); err != nil {
		return err
	}
	mark, err := m.Cluster.AuditLog().Mark()
	if err != nil {
		return err
	}
	var ready, looked, floors []time.Duration
	for range total {
		tookReady, tookLook, err := m.restart(ctx)
		if err != nil {
			return err
		}
		ready, looked = append(ready, tookReady), append(looked, tookLook)
		took, err := m.lookByHand(ctx)
		if err != nil {
			return fmt.Errorf("the floor of row 6: %w", err)
		}
		floors = append(floors, took)
	}
	if err := m.settle(ctx); err != nil {
		return err
	}
	requests, err := m.ours(mark)
	if err != nil {
		return err
	}
	for _, write := range writes(requests) {
		b.expect(false, "a restart with nothing changed wrote: %s", write)
	}
	b.add(line{Row: 6, Work: "controller restarted, nothing changed: started → /readyz", Unit: "ms", Samples: milliseconds(ready)},
		line{Row: 6, Work: fmt.Sprintf(andThen+"all %d GitRepositories looked at", manyRepositories), Unit: "ms", Samples: milliseconds(looked),
			Floor: milliseconds(floors), Requests: fmt.Sprintf("writes: %d; ", len(writes(requests))) + count(requests).per(total)})
	return nil
}

// restart is from the start of the process until it is ready, and until it has looked at all GitRepositories.
func (m *many) restart(ctx context.Context) (ready, looked time.Duration, err error) {
	if err := m.Controller.Stop(); err != nil {
		return 0, 0, err
	}
	start := time.Now()
	if err := m.Controller.Start(ctx); err != nil {
		return 0, 0, err
	}
	ready = time.Since(start)
	_, args, err := child(controllerName)
	if err != nil {
		return 0, 0, err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, patience, fmt.Errorf("not all GitRepositories were looked at within %s", patience))
	defer cancel()
	ticker := time.NewTicker(metricsLook)
	defer ticker.Stop()
	for {
		counted, err := metrics(ctx, args)
		if err != nil {
			return 0, 0, err
		}
		if int(counted[startupMetric]) >= len(m.repositories) {
			return ready, time.Since(start), nil
		}
		select {
		case <-ctx.Done():
			return 0, 0, context.Cause(ctx)
		case <-ticker.C:
		}
	}
}

// lookByHand is the floor: per repository one ls-refs, and one list of what is live.
func (m *many) lookByHand(ctx context.Context) (time.Duration, error) {
	client, err := metadata.NewForConfig(m.Config())
	if err != nil {
		return 0, fmt.Errorf("make a client: %w", err)
	}
	start := time.Now()
	err = m.each(ctx, syncsAtOnce, func(ctx context.Context, name string) error {
		if _, err := lsRefs(ctx, m.git.url(name)); err != nil {
			return err
		}
		selector := v1alpha1.LabelRepository + "=" + name
		list, err := client.Resource(corev1.SchemeGroupVersion.WithResource("configmaps")).Namespace(m.namespace).
			List(ctx, metav1.ListOptions{LabelSelector: selector})
		if err != nil {
			return fmt.Errorf("list what is live: %w", err)
		}
		if len(list.Items) != manyObjects {
			return fmt.Errorf("the list of what is live shows %d objects of %s", len(list.Items), name)
		}
		return nil
	})
	return time.Since(start), err
}
