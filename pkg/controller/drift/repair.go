package drift

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"runtime/debug"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/klog/v2"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
	"nopea.io/nopea/pkg/apply"
	"nopea.io/nopea/pkg/controller/queue"
	"nopea.io/nopea/pkg/ownership"
	"nopea.io/nopea/pkg/wording"
)

// Reasons of the Events about objects.
const (
	ReasonRepaired     = "DriftRepaired"
	ReasonDrifted      = "Drifted"
	ReasonFailed       = "DriftRepairFailed"
	ReasonFought       = "DriftContested"
	ReasonPaused       = "DriftPaused"
	ReasonPauseEnded   = "DriftPauseEnded"
	ReasonPauseFault   = "PauseNotHonoured"
	ReasonYielded      = "YieldedToAutoscaler"
	ReasonUnrecorded   = "NotInInventory"
	ReasonExtra        = "ExtraFields"
	ReasonExtraRemoved = "ExtraFieldsRemoved"
)

const (
	// requestWithin bounds one repair.
	requestWithin = 30 * time.Second
	// firstRetry is when an object that could not be put back is tried again; the wait doubles from there to longestWait.
	firstRetry = 500 * time.Millisecond
	// unansweredWait is when it is tried again while the API server is away, which ends for all objects at once.
	unansweredWait = 500 * time.Millisecond
	// longestBlind is how long it may take until an object is looked into after its kind could not be watched for a while.
	longestBlind = 15 * time.Second
	// identifiedFor is how long a ServiceAccount that was seen counts as there.
	identifiedFor = time.Minute
)

// job is an object that a worker looks into, as it was when it began.
type job struct {
	*Keeper
	id         apply.ID
	repository Repository
	desired    *apply.Desired
	entry      *v1alpha1.InventoryEntry
	facts      ownership.Facts
	exists     bool
	evidence   *evidence
	identified time.Time
	// turn is when the object may be compared although its spec did not change; the zero time when that was not asked for yet.
	turn time.Time
}

// process looks into one object. A panic ends this look alone.
func (k *Keeper) process(ctx context.Context, id apply.ID) {
	ctx = klog.NewContext(ctx, klog.FromContext(ctx).WithValues("object", id.String()))
	ctx, cancel := context.WithTimeout(ctx, requestWithin)
	defer cancel()
	defer func() {
		if cause := recover(); cause != nil {
			klog.FromContext(ctx).Error(nil, "Panic while an object was put back", "panic", cause, "stack", string(debug.Stack()))
		}
	}()
	defer k.Lock(id)()
	facts, exists := k.watch.Facts(id)
	if !exists && !k.watch.Synced(id.GroupKind()) {
		// Its watch has not begun or is interrupted: whether it is gone shows when that is over.
		again := time.Second
		if k.watch.Blind()[id.GroupKind()] != nil {
			again = longestBlind
		}
		k.queue.AddAt(id, k.Clock.Now().Add(again))
		return
	}
	k.ledger.Lock()
	o := k.ledger.objects[id]
	if o == nil {
		k.ledger.Unlock()
		return
	}
	sit := k.situation(o, facts, exists)
	verdict := sit.decide(k.Clock.Now())
	j := &job{Keeper: k, id: id, repository: o.owner.Repository, desired: o.desired, entry: o.entry, facts: facts, exists: exists,
		evidence: o.suspect, identified: o.owner.identified, turn: o.turn}
	k.ledger.Unlock()
	if !verdict.again.IsZero() {
		k.queue.AddAt(id, verdict.again)
	}
	j.say(&sit)
	if verdict.do != hold {
		j.released()
	}
	switch verdict.do {
	case nothing:
		j.allRight()
	case hold:
		j.held(verdict.again)
	case wait:
		j.contested(verdict.again)
	case tolerate:
		j.tolerated(ctx)
	case show:
		if j.repository.Early {
			j.Needed(j.repository.Owner)
			return
		}
		j.note(v1alpha1.DriftedObject{State: v1alpha1.DriftStateDrifted,
			Message: "it is not as it was applied, and is put back when Git can be read"}, ReasonDrifted)
	case confirm:
		j.confirm(ctx)
	case probe:
		j.compare(ctx, byEvent)
	case inspect:
		j.inspect(ctx)
	case repair, recreate:
		j.restore(ctx)
	}
}

