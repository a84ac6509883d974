package health

import (
	"testing"
	"time"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
	"nopea.io/nopea/pkg/apply"
	"nopea.io/nopea/pkg/health"
	"nopea.io/nopea/pkg/ownership"
)

func newObject(group string) *object {
	o := &owner{counts: make(map[v1alpha1.HealthState]int), objects: make(map[apply.ID]*object)}
	id := apply.ID{Group: group, Kind: "Thing", Name: "a"}
	o.objects[id] = &object{owner: o, id: id}
	return o.objects[id]
}

func TestJudge(t *testing.T) {
	seen := ownership.Facts{ResourceVersion: "5", Status: true}
	read := newObject("apps")
	read.note(health.Finding{State: v1alpha1.HealthStateHealthy}, "5")
	ran := newObject("batch")
	ran.transient = true
	failed := newObject("batch")
	failed.transient = true
	failed.note(health.Finding{State: v1alpha1.HealthStateUnhealthy, Message: "no"}, "5")
	for name, test := range map[string]struct {
		object         *object
		facts          ownership.Facts
		exists, synced bool
		want           string // message of what the metadata tell; "read" when they do not; "" when nothing is new
	}{
		"never looked at":               {newObject("apps"), seen, true, true, "read"},
		"looked at already":             {read, seen, true, true, ""},
		"an old event":                  {read, ownership.Facts{ResourceVersion: "4"}, true, true, ""},
		"a new event":                   {read, ownership.Facts{ResourceVersion: "6"}, true, true, "read"},
		"a kind that is not watched":    {read, seen, true, false, "read"},
		"not there":                     {read, ownership.Facts{}, false, true, health.Missing.Message},
		"gone after it had run":         {ran, ownership.Facts{}, false, true, "it has run"},
		"gone after it had failed":      {failed, ownership.Facts{}, false, true, "no"},
		"on its way out":                {read, ownership.Facts{ResourceVersion: "7", Deleting: true}, true, true, health.Leaving.Message},
		"custom, and without a status":  {newObject("example.com"), ownership.Facts{ResourceVersion: "7"}, true, true, "nobody writes its status"},
		"custom, and with a status":     {newObject("example.com"), seen, true, true, "read"},
		"custom, not watched yet":       {newObject("example.com"), ownership.Facts{ResourceVersion: "7"}, true, false, "nobody writes its status"},
		"a workload without its status": {newObject("apps"), ownership.Facts{ResourceVersion: "7"}, true, true, "read"},
	} {
		found, told, unread := test.object.judge(test.facts, test.exists, test.synced)
		got := found.Message
		if unread {
			got = "read"
		}
		if got != test.want || told && unread {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
}

// TestPace: an object that is written again and again is read ever more seldom, until its health changes.
func TestPace(t *testing.T) {
	object, now := newObject("apps"), time.Unix(0, 0)
	reads := 0
	for range 1000 { // one write each 10 ms
		now = now.Add(10 * time.Millisecond)
		if !now.Before(object.readable()) {
			reads++
			object.wasRead(now, object.note(health.Finding{State: v1alpha1.HealthStateHealthy}, "1"))
		}
	}
	if reads > 6 {
		t.Errorf("%d reads within 10 seconds", reads)
	}
	object.wasRead(now, object.note(health.Missing, "2"))
	if wait := object.readable().Sub(now); wait != leastInterval {
		t.Errorf("after news it is read after %s", wait)
	}
}

func TestReport(t *testing.T) {
	o := &owner{counts: make(map[v1alpha1.HealthState]int), objects: make(map[apply.ID]*object)}
	if report := o.report(); report.Status != nil || report.Healthy.Status != "True" {
		t.Errorf("of nothing: %+v", report)
	}
	add := func(name string, state v1alpha1.HealthState) *object {
		id := apply.ID{Kind: "Pod", Namespace: "shop", Name: name}
		o.objects[id] = &object{owner: o, id: id}
		o.objects[id].note(health.Finding{State: state, Message: "so"}, "1")
		return o.objects[id]
	}
	add("a", v1alpha1.HealthStateHealthy)
	if report := o.report(); report.Healthy.Reason != ReasonHealthy || report.Healthy.Message != "1 of 1 objects" || report.Status.Objects != nil {
		t.Errorf("of one that works: %+v", report)
	}
	add("b", v1alpha1.HealthStateProgressing)
	if report := o.report(); report.Healthy.Status != "Unknown" || report.Healthy.Reason != ReasonProgressing {
		t.Errorf("of one that comes: %+v", report)
	}
	c := add("c", v1alpha1.HealthStateUnhealthy)
	if report := o.report(); report.Healthy.Status != "False" || report.Healthy.Message != "Pod shop/c: so; Pod shop/b: so" ||
		*report.Status.Objects[0].DeepCopy() != (v1alpha1.ObjectHealth{State: "Unhealthy", Kind: "Pod", Namespace: "shop", Name: "c", Message: "so"}) {
		t.Errorf("of one that failed: %+v", report)
	}
	c.note(health.Finding{State: v1alpha1.HealthStateHealthy}, "2")
	if o.counts[v1alpha1.HealthStateUnhealthy] != 0 || o.counts[v1alpha1.HealthStateHealthy] != 2 || o.unassessed() != 0 {
		t.Errorf("counts %v", o.counts)
	}
}

func TestAside(t *testing.T) {
	before := ownership.Facts{UID: "a", ResourceVersion: "5", Generation: 2, Status: true, StatusFields: 7}
	change := func(change func(*ownership.Facts)) ownership.Facts {
		after := before
		after.ResourceVersion, after.StatusAside = "6", true
		change(&after)
		return after
	}
	if !aside(before, change(func(*ownership.Facts) {})) {
		t.Error("a write aside counts")
	}
	for name, after := range map[string]ownership.Facts{
		"another object":   change(func(f *ownership.Facts) { f.UID = "b" }),
		"a spec":           change(func(f *ownership.Facts) { f.Generation++ }),
		"a status":         change(func(f *ownership.Facts) { f.StatusAside = false }),
		"other fields":     change(func(f *ownership.Facts) { f.StatusFields++ }),
		"going":            change(func(f *ownership.Facts) { f.Deleting = true }),
		"no status at all": change(func(f *ownership.Facts) { f.Status = false }),
	} {
		if aside(before, after) {
			t.Errorf("%s: does not count", name)
		}
	}
	service := before
	service.Generation = 0
	if after := change(func(f *ownership.Facts) { f.Generation = 0 }); aside(service, after) {
		t.Error("what counts no generations: does not count")
	}

	known := newObject("apps")
	m := &Monitor{objects: map[apply.ID]*object{known.id: known}}
	if m.carry(known.id, "5", "6") {
		t.Error("what was never looked at is carried on")
	}
	known.note(health.Finding{State: v1alpha1.HealthStateHealthy}, "4")
	if m.carry(known.id, "5", "6") || known.seen != "4" {
		t.Error("what was found before a write that counts is carried on")
	}
	known.seen = "5"
	if !m.carry(known.id, "5", "6") || known.seen != "6" {
		t.Errorf("what was found is not carried on: %s", known.seen)
	}
	known.seen = "8"
	if !m.carry(known.id, "6", "7") || known.seen != "8" {
		t.Errorf("what was read meanwhile is taken back: %s", known.seen)
	}
}
