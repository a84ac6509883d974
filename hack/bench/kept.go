package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
)

const (
	keptName = "kept"
	// keptInterval keeps the polls out of what is measured.
	keptInterval = "24h"
	// keptAtOnce is how many GitRepositories are made until all of them are Ready.
	keptAtOnce = 100
	// inGit is the value of every ConfigMap in Git.
	inGit = "first"
	// reported is longer than the time after which NOPEA has said all that there is to say of drift.
	reported = 6 * time.Second
)

// kept is what is edited in rows 9 to 14: a tenant's GitRepositories, each with a folder of ConfigMaps in the same Git repository.
type kept struct {
	*tenant
	repositories, configMaps []string
	// objects of each GitRepository.
	objects int
	// alone is the controller's memory with the first of the GitRepositories.
	alone footprint
}

// driftRows measures rows 9 to 14.
func driftRows(ctx context.Context, b *bench) error {
	return b.inWorld(ctx, "drift", func(ctx context.Context, w *world) error {
		k, err := w.kept(ctx, b)
		if err != nil {
			return err
		}
		for _, row := range []struct {
			row     int
			measure func(context.Context, *bench) error
		}{{9, k.oneEdit}, {10, k.tenEdits}, {11, k.storms}, {12, k.rest}, {13, k.statusStorm}, {14, k.outages}} {
			if !b.wants(row.row) {
				continue
			}
			if err := k.settleFor(ctx, reported); err != nil {
				return err
			}
			if err := row.measure(ctx, b); err != nil {
				return fmt.Errorf("row %d: %w", row.row, err)
			}
		}
		return nil
	})
}

// kept makes the GitRepositories and waits until all are Ready.
func (w *world) kept(ctx context.Context, b *bench) (*kept, error) {
	say("Rows 9 to 14: %d GitRepositories × %d ConfigMaps", b.repositories, b.objects)
	t, err := w.tenant(ctx, keptName, "admin", false)
	if err != nil {
		return nil, err
	}
	k := &kept{tenant: t, objects: b.objects}
	files := make(map[string]string)
	for i := range b.repositories {
		repository := fmt.Sprintf("%s-%04d", keptName, i)
		k.repositories = append(k.repositories, repository)
		for _, name := range configMapNames(repository, b.objects) {
			k.configMaps = append(k.configMaps, name)
			files[repository+"/"+name+".yaml"] = configMapManifest(name, inGit)
		}
	}
	if _, err := k.git.commit(ctx, keptName, files); err != nil {
		return nil, err
	}
	if err := k.declareAll(ctx, keptName, k.repositories[:1]); err != nil {
		return nil, err
	}
	if k.alone, err = k.footprint(ctx); err != nil {
		return nil, err
	}
	for some := range slices.Chunk(k.repositories[1:], keptAtOnce) {
		if err := k.declareAll(ctx, keptName, some); err != nil {
			return nil, err
		}
	}
	return k, nil
}

// declareAll makes GitRepositories, each of its own folder of a Git repository, and waits until they are Ready.
func (t *tenant) declareAll(ctx context.Context, repo string, names []string) error {
	events, err := t.watchRepositories(ctx)
	if err != nil {
		return err
	}
	defer events.Stop()
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(creators)
	for _, name := range names {
		group.Go(func() error {
			return t.create(groupCtx, name, v1alpha1.GitRepositorySpec{URL: t.git.url(repo), Path: name, Interval: keptInterval})
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	return untilReady(ctx, events, names)
}

// some are so many of the ConfigMaps, or all, in random order.
func (k *kept) some(n int) []string {
	names := slices.Clone(k.configMaps)
	rand.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
	return names[:min(n, len(names))]
}

// size says how many objects are watched.
func (k *kept) size() string {
	return fmt.Sprintf("%d GitRepositories × %d objects", len(k.repositories), k.objects)
}