// restore applies the object, and says what was put back.
func (j *job) restore(ctx context.Context) {
	began := j.Clock.Now()
	resource, err := j.resource(ctx)
	var live *metav1.PartialObjectMetadata
	if err == nil {
		var facts *ownership.Facts
		if j.exists {
			facts = &j.facts
		}
		if live, err = j.repository.Cluster.Restore(ctx, resource, j.desired, facts); err == nil {
			err = j.repository.Cluster.Record(resource, j.desired, live)
		}
	}
	if err != nil {
		j.failed(ctx, err)
		return
	}
	if j.exists && live.UID == j.facts.UID && live.ResourceVersion == j.facts.ResourceVersion {
		j.settled(live.Generation)
		return // it was right after all
	}
	j.repaired(live, began)
}

// resource is how the object's kind is served, once it is certain that its ServiceAccount is still there.
func (j *job) resource(ctx context.Context) (apply.Resource, error) {
	if now := j.Clock.Now(); now.Sub(j.identified) > identifiedFor {
		if err := j.repository.Identified(ctx); err != nil {
			return apply.Resource{}, err
		}
		j.ledger.Lock()
		if o := j.ledger.owners[j.repository.Owner]; o != nil {
			o.identified = now
		}
		j.ledger.Unlock()
	}
	return j.Discovery.Lookup(ctx, j.id.GroupKind().WithVersion(j.desired.Version), time.Time{})
}

// failed notes that the object could not be put back, and when that is tried again.
func (j *job) failed(ctx context.Context, err error) {
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return
	}
	if namespaceGone(err) {
		j.update(func(o *object) { o.vanished = true })
		return
	}
	if refused := (*apply.RefusedError)(nil); errors.As(err, &refused) {
		// Whether it is to be taken back is for a sync to say.
		j.update(func(o *object) {
			if o.failures == 0 {
				o.owner.stale = true
				j.reports.Add(o.owner.Owner, queue.Normal)
			}
		})
	}
	if apierrors.IsConflict(err) || apierrors.IsAlreadyExists(err) {
		j.queue.AddAt(j.id, j.Clock.Now().Add(50*time.Millisecond)) // it changed meanwhile
		return
	}
	if unanswered(err) {
		klog.FromContext(ctx).V(2).Info("The API server does not answer, and an object waits to be put back", "gitrepository", j.repository.Owner.String(), "err", err)
		j.queue.AddAt(j.id, j.Clock.Now().Add(unansweredWait))
		return
	}
	var again time.Time
	j.update(func(o *object) {
		o.failures++
		again = j.Clock.Now().Add(min(firstRetry<<min(o.failures-1, 10), longestWait))
	})
	j.queue.AddAt(j.id, again)
	driftTotal.WithLabelValues(j.by(), "failed").Inc()
	klog.FromContext(ctx).Info("Could not put an object back; it is tried again", "gitrepository", j.repository.Owner.String(), "err", err, "at", again)
	found := v1alpha1.DriftedObject{State: v1alpha1.DriftStateFailed, Message: wording.Shorten(err.Error(), 512)}
	found.Fields, found.Manager = j.losses(nil)
	j.note(found, ReasonFailed)
}

// unanswered tells whether a request did not reach the API server, or its answer was cut off. That says nothing about the object; that an
// answer took too long may well be due to it, such as by a slow admission webhook for its kind.
func unanswered(err error) bool {
	_, failed := errors.AsType[*url.Error](err)
	return failed && !errors.Is(err, context.DeadlineExceeded)
}

