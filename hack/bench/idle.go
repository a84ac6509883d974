package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"nopea.io/nopea/pkg/testing/localcluster"
)

// idle measures row 7: what it costs that nothing happens.
func (m *many) idle(ctx context.Context, b *bench) error {
	if err := m.settle(ctx); err != nil {
		return err
	}
	processes, err := m.processes()
	if err != nil {
		return err
	}
	before := make(map[string]time.Duration)
	for _, p := range processes {
		if before[p.name], err = cpu(p.pid); err != nil {
			return err
		}
	}
	mark, err := m.Cluster.AuditLog().Mark()
	if err != nil {
		return err
	}
	if _, err := m.git.take(); err != nil {
		return err
	}
	say("Row 7: looking on for %s while nothing happens", b.idle)
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(b.idle):
	}
	for i, p := range processes {
		after, err := cpu(p.pid)
		if err != nil {
			return err
		}
		now, peak, err := memory(p.pid)
		if err != nil {
			return err
		}
		work := fmt.Sprintf("idle for %s: %s", b.idle, p.name)
		if i > 0 {
			work = andThen + p.name
		}
		b.add(line{Row: 7, Work: work, Unit: "CPU s", Samples: seconds([]time.Duration{after - before[p.name]}),
			Requests: fmt.Sprintf("%.0f MiB resident, %.0f MiB at most", now, peak)})
	}
	return m.idleRequests(b, mark)
}

// idleRequests tells what was asked of whom meanwhile.
func (m *many) idleRequests(b *bench, mark localcluster.Mark) error {
	all, err := m.Cluster.AuditLog().Since(mark, localcluster.Match{})
	if err != nil {
		return err
	}
	kinds, others := make(map[string]int), make(map[string]int)
	for _, e := range all {
		switch {
		case !byNOPEA(e):
			kinds["Kubernetes' own"]++
		case e.Resource == "leases":
			kinds["Lease"]++
		case e.Verb == "watch":
			kinds["watch"]++
		default:
			kinds["other"]++
			others[e.String()]++
		}
	}
	for _, request := range slices.Sorted(maps.Keys(others)) {
		b.expect(false, "while nothing happened NOPEA asked %d times: %s", others[request], request)
	}
	pulls, err := m.git.take()
	if err != nil {
		return err
	}
	polls := make(map[string]int)
	for _, pull := range pulls {
		polls[pull.Command]++
	}
	b.add(line{Row: 7, Work: andThen + "requests of NOPEA to kube-apiserver", Unit: "requests",
		Samples:  []float64{float64(kinds["Lease"] + kinds["watch"] + kinds["other"])},
		Requests: fmt.Sprintf("%d Lease, %d watch, %d other; Kubernetes' own: %d", kinds["Lease"], kinds["watch"], kinds["other"], kinds["Kubernetes' own"])},
		line{Row: 7, Work: andThen + "requests to the Git server", Unit: "requests", Samples: []float64{float64(len(pulls))}, Requests: words(polls)})
	return nil
}

func words(counts map[string]int) string {
	var all []string
	for _, key := range slices.Sorted(maps.Keys(counts)) {
		all = append(all, fmt.Sprintf("%d %s", counts[key], key))
	}
	return strings.Join(all, ", ")
}
