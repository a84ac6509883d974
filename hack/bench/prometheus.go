package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"nopea.io/nopea/pkg/testing/realworld"
)

const (
	prometheusRepository = "kube-prometheus"
	// firstApplies is how many clusters row 4 takes: what is applied has fixed names.
	firstApplies = 3
	// changedFile holds the ConfigMap that row 3 changes, changedName in changedNamespace, by this number in it.
	changedFile      = "grafana-dashboardSources.yaml"
	changedName      = "grafana-dashboards"
	changedNamespace = "monitoring"
	changedText      = `"orgId": 1`
)

// prometheusRows measures rows 3 and 4.
func prometheusRows(ctx context.Context, b *bench) error {
	files, err := realworld.Files("kube-prometheus/manifests")
	if errors.Is(err, fs.ErrNotExist) {
		say("Rows 3 and 4 are skipped: the manifests of kube-prometheus are not here: %v", err)
		return nil
	}
	if err != nil {
		return fmt.Errorf("read the manifests of kube-prometheus: %w", err)
	}
	clusters := 1
	if b.wants(4) {
		clusters = min(firstApplies, b.rounds)
	}
	var took, floors []time.Duration
	requests := ""
	for i := range clusters {
		err := b.inWorld(ctx, fmt.Sprintf("prometheus-%d", i), func(ctx context.Context, w *world) error {
			t, first, asked, err := w.firstApply(ctx, files)
			if err != nil {
				return err
			}
			took, requests = append(took, first), asked
			if last := i == clusters-1; !last || !b.wants(3) {
				return nil
			}
			return prometheusPush(t, files).measure(ctx, b, len(files))
		})
		if err != nil {
			return err
		}
	}
	if !b.wants(4) {
		return nil
	}
	for i := range clusters {
		first, err := b.plainFirstApply(ctx, fmt.Sprintf("plain-%d", i), files)
		if err != nil {
			return fmt.Errorf("the floor of row 4: %w", err)
		}
		floors = append(floors, first)
	}
	b.add(line{Row: 4, Work: "first apply of kube-prometheus: created → Ready", Unit: "ms",
		Samples: milliseconds(took), Floor: milliseconds(floors), Requests: requests})
	return nil
}

// firstApply is from the creation of the GitRepository until it is Ready.
func (w *world) firstApply(ctx context.Context, files map[string]string) (*tenant, time.Duration, string, error) {
	t, err := w.tenant(ctx, "ops", "cluster-admin", true)
	if err != nil {
		return nil, 0, "", err
	}
	if _, err := t.git.commit(ctx, prometheusRepository, files); err != nil {
		return nil, 0, "", err
	}
	events, err := t.watchRepositories(ctx)
	if err != nil {
		return nil, 0, "", err
	}
	defer events.Stop()
	mark, err := w.Cluster.AuditLog().Mark()
	if err != nil {
		return nil, 0, "", err
	}
	say("Rows 3 and 4: first apply of kube-prometheus")
	start := time.Now()
	if err := t.declare(ctx, prometheusRepository, "1h"); err != nil {
		return nil, 0, "", err
	}
	if err := untilReady(ctx, events, []string{prometheusRepository}); err != nil {
		return nil, 0, "", err
	}
	took := time.Since(start)
	if err := w.settle(ctx); err != nil {
		return nil, 0, "", err
	}
	requests, err := w.ours(mark)
	return t, took, count(requests).per(1), err
}

// prometheusPush changes one ConfigMap beside everything else.
func prometheusPush(t *tenant, files map[string]string) *push {
	return &push{
		tenant: t, row: 3, work: "1 changed ConfigMap beside kube-prometheus", repository: prometheusRepository,
		files: func(value string) map[string]string {
			return map[string]string{changedFile: strings.Replace(files[changedFile], changedText, changedFor(value), 1)}
		},
		changed: []string{changedName}, where: changedNamespace,
		shows: func(object *corev1.ConfigMap, value string) bool {
			return strings.Contains(object.Data["dashboards.yaml"], changedFor(value)+",")
		},
	}
}

// changedFor is what stands in the ConfigMap for a value such as value-7.
func changedFor(value string) string {
	return `"orgId": 1` + strings.TrimPrefix(value, "value-")
}
