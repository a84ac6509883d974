package drift

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/klog/v2"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
	"nopea.io/nopea/pkg/apply"
	"nopea.io/nopea/pkg/controller/queue"
	"nopea.io/nopea/pkg/ownership"
	"nopea.io/nopea/pkg/wording"
)

// update changes what is known of the job's object, if it is still known.
func (j *job) update(change func(*object)) {
	j.ledger.Lock()
	defer j.ledger.Unlock()
	if o := j.ledger.objects[j.id]; o != nil && o.owner.Owner == j.repository.Owner {
		change(o)
	}
}

// describe fills in which object a finding is about.
func (j *job) describe(found *v1alpha1.DriftedObject) {
	found.Group, found.Kind, found.Namespace, found.Name = j.id.Group, j.id.Kind, j.id.Namespace, j.id.Name
	if found.Time.IsZero() {
		found.Time = metav1.NewTime(j.Clock.Now())
	}
	switch {
	case j.desired != nil:
		found.File = j.desired.File
	case j.entry != nil:
		found.File = j.entry.File
	}
}

// note keeps a finding, and says so once.
func (j *job) note(found v1alpha1.DriftedObject, reason string) {
	j.describe(&found)
	news := false
	j.update(func(o *object) {
		if news = o.owner.findings.set(j.id, found); news {
			o.owner.happen(found)
		}
		if o.owner.findings.changed {
			j.soon(o.owner)
		}
	})
	if !news {
		return
	}
	text := found.Message
	if found.Manager != "" {
		text += "; changed by " + found.Manager
	}
	if len(found.Fields) > 0 {
		text += ": " + wording.Shorten(fmt.Sprint(found.Fields), 300)
	}
	j.event(corev1.EventTypeWarning, reason, "Repair", fmt.Sprintf("%s (GitRepository %s, %s)", text, j.repository.Owner, found.File))
}

func (j *job) event(kind, reason, action, note string) {
	uid, version := j.facts.UID, ""
	if j.entry != nil {
		version = j.entry.Version
		if uid == "" {
			uid = j.entry.UID
		}
	}
	say := func() {
		j.Recorder.Eventf(objectReference(j.id, version, uid), j.repository.Object, kind, reason, action, "%s", wording.Shorten(note, 1000))
	}
	select {
	case j.events <- say:
	default:
		say()
	}
}

// allRight forgets what was said of an object that is as Git has it. A fight is said to go on until it has rested for a while.
func (j *job) allRight() {
	j.update(func(o *object) {
		state := o.owner.findings.current[j.id].State
		if state == v1alpha1.DriftStateContested && o.contest.lasting(j.Clock.Now()) {
			return
		}
		if sit := j.situation(o, j.facts, j.exists); state == v1alpha1.DriftStateExtra && sit.hasExtras() {
			return
		}
		o.failures = 0
		if state == v1alpha1.DriftStateFailed || state == v1alpha1.DriftStateContested {
			found := v1alpha1.DriftedObject{State: v1alpha1.DriftStateRepaired}
			j.describe(&found)
			o.owner.happen(found)
		}
		if o.owner.findings.clear(j.id) {
			j.soon(o.owner)
		}
	})
}

// released ends what was said of a pause, once it no longer holds the object. Where the manifest changed meanwhile a sync is asked for.
func (j *job) released() {
	ended := false
	j.update(func(o *object) {
		if ended = o.owner.findings.current[j.id].State == v1alpha1.DriftStatePaused; !ended {
			return
		}
		o.owner.findings.clear(j.id)
		j.soon(o.owner)
		if o.desired != nil && o.entry != nil && o.entry.Hash != o.desired.Hash {
			o.owner.stale = true
			j.reports.Add(o.owner.Owner, queue.Normal)
		}
	})
	if ended {
		j.event(corev1.EventTypeNormal, ReasonPauseEnded, "Pause", "its pause has ended; it is brought to what Git has")
	}
}

// settled notes that the object is as Git has it, at a generation.
func (j *job) settled(generation int64) {
	j.update(func(o *object) { o.suspect, o.settled = nil, generation })
	j.allRight()
}

// held notes that a pause holds the object.
func (j *job) held(until time.Time) {
	message := "held until " + until.UTC().Format(time.RFC3339)
	found := v1alpha1.DriftedObject{State: v1alpha1.DriftStatePaused, Message: message}
	j.describe(&found)
	news := false
	j.update(func(o *object) {
		if news = o.owner.findings.set(j.id, found); o.owner.findings.changed {
			j.soon(o.owner)
		}
	})
	if news {
		j.event(corev1.EventTypeNormal, ReasonPaused, "Pause", message+"; it is brought to what Git has then")
	}
}

