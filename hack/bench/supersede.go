package main

import (
	"context"
	"fmt"
	"time"

	apimeta "k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
)

const supersedeName = "supersede"

// supersedeRow measures row 20: a newer commit ends a run that waits for the health of an older one.
func supersedeRow(ctx context.Context, b *bench) error {
	return b.inWorld(ctx, supersedeName, func(ctx context.Context, w *world) error {
		t, err := w.tenant(ctx, supersedeName, "admin", false)
		if err != nil {
			return err
		}
		if _, err := t.git.commit(ctx, supersedeName, configMapFiles("cm", 1, inGit)); err != nil {
			return err
		}
		repositories, err := t.watchRepositories(ctx)
		if err != nil {
			return err
		}
		defer repositories.Stop()
		if err := t.create(ctx, supersedeName, v1alpha1.GitRepositorySpec{URL: t.git.url(supersedeName), Interval: "1h", Wait: true}); err != nil {
			return err
		}
		if err := untilReady(ctx, repositories, []string{supersedeName}); err != nil {
			return err
		}
		syncs, err := t.watchSyncs(ctx)
		if err != nil {
			return err
		}
		defer syncs.Stop()
		say("Row 20: %d runs that wait, and a newer commit for each", b.rounds)
		var ended []time.Duration
		for i := range b.rounds {
			took, err := t.supersede(ctx, repositories, syncs, i)
			if err != nil {
				return err
			}
			ended = append(ended, took)
		}
		b.add(line{Row: 20, Work: "a run that waits for health: newer Sync stored → the older one ended as Superseded", Unit: "ms", Samples: milliseconds(ended)})
		return nil
	})
}

// supersede has a run wait for a Pod that no node will ever run, and ends it with a newer commit.
func (t *tenant) supersede(ctx context.Context, repositories, syncs watch.Interface, round int) (time.Duration, error) {
	pod := fmt.Sprintf("apiVersion: v1\nkind: Pod\nmetadata:\n  name: never-%d\nspec:\n  containers:\n  - name: web\n    image: registry.example/web:1\n", round)
	commit, err := t.git.commit(ctx, supersedeName, map[string]string{"pod.yaml": pod})
	if err != nil {
		return 0, err
	}
	older, err := t.post(ctx, supersedeName)
	if err != nil {
		return 0, err
	}
	err = until(ctx, repositories, func(object *v1alpha1.GitRepository) (bool, error) {
		ready := apimeta.FindStatusCondition(object.Status.Conditions, v1alpha1.ConditionReady)
		return object.Status.Attempted.Commit == commit && ready.Status == metav1.ConditionUnknown && ready.Reason == "Progressing", nil
	})
	if err != nil {
		return 0, fmt.Errorf("wait until commit %s is waited for: %w", commit, err)
	}
	if _, err := t.git.commit(ctx, supersedeName, configMapFiles("cm", 1, fmt.Sprint(round))); err != nil {
		return 0, err
	}
	if _, err := t.post(ctx, supersedeName); err != nil {
		return 0, err
	}
	stored := time.Now()
	err = until(ctx, syncs, func(object *v1alpha1.Sync) (bool, error) {
		return object.Name == older && object.Status.Error != nil && object.Status.Error.Code == "Superseded", nil
	})
	return time.Since(stored), err
}
