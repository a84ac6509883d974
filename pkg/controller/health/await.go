package health

import (
	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
	"nopea.io/nopea/pkg/apply"
	"nopea.io/nopea/pkg/ownership"
)

// Verdict is how the objects fare that somebody waits for.
type Verdict struct {
	// Total objects, of which so many are Healthy, and so many not looked at since the wait began.
	Total, Healthy, Unread int
	// Ailing are the others, the worst first.
	Ailing []v1alpha1.ObjectHealth
}

// Done tells whether all are healthy.
func (v Verdict) Done() bool {
	return v.Healthy == v.Total
}

// Failed are those that will not become healthy by themselves.
func (v Verdict) Failed() []v1alpha1.ObjectHealth {
	for i := range v.Ailing {
		if v.Ailing[i].State != v1alpha1.HealthStateUnhealthy {
			return v.Ailing[:i]
		}
	}
	return v.Ailing
}

func (v Verdict) decided() bool {
	return v.Done() || len(v.Failed()) > 0
}

// Await begins to wait for the objects of a GitRepository, as they are from now on; counts tells which of them. Decided is called when
// that is decided, until Rest ends the wait.
func (m *Monitor) Await(name apply.Owner, counts func(apply.ID) bool) Verdict {
	seen := m.sightsOf(name)
	m.mu.Lock()
	o := m.owners[name]
	if o == nil {
		m.mu.Unlock()
		return Verdict{}
	}
	o.awaited = counts
	for id, known := range o.objects {
		if counts(id) {
			known.least = seen[id].facts.ResourceVersion
		}
	}
	m.mu.Unlock()
	for id, sight := range seen {
		m.consider(id, sight.facts, sight.exists)
	}
	return m.Verdict(name)
}

// Verdict is how those fare that are waited for.
func (m *Monitor) Verdict(name apply.Owner) Verdict {
	m.mu.Lock()
	defer m.mu.Unlock()
	o := m.owners[name]
	if o == nil || o.awaited == nil {
		return Verdict{}
	}
	return o.verdict()
}

// Rest ends a wait.
func (m *Monitor) Rest(name apply.Owner) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if o := m.owners[name]; o != nil {
		o.awaited = nil
	}
}

func (o *owner) verdict() Verdict {
	var v Verdict
	for id, known := range o.objects {
		switch {
		case !o.awaited(id):
			continue
		case !known.current():
			v.Unread++
		case known.found.State == v1alpha1.HealthStateHealthy:
			v.Healthy++
		}
		v.Total++
	}
	v.Ailing = o.ailing(func(known *object) bool { return o.awaited(known.id) && known.current() })
	return v
}

// sight is what the watch shows of an object.
type sight struct {
	facts  ownership.Facts
	exists bool
}

// sightsOf is what the watch shows of a GitRepository's objects. It is asked without the lock: the watch has locks of its own, and calls.
func (m *Monitor) sightsOf(name apply.Owner) map[apply.ID]sight {
	seen := make(map[apply.ID]sight)
	m.mu.Lock()
	if o := m.owners[name]; o != nil {
		for id := range o.objects {
			seen[id] = sight{}
		}
	}
	m.mu.Unlock()
	for id := range seen {
		facts, exists := m.watch.Facts(id)
		seen[id] = sight{facts, exists}
	}
	return seen
}
