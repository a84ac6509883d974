package main

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/apimachinery/pkg/watch"
)

const (
	stormEdits  = 1000
	stormRounds = 3
	bystander   = "bystander"
	// bystanderFiles is how many ConfigMaps the other repository has.
	bystanderFiles = 10
)

// stormOf edits ConfigMaps all at once, and is over when the watch has shown all of them restored.
func (w *world) stormOf(ctx context.Context, events watch.Interface, namespace string, names []string, value string) (took time.Duration, err error) {
	group, ctx := errgroup.WithContext(ctx)
	start := time.Now()
	group.Go(func() error { return w.editAll(ctx, namespace, names, value, func() {}) })
	group.Go(func() error {
		err := untilRestored(ctx, events, names, value, sets.New[string]())
		took = time.Since(start)
		return err
	})
	return took, group.Wait()
}

// storms measures row 11: many objects edited at once, and what that does to the sync of another repository.
func (k *kept) storms(ctx context.Context, b *bench) error {
	events, err := k.watchConfigMaps(ctx, k.namespace)
	if err != nil {
		return err
	}
	defer events.Stop()
	names := k.some(stormEdits)
	hand, err := k.hand(ctx, "hand-storm", len(names))
	if err != nil {
		return err
	}
	defer hand.stop()
	mark, err := k.Cluster.AuditLog().Mark()
	if err != nil {
		return err
	}
	rounds := min(stormRounds, b.rounds)
	say("Row 11: %d times %d edits at once", rounds, len(names))
	var all, floors []time.Duration
	for i := range rounds {
		value := fmt.Sprintf("storm-%d", i)
		took, err := k.stormOf(ctx, events, k.namespace, k.some(stormEdits), value)
		if err != nil {
			return err
		}
		all = append(all, took)
		if err := k.settleFor(ctx, reported); err != nil {
			return err
		}
		if took, err = k.stormOf(ctx, hand.events, hand.namespace, hand.names, value); err != nil {
			return fmt.Errorf("the floor: %w", err)
		}
		floors = append(floors, took)
	}
	requests, err := k.ours(mark)
	if err != nil {
		return err
	}
	b.add(line{Row: 11, Work: fmt.Sprintf("%d objects edited at once → all restored", len(names)), Unit: "ms", Samples: milliseconds(all),
		Floor: milliseconds(floors), Requests: count(requests).per(rounds)})
	return k.bystander(ctx, b, events)
}

// bystander measures the sync of another repository while nothing happens and during storms, and the same push by hand.
func (k *kept) bystander(ctx context.Context, b *bench, events watch.Interface) error {
	t, err := k.world.tenant(ctx, bystander, "admin", false)
	if err != nil {
		return err
	}
	if err := t.establish(ctx, bystander, configMapFiles("cm", bystanderFiles, inGit)); err != nil {
		return err
	}
	p := &push{tenant: t, row: 11, repository: bystander,
		files:   func(value string) map[string]string { return configMapFiles("cm", 1, value) },
		changed: configMapNames("cm", 1), where: bystander,
		shows: func(object *corev1.ConfigMap, value string) bool { return object.Data["key"] == value },
	}
	pusher, err := p.pusher(ctx)
	if err != nil {
		return err
	}
	defer pusher.stop()
	floor, err := k.floor(ctx, bystander+"-floor", bystanderFiles, 1)
	if err != nil {
		return err
	}
	defer floor.events.Stop()
	if err := k.settleFor(ctx, reported); err != nil {
		return err
	}
	say("Row 11: pushes to another repository, in quiet and in storms")
	var calm, rough pushes
	for i := range b.rounds {
		if err := calm.one(ctx, pusher, floor, fmt.Sprintf("calm-%d", i)); err != nil {
			return err
		}
	}
	for i := range min(stormRounds, b.rounds) {
		if err := k.pushInStorm(ctx, events, i, func(value string) error { return rough.one(ctx, pusher, floor, value) }); err != nil {
			return err
		}
		if err := k.settleFor(ctx, reported); err != nil {
			return err
		}
	}
	b.add(line{Row: 11, Work: andThen + "1 changed ConfigMap of another repository meanwhile: POST → live (floor: the same in quiet)", Unit: "ms",
		Samples: milliseconds(rough.nopea), Floor: milliseconds(calm.nopea),
		Requests: fmt.Sprintf("the same push by hand: %s ms, %s ms in quiet", format(median(milliseconds(rough.hand))), format(median(milliseconds(calm.hand))))})
	return nil
}

// pushInStorm pushes again and again for as long as a storm lasts.
func (k *kept) pushInStorm(ctx context.Context, events watch.Interface, round int, push func(value string) error) error {
	over := make(chan struct{})
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		defer close(over)
		_, err := k.stormOf(ctx, events, k.namespace, k.some(stormEdits), fmt.Sprintf("rough-%d", round))
		return err
	})
	group.Go(func() error {
		for i := 0; ; i++ {
			if err := push(fmt.Sprintf("rough-%d-%d", round, i)); err != nil {
				return err
			}
			select {
			case <-over:
				return nil
			default:
			}
		}
	})
	return group.Wait()
}

// pushes are how long pushes took, by NOPEA and by hand.
type pushes struct{ nopea, hand []time.Duration }

func (p *pushes) one(ctx context.Context, pusher *pusher, floor *floor, value string) error {
	round, err := pusher.round(ctx, value)
	if err != nil {
		return err
	}
	took, err := floor.round(ctx, value)
	if err != nil {
		return fmt.Errorf("the floor: %w", err)
	}
	p.nopea, p.hand = append(p.nopea, round.live.Sub(round.posted)), append(p.hand, took)
	return nil
}
