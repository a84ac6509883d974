package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const (
	manyRepositories = 100
	manyObjects      = 10
	manyRounds       = 3
	manyInterval     = "1m"
	// creators create GitRepositories side by side.
	creators = 10
	// syncsAtOnce is nopea-controller's own default for what is not urgent; the floor does no more at once.
	syncsAtOnce = 12
)

// many is the same tenant's GitRepositories, of ten ConfigMaps each.
type many struct {
	*tenant
	repositories, configMaps []string
}

// manyRows measures rows 5, 6 and 7.
func manyRows(ctx context.Context, b *bench) error {
	return b.inWorld(ctx, "many", func(ctx context.Context, w *world) error {
		var live, ready, floors []time.Duration
		requests := ""
		var m *many
		total := 1
		if b.wants(5) {
			total = min(manyRounds, b.rounds)
		}
		for i := range total {
			if m != nil {
				if err := m.remove(ctx); err != nil {
					return err
				}
			}
			var err error
			if m, err = w.many(ctx, i); err != nil {
				return err
			}
			tookLive, tookReady, asked, err := m.create(ctx)
			if err != nil {
				return err
			}
			live, ready, requests = append(live, tookLive), append(ready, tookReady), asked
			if b.wants(5) {
				took, err := m.floor(ctx, fmt.Sprintf("many-floor-%d", i))
				if err != nil {
					return fmt.Errorf("the floor of row 5: %w", err)
				}
				floors = append(floors, took)
			}
		}
		if b.wants(5) {
			work := fmt.Sprintf("%d GitRepositories × %d ConfigMaps created", manyRepositories, manyObjects)
			b.add(line{Row: 5, Work: work + " → live", Unit: "ms", Samples: milliseconds(live), Floor: milliseconds(floors), Requests: requests},
				line{Row: 5, Work: work + " → Ready", Unit: "ms", Samples: milliseconds(ready), Floor: milliseconds(floors)})
		}
		if b.wants(6) {
			if err := m.restarts(ctx, b); err != nil {
				return err
			}
		}
		if b.wants(7) {
			return m.idle(ctx, b, 7)
		}
		return nil
	})
}

// many makes the Git repositories and the namespace of a round.
func (w *world) many(ctx context.Context, round int) (*many, error) {
	say("Rows 5 to 7: making %d Git repositories", manyRepositories)
	t, err := w.tenant(ctx, fmt.Sprintf("many-%d", round), "admin", false)
	if err != nil {
		return nil, err
	}
	m := &many{tenant: t}
	for i := range manyRepositories {
		name := fmt.Sprintf("many-%d-%03d", round, i)
		m.repositories = append(m.repositories, name)
		m.configMaps = append(m.configMaps, configMapNames(name, manyObjects)...)
	}
	return m, m.each(ctx, creators, func(ctx context.Context, name string) error {
		_, err := m.git.commit(ctx, name, configMapFiles(name, manyObjects, "first"))
		return err
	})
}

// each does something for all repositories, so many side by side.
func (m *many) each(ctx context.Context, atOnce int, work func(ctx context.Context, name string) error) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	for _, name := range m.repositories {
		group.Go(func() error { return work(ctx, name) })
	}
	return group.Wait()
}

// create is from the creation of the first GitRepository until all objects are live, and until all are Ready.
func (m *many) create(ctx context.Context) (live, ready time.Duration, requests string, err error) {
	configMaps, err := m.watchConfigMaps(ctx, m.namespace)
	if err != nil {
		return 0, 0, "", err
	}
	defer configMaps.Stop()
	repositories, err := m.watchRepositories(ctx)
	if err != nil {
		return 0, 0, "", err
	}
	defer repositories.Stop()
	mark, err := m.Cluster.AuditLog().Mark()
	if err != nil {
		return 0, 0, "", err
	}
	say("Row 5: creating %d GitRepositories", manyRepositories)
	start := time.Now()
	group, groupCtx := errgroup.WithContext(ctx)
	group.Go(func() error {
		return m.each(groupCtx, creators, func(ctx context.Context, name string) error { return m.declare(ctx, name, manyInterval) })
	})
	group.Go(func() error {
		err := untilLive(groupCtx, configMaps, m.configMaps, func(object *corev1.ConfigMap) bool { return object.Data["key"] == "first" })
		live = time.Since(start)
		return err
	})
	group.Go(func() error {
		err := untilReady(groupCtx, repositories, m.repositories)
		ready = time.Since(start)
		return err
	})
	if err := group.Wait(); err != nil {
		return 0, 0, "", err
	}
	if err := m.settle(ctx); err != nil {
		return 0, 0, "", err
	}
	asked, err := m.ours(mark)
	return live, ready, count(asked).per(1), err
}

// floor is the same work done by a plain client: per repository two requests to Git and ten applies.
func (m *many) floor(ctx context.Context, namespace string) (time.Duration, error) {
	say("Row 5: its floor")
	_, err := m.kube.CoreV1().Namespaces().Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}, metav1.CreateOptions{})
	if err != nil {
		return 0, fmt.Errorf("make a namespace: %w", err)
	}
	events, err := m.watchConfigMaps(ctx, namespace)
	if err != nil {
		return 0, err
	}
	defer events.Stop()
	start := time.Now()
	err = m.each(ctx, syncsAtOnce, func(ctx context.Context, name string) error {
		head, err := lsRefs(ctx, m.git.url(name))
		if err != nil {
			return err
		}
		if err := fetch(ctx, m.git.url(name), head, ""); err != nil {
			return err
		}
		return m.applyAll(ctx, namespace, configMapNames(name, manyObjects), "first")
	})
	if err != nil {
		return 0, err
	}
	err = untilLive(ctx, events, m.configMaps, func(object *corev1.ConfigMap) bool { return object.Data["key"] == "first" })
	took := time.Since(start)
	return took, errors.Join(err, m.kube.CoreV1().ConfigMaps(namespace).DeleteCollection(ctx, metav1.DeleteOptions{}, metav1.ListOptions{}))
}

// remove makes room for the next round.
func (m *many) remove(ctx context.Context) error {
	err := m.each(ctx, creators, func(ctx context.Context, name string) error {
		return m.api.GitRepositories(m.namespace).Delete(ctx, name, metav1.DeleteOptions{})
	})
	err = errors.Join(err, m.kube.CoreV1().ConfigMaps(m.namespace).DeleteCollection(ctx, metav1.DeleteOptions{}, metav1.ListOptions{}))
	if err != nil {
		return fmt.Errorf("remove the GitRepositories: %w", err)
	}
	return m.settle(ctx)
}
