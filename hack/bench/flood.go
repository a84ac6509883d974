package main

import (
	"context"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
)

const (
	monorepoSize   = 300
	monorepoRounds = 3

	floodRepositories = 100
	floodPerSecond    = 500
	floodFor          = time.Minute
	floodAtOnce       = 64
	floodCommitEvery  = 500 * time.Millisecond
)

// monorepo measures row 16: a push to a Git repository that many GitRepositories follow changes the folder of one.
func monorepo(ctx context.Context, w *world, b *bench) error {
	say("Row 16: %d GitRepositories of one Git repository", monorepoSize)
	s, names, err := w.crowd(ctx, "monorepo", monorepoSize)
	if err != nil {
		return err
	}
	events, err := w.watchConfigMaps(ctx, s.namespace)
	if err != nil {
		return err
	}
	defer events.Stop()
	if err := w.settle(ctx); err != nil {
		return err
	}
	if _, err := w.git.take(); err != nil {
		return err
	}
	mark, err := w.Cluster.AuditLog().Mark()
	if err != nil {
		return err
	}
	rounds := min(monorepoRounds, b.rounds)
	var all []time.Duration
	for i := range rounds {
		value, changed := fmt.Sprintf("value-%d", i), names[(i*97)%len(names)]
		commit, err := w.git.commit(ctx, s.namespace, map[string]string{changed + "/cm.yaml": configMapManifest(changed, value)})
		if err != nil {
			return err
		}
		start := time.Now()
		if err := s.send(ctx, s.direct(), s.namespace, commit); err != nil {
			return err
		}
		err = untilLive(ctx, events, []string{changed}, func(object *corev1.ConfigMap) bool { return object.Data["key"] == value })
		if err != nil {
			return err
		}
		all = append(all, time.Since(start))
		if err := w.settle(ctx); err != nil {
			return err
		}
	}
	requests, err := w.ours(mark)
	if err != nil {
		return err
	}
	pulls, err := w.git.take()
	if err != nil {
		return err
	}
	commands := commandsOf(pulls)
	total := count(requests)
	b.expect(total.tenant["apply"] == rounds, "row 16: %d applies for %d pushes that change one object each", total.tenant["apply"], rounds)
	b.expect(commands["fetch"] == rounds, "row 16: %d fetches for %d pushes", commands["fetch"], rounds)
	b.add(line{Row: 16, Work: fmt.Sprintf("push that changes 1 of %d GitRepositories of one Git repository: event → live", monorepoSize), Unit: "ms",
		Samples: milliseconds(all), Requests: fmt.Sprintf("to Git for %d pushes: %s; ", rounds, words(commands)) + total.per(rounds)})
	return nil
}

// flood measures row 17: deliveries at a steady pace to the listener, about many repositories in turn, each told of its newest commit.
func flood(ctx context.Context, w *world, b *bench) error {
	t, err := w.tenant(ctx, "flood", "admin", false)
	if err != nil {
		return err
	}
	s, err := t.deliverer(ctx)
	if err != nil {
		return err
	}
	var names []string
	for i := range floodRepositories {
		names = append(names, fmt.Sprintf("flood-%03d", i))
	}
	say("Row 17: making %d Git repositories", len(names))
	events, err := t.watchRepositories(ctx)
	if err != nil {
		return err
	}
	defer events.Stop()
	for _, name := range names {
		if _, err := w.git.commit(ctx, name, map[string]string{"cm.yaml": configMapManifest(name, "first")}); err != nil {
			return err
		}
		if err := t.declare(ctx, name, "24h"); err != nil {
			return err
		}
	}
	if err := untilReady(ctx, events, names); err != nil {
		return err
	}
	configMaps, err := w.watchConfigMaps(ctx, t.namespace)
	if err != nil {
		return err
	}
	defer configMaps.Stop()
	last := make(map[string]string)
	commits := make([]atomic.Value, len(names))
	say("Row 17: %d deliveries a second for %s", floodPerSecond, floodFor)
	var sent atomic.Int64
	before, err := w.spent()
	if err != nil {
		return err
	}
	if _, err := w.git.take(); err != nil {
		return err
	}
	start := time.Now()
	group, groupCtx := errgroup.WithContext(ctx)
	// One of the repositories after the other gets a commit meanwhile.
	group.Go(func() error {
		for i := 0; time.Since(start) < floodFor-5*time.Second; i++ {
			select {
			case <-groupCtx.Done():
				return context.Cause(groupCtx)
			case <-time.After(time.Until(start.Add(time.Duration(i) * floodCommitEvery))):
			}
			name, value := names[i%len(names)], fmt.Sprintf("value-%d", i)
			commit, err := w.git.commit(groupCtx, name, map[string]string{"cm.yaml": configMapManifest(name, value)})
			if err != nil {
				return err
			}
			last[name] = value
			commits[i%len(names)].Store(commit)
		}
		return nil
	})
	for range floodAtOnce {
		group.Go(func() error {
			for {
				n := sent.Add(1) - 1
				due := start.Add(time.Duration(n) * time.Second / floodPerSecond)
				if due.Sub(start) > floodFor {
					sent.Add(-1)
					return nil
				}
				select {
				case <-groupCtx.Done():
					return context.Cause(groupCtx)
				case <-time.After(time.Until(due)):
				}
				at := int(n) % len(names)
				commit, _ := commits[at].Load().(string)
				if commit == "" {
					commit = "0123456789012345678901234567890123456789"
				}
				if err := s.send(groupCtx, s.direct(), names[at], commit); err != nil {
					return err
				}
			}
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	took := time.Since(start)
	after, err := w.spent()
	if err != nil {
		return err
	}
	pulls, err := w.git.take()
	if err != nil {
		return err
	}
	var changed []string
	for name := range last {
		changed = append(changed, name)
	}
	if err := untilLive(ctx, configMaps, changed, func(object *corev1.ConfigMap) bool { return object.Data["key"] == last[object.Name] }); err != nil {
		return err
	}
	settled := time.Since(start) - took
	pid, _, err := child("nopea-apiserver")
	if err != nil {
		return err
	}
	now, peak, err := memory(pid)
	if err != nil {
		return err
	}
	b.add(line{Row: 17, Work: fmt.Sprintf("%d deliveries to %d repositories, none refused; %d commits meanwhile: last delivery → all at their last commit",
		sent.Load(), len(names), len(changed)), Unit: "ms", Samples: milliseconds([]time.Duration{settled}),
		Requests: fmt.Sprintf("%.0f deliveries a second; nopea-apiserver %.0f MiB resident, %.0f MiB at most; to Git: %s; processor time for each: %s",
			float64(sent.Load())/took.Seconds(), now, peak, words(commandsOf(pulls)), spentEach(before, after, sent.Load()))})
	return nil
}

func commandsOf(pulls []GitRequest) map[string]int {
	commands := make(map[string]int)
	for _, pull := range pulls {
		commands[pull.Command]++
	}
	return commands
}

// spent is the processor time of each process so far.
func (w *world) spent() (map[string]time.Duration, error) {
	all, err := w.processes()
	if err != nil {
		return nil, err
	}
	spent := map[string]time.Duration{}
	for _, p := range append(all, process{"this program", os.Getpid()}) {
		if spent[p.name], err = cpu(p.pid); err != nil {
			return nil, err
		}
	}
	return spent, nil
}

func spentEach(before, after map[string]time.Duration, times int64) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(after)) {
		parts = append(parts, fmt.Sprintf("%s %.2f ms", name, (after[name]-before[name]).Seconds()*1000/float64(times)))
	}
	return strings.Join(parts, ", ")
}
