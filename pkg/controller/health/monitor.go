package health

import (
	"context"
	"sync"
	"time"

	"golang.org/x/time/rate"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/utils/clock"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
	"nopea.io/nopea/pkg/apply"
	"nopea.io/nopea/pkg/controller/queue"
	"nopea.io/nopea/pkg/health"
	"nopea.io/nopea/pkg/ownership"
)

const (
	// readsASecond bounds the reads of all objects together, beyond a burst, so that a cluster in which a thousand statuses change every
	// second is not asked a thousand times.
	readsASecond = 50
	readsAtOnce  = 200
)

// Watcher shows the metadata of live labelled objects.
type Watcher interface {
	Synced(schema.GroupKind) bool
	Facts(apply.ID) (ownership.Facts, bool)
}

// Options are what a Monitor works with.
type Options struct {
	Clock clock.WithTicker
	// Concurrent is how many objects are read side by side.
	Concurrent int
	// Changed is called when the health of a GitRepository's objects is to be written anew. It must not block.
	Changed func(apply.Owner)
	// Decided is called when all is healthy that a GitRepository waits for, or some of it has failed. It must not block.
	Decided func(apply.Owner)
}

// Monitor follows the health of applied objects. It is a Handler of a watch.
type Monitor struct {
	Options
	watch   Watcher
	queue   *queue.Queue[apply.ID]
	reports *queue.Queue[apply.Owner]
	limit   *rate.Limiter

	mu      sync.Mutex
	objects map[apply.ID]*object
	owners  map[apply.Owner]*owner
}

// New returns a Monitor that sees nothing until it is given a Watcher.
func New(options Options) *Monitor {
	return &Monitor{
		Options: options, queue: queue.New[apply.ID](options.Clock), reports: queue.New[apply.Owner](options.Clock),
		limit:   rate.NewLimiter(readsASecond, readsAtOnce),
		objects: make(map[apply.ID]*object), owners: make(map[apply.Owner]*owner),
	}
}

// Use gives the Monitor its eyes, before Run.
func (m *Monitor) Use(watcher Watcher) { m.watch = watcher }

// Run works until the context ends; working bounds the requests under way then.
func (m *Monitor) Run(ctx, working context.Context) {
	var workers sync.WaitGroup
	workers.Go(func() { m.queue.Run(ctx) })
	workers.Go(func() { m.reports.Run(ctx) })
	workers.Go(func() { m.reports.Work(false, m.Options.Changed) })
	for range m.Concurrent {
		workers.Go(func() { m.queue.Work(false, func(id apply.ID) { m.examine(working, id) }) })
	}
	workers.Wait()
}

// Follow says what a GitRepository applies from now on, and who reads it. Of objects that were followed already, what was found stays.
func (m *Monitor) Follow(name apply.Owner, cluster *apply.Cluster, desired []apply.Desired) {
	m.mu.Lock()
	defer m.mu.Unlock()
	o := m.owners[name]
	if o == nil {
		o = &owner{name: name, objects: make(map[apply.ID]*object), counts: make(map[v1alpha1.HealthState]int), changed: true}
		m.owners[name] = o
	}
	o.cluster = cluster
	wanted := make(map[apply.ID]bool)
	for i := range desired {
		d := &desired[i]
		if !d.HasHealth {
			continue
		}
		wanted[d.ID] = true
		known := m.objects[d.ID]
		if known == nil || known.owner != o {
			m.drop(known)
			known = &object{owner: o, id: d.ID}
			m.objects[d.ID], o.objects[d.ID] = known, known
			o.changed = true
		}
		known.version, known.file, known.transient, known.confidential = d.Version, d.File, d.Once || d.Finishing, d.Confidential
	}
	for id, known := range o.objects {
		if !wanted[id] {
			m.drop(known)
		}
	}
}

// drop ends the following of an object. The lock is held.
func (m *Monitor) drop(known *object) {
	if known == nil {
		return
	}
	known.owner.count(known, -1)
	known.owner.changed = true
	delete(known.owner.objects, known.id)
	delete(m.objects, known.id)
	m.queue.Forget(known.id)
}

