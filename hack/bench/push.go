package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/watch"

	"nopea.io/nopea/pkg/testing/localcluster"
)

// push is a way to change something in Git and to see it live.
type push struct {
	*tenant
	row        int
	work       string
	repository string
	// files to commit for a value.
	files func(value string) map[string]string
	// changed are the ConfigMaps that a push changes, in the namespace where; shows tells whether one has the value.
	changed []string
	where   string
	shows   func(object *corev1.ConfigMap, value string) bool
}

// pushRows measures rows 1 and 2.
func pushRows(ctx context.Context, b *bench) error {
	return b.inWorld(ctx, "push", func(ctx context.Context, w *world) error {
		for _, row := range []struct{ row, files, changed int }{{1, 20, 20}, {2, 1000, 1}} {
			if !b.wants(row.row) {
				continue
			}
			name := fmt.Sprintf("push-%d", row.row)
			t, err := w.tenant(ctx, name, "admin", false)
			if err != nil {
				return err
			}
			say("Row %d: first sync of %d ConfigMaps", row.row, row.files)
			if err := t.establish(ctx, name, configMapFiles("cm", row.files, "first")); err != nil {
				return err
			}
			work := fmt.Sprintf("%d changed ConfigMaps of %d", row.changed, row.files)
			if row.changed == 1 {
				work = fmt.Sprintf("1 changed ConfigMap among %d objects", row.files)
			}
			p := &push{tenant: t, row: row.row, work: work, repository: name,
				files:   func(value string) map[string]string { return configMapFiles("cm", row.changed, value) },
				changed: configMapNames("cm", row.changed), where: name,
				shows: func(object *corev1.ConfigMap, value string) bool { return object.Data["key"] == value },
			}
			if err := p.measure(ctx, b, row.files); err != nil {
				return err
			}
		}
		return nil
	})
}

// measure does rounds of a push and of its floor by turns, so that both have the same weather.
func (p *push) measure(ctx context.Context, b *bench, files int) error {
	floor, err := p.floor(ctx, fmt.Sprintf("floor-%d", p.row), files, len(p.changed))
	if err != nil {
		return err
	}
	defer floor.events.Stop()
	pusher, err := p.pusher(ctx)
	if err != nil {
		return err
	}
	defer pusher.stop()
	if err := p.settle(ctx); err != nil {
		return err
	}
	mark, err := p.Cluster.AuditLog().Mark()
	if err != nil {
		return err
	}
	say("Row %d: %d pushes", p.row, b.rounds)
	var all []round
	var floors []time.Duration
	for i := range b.rounds {
		this, err := pusher.round(ctx, fmt.Sprintf("value-%d", i))
		if err != nil {
			return err
		}
		all = append(all, this)
		took, err := floor.round(ctx, fmt.Sprintf("value-%d", i))
		if err != nil {
			return fmt.Errorf("the floor of row %d: %w", p.row, err)
		}
		floors = append(floors, took)
	}
	if err := p.settle(ctx); err != nil {
		return err
	}
	requests, err := p.ours(mark)
	if err != nil {
		return err
	}
	total := count(requests)
	b.expect(total.tenant["apply"] == len(p.changed)*b.rounds, "row %d: %d applies for %d pushes of %d changed objects", p.row, total.tenant["apply"], b.rounds, len(p.changed))
	var live, done []time.Duration
	for _, r := range all {
		live, done = append(live, r.live.Sub(r.posted)), append(done, r.done.Sub(r.posted))
	}
	b.add(line{Row: p.row, Work: p.work + ": POST → live", Unit: "ms", Samples: milliseconds(live), Floor: milliseconds(floors), Requests: total.per(b.rounds)},
		line{Row: p.row, Work: andThen + "Sync Succeeded", Unit: "ms", Samples: milliseconds(done), Floor: milliseconds(floors)})
	if !b.timeline {
		return nil
	}
	slices.SortFunc(all, func(a, b round) int { return cmp.Compare(a.live.Sub(a.posted), b.live.Sub(b.posted)) })
	say("Row %d: the requests of the median round", p.row)
	return p.tenant.timeline(all[len(all)/2])
}

// pusher does rounds of a push, with two watches for all of them.
type pusher struct {
	*push
	configMaps, syncs watch.Interface
}

// round is what was seen of one push.
type round struct {
	mark               localcluster.Mark
	posted, live, done time.Time
	pulls              []GitRequest
}

func (p *push) pusher(ctx context.Context) (*pusher, error) {
	configMaps, err := p.watchConfigMaps(ctx, p.where)
	if err != nil {
		return nil, err
	}
	syncs, err := p.watchSyncs(ctx)
	if err != nil {
		configMaps.Stop()
		return nil, err
	}
	return &pusher{push: p, configMaps: configMaps, syncs: syncs}, nil
}

func (p *pusher) stop() {
	p.configMaps.Stop()
	p.syncs.Stop()
}

// round pushes, asks for a sync, and waits until all is live and the Sync has succeeded. The clock starts after the push.
func (p *pusher) round(ctx context.Context, value string) (r round, err error) {
	if _, err := p.git.commit(ctx, p.repository, p.files(value)); err != nil {
		return r, err
	}
	if _, err := p.git.take(); err != nil {
		return r, err
	}
	if r.mark, err = p.Cluster.AuditLog().Mark(); err != nil {
		return r, err
	}
	r.posted = time.Now()
	group, groupCtx := errgroup.WithContext(ctx)
	group.Go(func() error {
		err := untilLive(groupCtx, p.configMaps, p.changed, func(object *corev1.ConfigMap) bool { return p.shows(object, value) })
		r.live = time.Now()
		return err
	})
	group.Go(func() error {
		sync, err := p.post(groupCtx, p.repository)
		if err != nil {
			return err
		}
		err = untilSucceeded(groupCtx, p.syncs, sync)
		r.done = time.Now()
		return err
	})
	if err := group.Wait(); err != nil {
		return r, err
	}
	r.pulls, err = p.git.take()
	return r, err
}
