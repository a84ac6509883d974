package health

import (
	"time"

	"k8s.io/apimachinery/pkg/util/resourceversion"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
	"nopea.io/nopea/pkg/apply"
	"nopea.io/nopea/pkg/health"
	"nopea.io/nopea/pkg/ownership"
)

const (
	// leastInterval and mostInterval bound the time between two reads of one object, which doubles while they find nothing new.
	leastInterval = 500 * time.Millisecond
	mostInterval  = 10 * time.Second
	// unwatchedDelay is how long a read waits where the kind is not watched (yet): most often the watch tells before.
	unwatchedDelay = 2 * time.Second
	// awaitedInterval bounds it for an object that somebody waits for.
	awaitedInterval = 2 * time.Second
)

// object is one object that is followed.
type object struct {
	owner *owner
	id    apply.ID
	// version of the API and file in which Git has it.
	version, file string
	// confidential: what it says may hold values of Secrets, and is not shown.
	confidential bool
	// transient: it is as it should be when it is gone after it had run.
	transient bool

	// found is how it fares. Meaningless until it is assessed.
	found    health.Finding
	assessed bool
	// seen is the resourceVersion that was looked at, and read when that was a read.
	seen     string
	read     time.Time
	interval time.Duration
	// least is the resourceVersion from which on it counts for somebody who waits.
	least string
}

// judge says how an object fares as far as its metadata tell; otherwise, whether it has to be read.
func (o *object) judge(facts ownership.Facts, exists, synced bool) (found health.Finding, told, unread bool) {
	unwritten := health.Finding{State: v1alpha1.HealthStateHealthy, Message: "nobody writes its status"}
	switch {
	case !synced && exists && !facts.Deleting && health.Custom(o.id.Group) && !facts.Status:
		return unwritten, true, false // as NOPEA's own write of it showed
	case !synced:
		return found, false, true // the watch may know less than there is
	case !exists && o.transient && o.found.State == v1alpha1.HealthStateUnhealthy:
		return o.found, true, false
	case !exists && o.transient:
		return health.Finding{State: v1alpha1.HealthStateHealthy, Message: "it has run"}, true, false
	case !exists:
		return health.Missing, true, false
	case facts.Deleting:
		return health.Leaving, true, false
	case health.Custom(o.id.Group) && !facts.Status:
		return unwritten, true, false
	}
	return found, false, !o.assessed || o.seen == "" || older(o.seen, facts.ResourceVersion)
}

// aside tells whether a write that made an object what it is has left alone whatever its health is told from.
// Objects of a kind that counts no generations do not show whether their spec was written.
func aside(before, after ownership.Facts) bool {
	return after.Generation > 0 && after.StatusAside && after.StatusFields == before.StatusFields && after.Status == before.Status &&
		after.Generation == before.Generation && after.UID == before.UID && after.Deleting == before.Deleting
}

// current tells whether what was found is from after somebody began to wait.
func (o *object) current() bool {
	return o.assessed && !older(o.seen, o.least)
}

// readable is when it may be read next.
func (o *object) readable() time.Time {
	if o.owner.awaited != nil {
		return o.read.Add(min(o.interval, awaitedInterval))
	}
	return o.read.Add(o.interval)
}

// note keeps what was found at a resourceVersion, and tells whether that is news.
func (o *object) note(found health.Finding, version string) bool {
	if o.confidential {
		found.Message = "what it says is not shown, as values of Secrets were put into it"
	}
	o.seen = version
	if o.assessed && o.found == found {
		return false
	}
	o.owner.count(o, -1)
	o.found, o.assessed = found, true
	o.owner.count(o, 1)
	return true
}

// wasRead notes a read, after which the next one may come the later the less is new.
func (o *object) wasRead(now time.Time, news bool) {
	o.read = now
	if o.interval = min(2*o.interval, mostInterval); news || o.interval == 0 {
		o.interval = leastInterval
	}
}

// older tells whether resourceVersion a is older than b. Of versions that cannot be compared neither is.
func older(a, b string) bool {
	order, err := resourceversion.CompareResourceVersion(a, b)
	return err == nil && order < 0
}