// contested notes that the object waits for its next repair.
func (j *job) contested(again time.Time) {
	found := v1alpha1.DriftedObject{State: v1alpha1.DriftStateContested,
		Message: fmt.Sprintf("it was changed again and again after it was put back; the next try is at %s", again.UTC().Format(time.RFC3339))}
	j.update(func(o *object) {
		for _, recent := range o.owner.findings.recent {
			if idOf(recent) == j.id {
				found.Fields, found.Manager = recent.Fields, recent.Manager
			}
		}
	})
	j.note(found, ReasonFought)
}

// tolerated names what differs in an object that is left as it is.
func (j *job) tolerated(ctx context.Context) {
	if j.desired.Drift == v1alpha1.DriftPolicyIgnore {
		j.update(func(o *object) { o.suspect = nil })
		j.allRight()
		return
	}
	found := v1alpha1.DriftedObject{State: v1alpha1.DriftStateDrifted, Message: "left as it is by driftPolicy Warn"}
	if !j.exists {
		found.Message = "it was deleted, and stays so by driftPolicy Warn"
	} else if should, err := j.rehearse(ctx); err == nil {
		j.recallEvidence(ctx)
		found.Fields, found.Manager = j.losses(should)
	} else {
		klog.FromContext(ctx).Info("Could not tell which fields differ", "err", err)
	}
	j.note(found, ReasonDrifted)
}

// rehearse applies the object by dry run, and returns its metadata as it would be.
func (j *job) rehearse(ctx context.Context) (*metav1.PartialObjectMetadata, error) {
	resource, err := j.resource(ctx)
	if err != nil {
		return nil, err
	}
	return j.repository.Cluster.Apply(ctx, resource, j.desired,
		apply.Write{UID: j.facts.UID, Yields: j.facts.Yielded != (ownership.Digest{}), DryRun: true})
}

// recallEvidence reads who holds the fields of an object that was seen to differ before this process watched it.
func (j *job) recallEvidence(ctx context.Context) {
	if j.evidence != nil && j.evidence.managed != nil {
		return
	}
	resource, err := j.resource(ctx)
	if err != nil {
		return
	}
	if object, err := j.repository.Cluster.Get(ctx, resource, j.id); err == nil {
		j.evidence = j.evidenceOf(object, j.by())
	}
}

// confirm finds by a dry run, paced, whether an object whose spec did not change has to be put back. What the API server itself
// rewrote, as after a change of the kind's schema, is recorded as it is now.
func (j *job) confirm(ctx context.Context) {
	now := j.Clock.Now()
	if j.turn.IsZero() {
		turn := j.pace.turn(now)
		if turn.After(now) {
			j.update(func(o *object) { o.turn = turn })
			j.queue.AddAt(j.id, turn)
			return
		}
	}
	j.update(func(o *object) { o.turn = time.Time{} })
	should, err := j.rehearse(ctx)
	if err != nil {
		j.failed(ctx, err)
		return
	}
	signature, err := ownership.Signature(should.ManagedFields)
	if err != nil || signature != j.facts.Signature || should.Generation != j.facts.Generation || j.recent(should) {
		j.restore(ctx)
		return
	}
	resource, err := j.resource(ctx)
	if err == nil {
		err = j.repository.Cluster.Record(resource, j.desired, should)
	}
	if err != nil {
		j.failed(ctx, err)
		return
	}
	j.settled(j.facts.Generation)
}

// recent tells whether NOPEA's own entry is of this very second: a dry run that changes something would not show by its time.
func (j *job) recent(object *metav1.PartialObjectMetadata) bool {
	for i := range object.ManagedFields {
		entry := &object.ManagedFields[i]
		if entry.Manager == v1alpha1.FieldManager && entry.Operation == metav1.ManagedFieldsOperationApply && entry.Time != nil {
			if j.Clock.Now().Sub(entry.Time.Time) < 2*time.Second {
				return true
			}
		}
	}
	return false
}