// namespaceGone tells whether an object could not be made because its namespace is gone or going.
func namespaceGone(err error) bool {
	if apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause) {
		return true
	}
	var status apierrors.APIStatus
	return apierrors.IsNotFound(err) && errors.As(err, &status) && status.Status().Details != nil && status.Status().Details.Kind == "namespaces"
}

// repaired notes that the object was put back.
func (j *job) repaired(live *metav1.PartialObjectMetadata, began time.Time) {
	now := j.Clock.Now()
	fields, manager := j.losses(live)
	found := v1alpha1.DriftedObject{State: v1alpha1.DriftStateRepaired, Fields: fields, Manager: manager, Time: metav1.NewTime(now)}
	if !j.exists {
		found.Message = "it was deleted"
	}
	j.describe(&found)
	var lasting bool
	j.update(func(o *object) {
		o.contest.repaired(now)
		o.suspect, o.failures, o.probed = nil, 0, now
		lasting = o.contest.lasting(now)
		o.owner.findings.putBack(j.id, found)
		o.owner.happen(found)
		if lasting {
			contested := found
			contested.State = v1alpha1.DriftStateContested
			o.owner.findings.set(j.id, contested)
		}
		j.soon(o.owner)
		if j.id.Kind == "Namespace" && j.id.Group == "" {
			j.returnTo(j.id.Name)
		}
	})
	if lasting {
		j.queue.AddAt(j.id, now.Add(2*longestWait+time.Second))
	}
	if facts, exists := j.watch.Facts(j.id); exists && facts.Extra != (ownership.Digest{}) {
		j.queue.Add(j.id, queue.Normal) // no event tells what NOPEA's own write has left
	}
	driftTotal.WithLabelValues(j.by(), "repaired").Inc()
	if j.by() == byList {
		missedTotal.Inc()
	}
	seen := began
	if j.evidence != nil {
		seen = j.evidence.seen
	}
	repairSeconds.Observe(now.Sub(seen).Seconds())
	j.event(corev1.EventTypeWarning, ReasonRepaired, "Repair", j.story(found)+". To hold it as it is for an hour: "+pauseCommand(j.id, now))
}

// returnTo has the objects of a namespace that is back looked into. The caller holds the ledger.
func (j *job) returnTo(namespace string) {
	for id, o := range j.ledger.objects {
		if id.Namespace == namespace && o.vanished {
			o.vanished = false
			j.queue.Add(id, queue.Normal)
		}
	}
}

// story says in a line what happened to the object and whose it is.
func (j *job) story(found v1alpha1.DriftedObject) string {
	what := "changed"
	if found.Message != "" {
		what = found.Message
	}
	by := ""
	if found.Manager != "" {
		by = " by " + found.Manager
	}
	text := fmt.Sprintf("%s%s", what, by)
	if len(found.Fields) > 0 {
		text += ": " + wording.Shorten(fmt.Sprint(found.Fields), 300)
	}
	return fmt.Sprintf("%s. It was put back to what GitRepository %s has in %s at %s", text, j.repository.Owner, j.desired.File, j.commit())
}

func (j *job) commit() string {
	if j.repository.Revision == nil {
		return "an unknown revision"
	}
	return j.repository.Revision.Commit[:min(7, len(j.repository.Revision.Commit))]
}

// losses names the fields that differed, by what NOPEA holds of the object as it should be.
func (j *job) losses(should *metav1.PartialObjectMetadata) (fields []string, manager string) {
	if j.evidence == nil || j.evidence.managed == nil || should == nil {
		return nil, ""
	}
	lost, err := ownership.Lost(should.ManagedFields, j.evidence.managed)
	if err != nil {
		return nil, ""
	}
	fields, manager = fieldsOf(lost)
	if j.desired != nil && j.desired.Confidential {
		fields = nil // items of lists are named by values of theirs
	}
	return fields, manager
}

func (j *job) by() string {
	if j.evidence != nil {
		return j.evidence.by
	}
	return byEvent
}
