package main

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

const (
	deployments = 100
	// statusEvery, statusFor and statusAtOnce bound the client of row 13: writes of status are due at this pace for this long, by so many
	// workers.
	statusEvery  = time.Millisecond
	statusFor    = 10 * time.Second
	statusAtOnce = 32
	statusName   = "status"
)

// statusStorm measures row 13: what it costs that others write the status of watched objects.
func (k *kept) statusStorm(ctx context.Context, b *bench) error {
	t, err := k.world.tenant(ctx, statusName, "admin", false)
	if err != nil {
		return err
	}
	files := make(map[string]string)
	names := configMapNames("web", deployments)
	for _, name := range names {
		files[name+".yaml"] = deploymentManifest(name)
	}
	if err := t.establish(ctx, statusName, files); err != nil {
		return err
	}
	// The Deployments' own controller writes to them too at first, and a look at what it did may come a minute later.
	if err := k.settleFor(ctx, reported); err != nil {
		return err
	}
	say("Row 13: writes of the status of %d Deployments for %s", deployments, statusFor)
	pid, _, err := child(controllerName)
	if err != nil {
		return err
	}
	before, err := cpu(pid)
	if err != nil {
		return err
	}
	mark, err := k.Cluster.AuditLog().Mark()
	if err != nil {
		return err
	}
	start := time.Now()
	written, err := t.writeStatus(ctx, names)
	took := time.Since(start)
	if err != nil {
		return err
	}
	if err := k.settleFor(ctx, reported); err != nil {
		return err
	}
	after, err := cpu(pid)
	if err != nil {
		return err
	}
	requests, err := k.ours(mark)
	if err != nil {
		return err
	}
	led := 0
	for _, e := range requests {
		if !isBackstop(e) {
			led++
			b.expect(false, "row 13: writes of status led to %s", e)
		}
	}
	b.add(line{Row: 13, Work: fmt.Sprintf("%.0f writes of status a second on %d watched Deployments, for %.0f s: nopea-controller",
		float64(written)/took.Seconds(), deployments, took.Seconds()), Unit: "CPU s", Samples: seconds([]time.Duration{after - before}),
		Requests: fmt.Sprintf("%d requests for %d writes; %.1f %% of a core, %.0f µs a write", led, written,
			100*(after-before).Seconds()/took.Seconds(), float64((after-before).Microseconds())/float64(written))})
	return nil
}

// writeStatus writes a condition that means nothing to the Deployments' controller, one Deployment after the other, at a steady pace or
// as fast as the API server answers. It returns how many were written.
func (t *tenant) writeStatus(ctx context.Context, names []string) (int64, error) {
	var next, written atomic.Int64
	start := time.Now()
	group, ctx := errgroup.WithContext(ctx)
	for range statusAtOnce {
		group.Go(func() error {
			for {
				n := next.Add(1) - 1
				due := start.Add(time.Duration(n) * statusEvery)
				if due.Sub(start) > statusFor || time.Since(start) > statusFor {
					return nil
				}
				select {
				case <-ctx.Done():
					return context.Cause(ctx)
				case <-time.After(time.Until(due)):
				}
				patch := fmt.Appendf(nil, `{"status":{"conditions":[{"type":"Bench","status":"True","reason":"Written","message":"%d"}]}}`, n)
				_, err := t.kube.AppsV1().Deployments(t.namespace).Patch(ctx, names[int(n)%len(names)], types.StrategicMergePatchType, patch,
					metav1.PatchOptions{FieldManager: editor}, "status")
				if err != nil {
					return fmt.Errorf("write the status of a Deployment: %w", err)
				}
				written.Add(1)
			}
		})
	}
	err := group.Wait()
	return written.Load(), err
}

// deploymentManifest has no Pods: there are no nodes.
func deploymentManifest(name string) string {
	return fmt.Sprintf(`apiVersion: apps/v1
kind: Deployment
metadata:
  name: %[1]s
spec:
  replicas: 0
  selector:
    matchLabels:
      app: %[1]s
  template:
    metadata:
      labels:
        app: %[1]s
    spec:
      containers:
      - name: web
        image: registry.example/web:1
`, name)
}
