package main

import (
	"context"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
	"nopea.io/nopea/pkg/testing/localcluster"
)

// idle measures rows 7 and 12: what it costs that nothing happens.
func (w *world) idle(ctx context.Context, b *bench, row int) error {
	if err := w.settle(ctx); err != nil {
		return err
	}
	processes, err := w.processes()
	if err != nil {
		return err
	}
	before, err := w.spent()
	if err != nil {
		return err
	}
	mark, err := w.Cluster.AuditLog().Mark()
	if err != nil {
		return err
	}
	if _, err := w.git.take(); err != nil {
		return err
	}
	say("Row %d: looking on for %s while nothing happens", row, b.idle)
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(b.idle):
	}
	after, err := w.spent()
	if err != nil {
		return err
	}
	for i, p := range processes {
		now, peak, err := memory(p.pid)
		if err != nil {
			return err
		}
		work := fmt.Sprintf("idle for %s: %s", b.idle, p.name)
		if i > 0 {
			work = andThen + p.name
		}
		used := after[p.name] - before[p.name]
		b.add(line{Row: row, Work: work, Unit: "CPU s", Samples: seconds([]time.Duration{used}),
			Requests: fmt.Sprintf("%.2f %% of a core; %.0f MiB resident, %.0f MiB at most", 100*used.Seconds()/b.idle.Seconds(), now, peak)})
	}
	return w.idleRequests(b, row, mark)
}

// idleRequests tells what was asked of whom meanwhile.
func (w *world) idleRequests(b *bench, row int, mark localcluster.Mark) error {
	all, err := w.Cluster.AuditLog().Since(mark, localcluster.Match{})
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
		case e.Resource == "subjectaccessreviews":
			kinds["review"]++
		case isBackstop(e):
			kinds["backstop"]++
		default:
			kinds["other"]++
			others[e.String()]++
		}
	}
	// A watch that begins anew, as each does now and then, is reviewed by the API server that serves it.
	b.expect(kinds["review"] <= kinds["watch"], "while nothing happened NOPEA had %d reviews of access beside %d watches", kinds["review"], kinds["watch"])
	for _, request := range slices.Sorted(maps.Keys(others)) {
		b.expect(false, "while nothing happened NOPEA asked %d times: %s", others[request], request)
	}
	pulls, err := w.git.take()
	if err != nil {
		return err
	}
	b.add(line{Row: row, Work: andThen + "requests of NOPEA to kube-apiserver", Unit: "requests",
		Samples: []float64{float64(kinds["Lease"] + kinds["watch"] + kinds["review"] + kinds["backstop"] + kinds["other"])},
		Requests: fmt.Sprintf("%d Lease, %d watch with %d reviews, %d list of the backstop, %d other; Kubernetes' own: %d",
			kinds["Lease"], kinds["watch"], kinds["review"], kinds["backstop"], kinds["other"], kinds["Kubernetes' own"])},
		line{Row: row, Work: andThen + "requests to the Git server", Unit: "requests", Samples: []float64{float64(len(pulls))}, Requests: words(commandsOf(pulls))})
	return nil
}

// isBackstop tells the list of a kind's labelled objects in all namespaces, which no event leads to.
func isBackstop(e localcluster.Event) bool {
	return e.Verb == "list" && e.ImpersonatedUser == "" && strings.Contains(e.RequestURI, "labelSelector="+url.QueryEscape(v1alpha1.LabelRepository))
}

func words(counts map[string]int) string {
	var all []string
	for _, key := range slices.Sorted(maps.Keys(counts)) {
		all = append(all, fmt.Sprintf("%d %s", counts[key], key))
	}
	return strings.Join(all, ", ")
}