// compare finds by a dry run whether an object is as Git has it, where its ownership alone does not tell, and puts it back if not.
func (j *job) compare(ctx context.Context, by string) {
	should, err := j.rehearse(ctx)
	if err != nil {
		j.update(func(o *object) { o.probed = j.Clock.Now() })
		j.failed(ctx, err)
		return
	}
	signature, err := ownership.Signature(should.ManagedFields)
	j.update(func(o *object) { o.probed = j.Clock.Now() })
	// The time in a signature has whole seconds: within that of NOPEA's last apply only the generation tells.
	if err == nil && signature == j.facts.Signature && should.Generation == j.facts.Generation {
		j.settled(j.facts.Generation)
		return
	}
	j.evidence = &evidence{version: j.facts.ResourceVersion, seen: j.Clock.Now(), by: by}
	switch {
	case j.desired.Tolerated():
		j.tolerated(ctx)
	default:
		j.restore(ctx)
	}
}

// inspect names the fields that others added to an object, or takes them away.
func (j *job) inspect(ctx context.Context) {
	resource, err := j.resource(ctx)
	if err != nil {
		j.failed(ctx, err)
		return
	}
	if j.repository.Object.Spec.ExtraFields == v1alpha1.ExtraFieldsRemove {
		j.strip(ctx, resource)
		return
	}
	live, err := j.repository.Cluster.Get(ctx, resource, j.id)
	if err != nil {
		klog.FromContext(ctx).Info("Could not read which fields were added", "err", err)
		return
	}
	extras := ownership.Extras(j.id.GroupKind(), live.ManagedFields, ownership.Allowed)
	j.update(func(o *object) { o.inspected = j.facts.Extra })
	if len(extras) == 0 {
		j.allRight()
		return
	}
	found := v1alpha1.DriftedObject{State: v1alpha1.DriftStateExtra, Message: "fields that Git does not mention"}
	found.Fields, found.Manager = namesOf(extras)
	j.note(found, ReasonExtra)
}

// strip takes away what others added. Who adds it again and again is met ever more slowly.
func (j *job) strip(ctx context.Context, resource apply.Resource) {
	now := j.Clock.Now()
	var again time.Time
	var contested bool
	j.update(func(o *object) { again, contested = o.contest.next(now) })
	if contested {
		j.queue.AddAt(j.id, again)
		j.contested(again)
		return
	}
	live, extras, err := j.repository.Cluster.RemoveExtras(ctx, resource, j.id)
	if err != nil {
		j.failed(ctx, err)
		return
	}
	if live == nil {
		j.update(func(o *object) { o.inspected = j.facts.Extra })
		j.allRight()
		return
	}
	j.watch.Saw(resource, live)
	found := v1alpha1.DriftedObject{State: v1alpha1.DriftStateRepaired, Message: "fields that Git does not mention were taken away"}
	found.Fields, found.Manager = namesOf(extras)
	j.describe(&found)
	j.update(func(o *object) {
		o.contest.repaired(now)
		o.settled, o.written = live.Generation, now
		o.owner.findings.putBack(j.id, found)
		o.owner.happen(found)
		j.soon(o.owner)
	})
	driftTotal.WithLabelValues(j.by(), "repaired").Inc()
	j.event(corev1.EventTypeWarning, ReasonExtraRemoved, "Repair", fmt.Sprintf("%s: %v, added by %s. GitRepository %s has spec.extraFields Remove",
		found.Message, found.Fields, found.Manager, j.repository.Owner))
}

func namesOf(extras []ownership.Extra) (fields []string, manager string) {
	for _, extra := range extras[:min(len(extras), v1alpha1.MaxDriftedFields)] {
		fields = append(fields, wording.Shorten(ownership.Name(extra.Path), 256))
	}
	return fields, managerName(extras[0].Manager, extras[0].Subresource)
}

// say tells, once, what is worth knowing of an object beside drift: a pause that does not count, and a field that was yielded.
func (j *job) say(sit *situation) {
	fault := apply.ReadPause(j.facts.Pause, j.Clock.Now(), j.LongestPause).Fault
	yielded := ""
	if sit.yields() && j.desired != nil {
		yielded = "yes"
	}
	var tellFault, tellYield bool
	j.update(func(o *object) {
		tellFault = fault != "" && o.toldPause != j.facts.Pause
		o.toldPause = j.facts.Pause
		tellYield = yielded != "" && o.toldYield == ""
		o.toldYield = yielded
	})
	if tellFault {
		j.event(corev1.EventTypeWarning, ReasonPauseFault, "Pause", fault)
	}
	if tellYield {
		j.event(corev1.EventTypeNormal, ReasonYielded, "Repair", fmt.Sprintf("the field that its controller sets (spec.replicas by an autoscaler) is left to it. "+
			"Take it out of %s, which GitRepository %s applies", j.desired.File, j.repository.Owner))
	}
}
