package gitrepository

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
)

func repository(generation int64, change ...func(*v1alpha1.GitRepositorySpec)) *v1alpha1.GitRepository {
	r := &v1alpha1.GitRepository{ObjectMeta: metav1.ObjectMeta{Namespace: "team-a", Name: "shop", Generation: generation},
		Spec: v1alpha1.GitRepositorySpec{Interval: "5m", ReconcileInterval: "10m", Timeout: "5m", ServiceAccountName: "nopea"}}
	for _, c := range change {
		c(&r.Spec)
	}
	return r
}

func middle() float64 { return 0.5 }

func TestWhatIsDue(t *testing.T) {
	now := time.Unix(100000, 0)
	future, past := now.Add(time.Second), now.Add(-time.Second)
	settled := cadence{generation: 3, poll: future, reconcile: future}
	with := func(change func(*cadence)) cadence {
		c := settled
		change(&c)
		return c
	}
	for name, test := range map[string]struct {
		cadence    cadence
		generation int64
		suspend    bool
		want       v1alpha1.SyncTrigger
	}{
		"never run":           {cadence{}, 1, false, v1alpha1.SyncTriggerStartup},
		"nothing":             {settled, 3, false, ""},
		"spec changed":        {settled, 4, false, v1alpha1.SyncTriggerReconcile},
		"poll":                {with(func(c *cadence) { c.poll = past }), 3, false, v1alpha1.SyncTriggerPoll},
		"poll at the instant": {with(func(c *cadence) { c.poll = now }), 3, false, v1alpha1.SyncTriggerPoll},
		"reconcile":           {with(func(c *cadence) { c.reconcile = past }), 3, false, v1alpha1.SyncTriggerReconcile},
		"a whole run is a look at the ref as well": {with(func(c *cadence) { c.poll, c.reconcile = past, past }), 3, false, v1alpha1.SyncTriggerReconcile},
		"retry":                 {with(func(c *cadence) { c.failures, c.retry = 1, past }), 3, false, v1alpha1.SyncTriggerReconcile},
		"retry not yet":         {with(func(c *cadence) { c.failures, c.retry = 1, future }), 3, false, ""},
		"suspended":             {cadence{}, 1, true, ""},
		"suspended, everything": {with(func(c *cadence) { c.poll, c.reconcile, c.retry = past, past, past }), 4, true, ""},
	} {
		r := repository(test.generation, func(s *v1alpha1.GitRepositorySpec) { s.Suspend = test.suspend })
		got, due := test.cadence.due(r, now)
		if got != test.want || due != (test.want != "") {
			t.Errorf("%s: %q is due (%v), want %q", name, got, due, test.want)
		}
	}
}

func TestCadenceAfterRuns(t *testing.T) {
	now := time.Unix(100000, 0)
	r := repository(2)
	var c cadence
	c.ran(r, "c1", nil, now, middle)
	if c.generation != 2 || c.commit != "c1" || c.retrying() {
		t.Fatalf("%+v", c)
	}
	next, ok := c.next(r)
	if !ok || next.After(now.Add(5*time.Minute)) || next.Before(now.Add(5*time.Minute*9/10)) {
		t.Fatalf("next in %v, want just under the interval", next.Sub(now))
	}
	// Failures back off up to a cap; the poll stays on time.
	var last time.Duration
	for i := range 20 {
		c.ran(r, "c2", &Failure{Code: "X"}, now, middle)
		delay := c.retry.Sub(now)
		if delay < last || delay > lastRetry || c.failures != i+1 {
			t.Fatalf("try %d is %v later, after %v", i+1, delay, last)
		}
		if c.poll.After(now.Add(5 * time.Minute)) {
			t.Fatalf("failures move the poll to %v", c.poll.Sub(now))
		}
		last = delay
	}
	if last != lastRetry {
		t.Fatalf("the back-off ends at %v, want %v", last, lastRetry)
	}
	c.ran(r, "c2", &Failure{Code: "RateLimited", RetryAfter: time.Hour}, now, middle)
	if c.retry.Sub(now) != time.Hour {
		t.Fatalf("tried %v after a server asked for an hour", c.retry.Sub(now))
	}
	// What only a change can mend is not tried again; the polls see the change.
	c.ran(r, "c3", &Failure{Code: "ManifestInvalid", Stalled: true}, now, middle)
	if !c.retry.IsZero() {
		t.Fatal("a stalled run is tried again")
	}
	if next, _ := c.next(r); next != c.poll {
		t.Fatal("the poll does not go on")
	}
	c.ran(r, "c4", nil, now, middle)
	if c.retrying() || !c.retry.IsZero() {
		t.Fatalf("a success leaves %+v", c)
	}
	if _, ok := c.next(repository(2, func(s *v1alpha1.GitRepositorySpec) { s.Suspend = true })); ok {
		t.Fatal("something is due while suspended")
	}
}

func TestJitterNeverExceedsTheInterval(t *testing.T) {
	for _, random := range []float64{0, 0.5, 0.999} {
		got := spread(time.Minute, func() float64 { return random })
		if got > time.Minute || got < 54*time.Second {
			t.Errorf("random %v: %v", random, got)
		}
	}
}
