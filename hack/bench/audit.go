package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
	"nopea.io/nopea/pkg/testing/localcluster"
	"nopea.io/nopea/pkg/testing/sandbox"
)

const (
	// quiet is how long nothing is asked once NOPEA has nothing more to do.
	quiet     = 500 * time.Millisecond
	quietLook = 50 * time.Millisecond
)

// ours are the requests that NOPEA sent since a mark, without its Lease's and the watches that it always has.
func (w *world) ours(mark localcluster.Mark) ([]localcluster.Event, error) {
	all, err := w.Cluster.AuditLog().Since(mark, localcluster.Match{})
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(all, func(e localcluster.Event) bool {
		return !byNOPEA(e) || e.Verb == "watch" || e.Resource == "leases"
	}), nil
}

func byNOPEA(e localcluster.Event) bool {
	return e.User == sandbox.ControllerUser || e.User == sandbox.APIServerUser
}

// settle waits until NOPEA has nothing more to do.
func (w *world) settle(ctx context.Context) error { return w.settleFor(ctx, quiet) }

// settleFor waits until NOPEA has asked for nothing for so long.
func (w *world) settleFor(ctx context.Context, quiet time.Duration) error {
	ticker := time.NewTicker(quietLook)
	defer ticker.Stop()
	mark, err := w.Cluster.AuditLog().Mark()
	if err != nil {
		return err
	}
	for since := time.Now(); time.Since(since) < quiet; {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-ticker.C:
		}
		requests, err := w.ours(mark)
		if err != nil {
			return err
		}
		if len(requests) > 0 {
			since = time.Now()
			if mark, err = w.Cluster.AuditLog().Mark(); err != nil {
				return err
			}
		}
	}
	return nil
}

// counts of requests, by who asked for what kind of thing, and how.
type counts struct {
	// tenant are those in the name of a ServiceAccount, by verb; api those about nopea.io, by verb and resource.
	tenant, api, other map[string]int
}

func count(requests []localcluster.Event) counts {
	c := counts{map[string]int{}, map[string]int{}, map[string]int{}}
	for _, e := range requests {
		verb := e.Verb
		if verb == "patch" && e.ImpersonatedUser != "" {
			verb = "apply"
		}
		what := e.Resource
		if e.Subresource != "" {
			what += "/" + e.Subresource
		}
		if what == "" {
			what = "discovery"
		}
		switch {
		case e.ImpersonatedUser != "":
			c.tenant[verb]++
		case e.Group == v1alpha1.GroupName:
			c.api[verb+" "+what]++
		default:
			c.other[verb+" "+what]++
		}
	}
	return c
}

// per says the counts for one of so many rounds.
func (c counts) per(rounds int) string {
	var parts []string
	for _, kind := range []struct {
		name   string
		counts map[string]int
	}{{"tenant", c.tenant}, {v1alpha1.GroupName, c.api}, {"other", c.other}} {
		var words []string
		for _, key := range slices.Sorted(maps.Keys(kind.counts)) {
			words = append(words, average(kind.counts[key], rounds)+" "+key)
		}
		if len(words) > 0 {
			parts = append(parts, kind.name+": "+strings.Join(words, ", "))
		}
	}
	if len(parts) == 0 {
		return "none"
	}
	return strings.Join(parts, "; ")
}

func average(n, rounds int) string {
	if n%rounds == 0 {
		return fmt.Sprint(n / rounds)
	}
	return fmt.Sprintf("%.1f", float64(n)/float64(rounds))
}

// writes are the requests that change something of the tenants or of nopea.io.
func writes(requests []localcluster.Event) []localcluster.Event {
	return slices.DeleteFunc(slices.Clone(requests), func(e localcluster.Event) bool {
		return !slices.Contains(localcluster.Writes(), e.Verb) || (e.ImpersonatedUser == "" && e.Group != v1alpha1.GroupName)
	})
}
