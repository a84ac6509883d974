package main

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/watch"
)

const (
	hookedName  = "hooked"
	hookedFiles = 20
	crowdName   = "crowd"
	crowdRounds = 5
)

// hookedRows measures rows 15 to 18.
func hookedRows(ctx context.Context, b *bench) error {
	return b.inWorld(ctx, "hooked", func(ctx context.Context, w *world) error {
		for _, row := range []struct {
			row     int
			measure func(context.Context, *world, *bench) error
		}{{15, hookedPushes}, {16, monorepo}, {17, flood}, {18, hookedInCrowd}} {
			if !b.wants(row.row) {
				continue
			}
			if err := row.measure(ctx, w, b); err != nil {
				return fmt.Errorf("row %d: %w", row.row, err)
			}
		}
		return nil
	})
}

// hooked is a GitRepository of ConfigMaps that all change with each push.
type hooked struct {
	*deliverer
	name   string
	names  []string
	events watch.Interface
}

func (w *world) hooked(ctx context.Context, name string) (*hooked, error) {
	t, err := w.tenant(ctx, name, "admin", false)
	if err != nil {
		return nil, err
	}
	h := &hooked{name: name, names: configMapNames("cm", hookedFiles)}
	if h.deliverer, err = t.deliverer(ctx); err != nil {
		return nil, err
	}
	if err := t.establish(ctx, name, configMapFiles("cm", hookedFiles, "first")); err != nil {
		return nil, err
	}
	h.events, err = w.watchConfigMaps(ctx, name)
	return h, err
}

// push is from the sending of a delivery, once the push has ended, until all is live.
func (h *hooked) push(ctx context.Context, to, value string) (time.Duration, error) {
	commit, err := h.git.commit(ctx, h.name, configMapFiles("cm", hookedFiles, value))
	if err != nil {
		return 0, err
	}
	start := time.Now()
	if err := h.send(ctx, to, h.name, commit); err != nil {
		return 0, err
	}
	err = untilLive(ctx, h.events, h.names, func(object *corev1.ConfigMap) bool { return object.Data["key"] == value })
	return time.Since(start), err
}

// hookedPushes measures row 15: direct, by way of kube-apiserver, and by hand, by turns.
func hookedPushes(ctx context.Context, w *world, b *bench) error {
	h, err := w.hooked(ctx, hookedName)
	if err != nil {
		return err
	}
	defer h.events.Stop()
	floor, err := w.floor(ctx, hookedName+"-floor", hookedFiles, hookedFiles)
	if err != nil {
		return err
	}
	defer floor.events.Stop()
	if err := w.settle(ctx); err != nil {
		return err
	}
	say("Row 15: %d pushes, told in two ways", b.rounds)
	var direct, proxied, floors []time.Duration
	for i := range b.rounds {
		took, err := h.push(ctx, h.direct(), fmt.Sprintf("direct-%d", i))
		if err != nil {
			return err
		}
		direct = append(direct, took)
		if took, err = h.push(ctx, h.proxied(h.name), fmt.Sprintf("proxied-%d", i)); err != nil {
			return err
		}
		proxied = append(proxied, took)
		if took, err = floor.round(ctx, fmt.Sprintf("value-%d", i)); err != nil {
			return fmt.Errorf("the floor: %w", err)
		}
		floors = append(floors, took)
	}
	work := fmt.Sprintf("signed push event → %d changed ConfigMaps live", hookedFiles)
	b.add(line{Row: 15, Work: work + ", to the listener", Unit: "ms", Samples: milliseconds(direct), Floor: milliseconds(floors)},
		line{Row: 15, Work: andThen + "through kube-apiserver", Unit: "ms", Samples: milliseconds(proxied), Floor: milliseconds(floors)})
	return nil
}

// crowd makes GitRepositories, each of its own folder of one Git repository, with a ConfigMap each.
func (w *world) crowd(ctx context.Context, name string, size int) (*deliverer, []string, error) {
	t, err := w.tenant(ctx, name, "admin", false)
	if err != nil {
		return nil, nil, err
	}
	s, err := t.deliverer(ctx)
	if err != nil {
		return nil, nil, err
	}
	files := make(map[string]string)
	var names []string
	for i := range size {
		repository := fmt.Sprintf("%s-%04d", name, i)
		names = append(names, repository)
		files[repository+"/cm.yaml"] = configMapManifest(repository, "first")
	}
	if _, err := w.git.commit(ctx, name, files); err != nil {
		return nil, nil, err
	}
	return s, names, t.declareAll(ctx, name, names)
}

// hookedInCrowd measures row 18: the push of row 15 while the controller starts with many other GitRepositories.
func hookedInCrowd(ctx context.Context, w *world, b *bench) error {
	say("Row 18: %d other GitRepositories", b.repositories)
	if _, _, err := w.crowd(ctx, crowdName, b.repositories); err != nil {
		return err
	}
	h, err := w.hooked(ctx, hookedName+"-crowd")
	if err != nil {
		return err
	}
	defer h.events.Stop()
	var all []time.Duration
	for i := range min(crowdRounds, b.rounds) {
		say("Row 18: a start (%d)", i+1)
		if err := w.Controller.Stop(); err != nil {
			return err
		}
		if err := w.Controller.Start(ctx); err != nil {
			return err
		}
		took, err := h.push(ctx, h.direct(), fmt.Sprintf("crowd-%d", i))
		if err != nil {
			return err
		}
		all = append(all, took)
	}
	b.add(line{Row: 18, Work: fmt.Sprintf("row 15 right after a start with %d other GitRepositories", b.repositories), Unit: "ms", Samples: milliseconds(all)})
	return nil
}