// Forget ends the following of a GitRepository that is gone, or going.
func (m *Monitor) Forget(name apply.Owner) {
	m.mu.Lock()
	defer m.mu.Unlock()
	o := m.owners[name]
	if o == nil {
		return
	}
	for _, known := range o.objects {
		m.drop(known)
	}
	delete(m.owners, name)
	m.reports.Forget(name)
}

// Look has read whatever changed without an event that told so: what NOPEA itself wrote, and what is followed since.
func (m *Monitor) Look(name apply.Owner) {
	for id, sight := range m.sightsOf(name) {
		m.consider(id, sight.facts, sight.exists)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if o := m.owners[name]; o != nil && o.changed {
		m.soon(o)
	}
}

// Changed is what the watch tells of an object.
func (m *Monitor) Changed(id apply.ID, before, after ownership.Facts, existed, exists bool, _ *metav1.PartialObjectMetadata) {
	if existed && exists && aside(before, after) && m.carry(id, before.ResourceVersion, after.ResourceVersion) {
		return
	}
	m.consider(id, after, exists)
}

// carry takes what was found of an object at one resourceVersion for true at the next one, unless it was found before that.
func (m *Monitor) carry(id apply.ID, before, after string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	known := m.objects[id]
	if known == nil || !known.assessed || known.seen == "" || older(known.seen, before) {
		return false
	}
	if older(known.seen, after) {
		known.seen = after
	}
	return true
}

// consider takes in what the metadata of an object says of its health, or has the object read.
func (m *Monitor) consider(id apply.ID, facts ownership.Facts, exists bool) {
	synced := m.watch.Synced(id.GroupKind())
	m.mu.Lock()
	defer m.mu.Unlock()
	known := m.objects[id]
	if known == nil {
		return
	}
	switch found, told, unread := known.judge(facts, exists, synced); {
	case told:
		m.note(known, found, facts.ResourceVersion)
	case unread && !synced:
		m.queue.AddAt(id, later(known.readable(), m.Clock.Now().Add(unwatchedDelay)))
	case unread:
		m.soonRead(known)
	}
}

// soonRead has an object read as soon as it may be: first those that somebody waits for. The lock is held.
func (m *Monitor) soonRead(known *object) {
	switch next := known.readable(); {
	case m.Clock.Now().Before(next):
		m.queue.AddAt(known.id, next)
	case known.owner.awaited != nil:
		m.queue.Add(known.id, queue.Urgent)
	default:
		m.queue.Add(known.id, queue.Normal)
	}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// note keeps a finding, and has it reported. The lock is held.
func (m *Monitor) note(known *object, found health.Finding, version string) (news bool) {
	if news = known.note(found, version); news {
		known.owner.changed = true
		m.soon(known.owner)
	}
	if o := known.owner; o.awaited != nil && o.awaited(known.id) && o.verdict().decided() {
		m.Options.Decided(o.name)
	}
	return news
}

// reportEvery bounds how often the status of one GitRepository is written while its health, in a word, stays.
const reportEvery = 5 * time.Second

// soon has the owner's health reported: at once when it turned, or as soon as the last report is old enough. While objects are still to
// be read for the first time, such as after a start, what was reported before stands. The lock is held.
func (m *Monitor) soon(o *owner) {
	if o.unassessed() > 0 {
		return
	}
	at := o.reported.Add(reportEvery)
	if o.state() != o.told || !m.Clock.Now().Before(at) {
		m.reports.Add(o.name, queue.Normal)
		return
	}
	m.reports.AddAt(o.name, at)
}

// News is the Report, if it may differ from the last one.
func (m *Monitor) News(name apply.Owner) (Report, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if o := m.owners[name]; o == nil || !o.changed {
		return Report{}, false
	}
	return m.report(name)
}

// Report is the health of a GitRepository's objects; false while some are still to be read for the first time.
func (m *Monitor) Report(name apply.Owner) (Report, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.report(name)
}

func (m *Monitor) report(name apply.Owner) (Report, bool) {
	o := m.owners[name]
	if o == nil || o.unassessed() > 0 {
		return Report{}, false
	}
	o.changed, o.reported, o.told = false, m.Clock.Now(), o.state()
	return o.report(), true
}

// Unreported has a report made again that could not be written.
func (m *Monitor) Unreported(name apply.Owner) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if o := m.owners[name]; o != nil {
		o.changed = true
		m.reports.AddAt(name, m.Clock.Now().Add(reportEvery))
	}
}
