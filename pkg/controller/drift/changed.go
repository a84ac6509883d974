package drift

import (
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
	"nopea.io/nopea/pkg/apply"
	"nopea.io/nopea/pkg/controller/queue"
	"nopea.io/nopea/pkg/ownership"
)

// Changed is what the watch tells of an object. It compares, and does nothing else: the object is looked into by a worker.
func (k *Keeper) Changed(id apply.ID, before, after ownership.Facts, _, exists bool, object *metav1.PartialObjectMetadata) {
	k.ledger.Lock()
	o := k.ledger.objects[id]
	if o == nil {
		k.unrecorded(id, after, exists)
		k.ledger.Unlock()
		return
	}
	if after.Extra == (ownership.Digest{}) {
		o.inspected = after.Extra
	}
	sit := k.situation(o, after, exists)
	switch {
	case !exists:
		o.ran = object == nil || ranToEnd(object)
		sit.ran = o.ran
		if sit.uid != "" && o.suspect == nil {
			o.suspect = k.evidenceOf(object, byEvent)
		}
	case sit.uid != "" && sit.differs() && !sit.yields():
		o.suspect = k.evidenceOf(object, byEvent)
		sit.suspect = true
	}
	verdict := sit.decide(k.Clock.Now())
	_, known := o.owner.findings.current[id]
	worth := verdict != (verdictNothing) || known || before.Pause != after.Pause || sit.yields() && o.toldYield == ""
	k.ledger.Unlock()
	if worth {
		k.queue.Add(id, queue.Normal)
	}
}

var verdictNothing = verdict{}

// evidenceOf keeps who held the fields of an object that differs. The watch does not keep it.
func (k *Keeper) evidenceOf(object *metav1.PartialObjectMetadata, by string) *evidence {
	found := &evidence{seen: k.Clock.Now(), by: by}
	if object != nil {
		found.version = object.ResourceVersion
		for i := range object.ManagedFields {
			found.managed = append(found.managed, *object.ManagedFields[i].DeepCopy())
		}
	}
	return found
}

// look has an object looked into if it is not as it should be.
func (k *Keeper) look(id apply.ID, by string, object *metav1.PartialObjectMetadata) (differs bool) {
	facts, exists := k.watch.Facts(id)
	k.ledger.Lock()
	o := k.ledger.objects[id]
	if o == nil {
		k.ledger.Unlock()
		return false
	}
	sit := k.situation(o, facts, exists)
	verdict := sit.decide(k.Clock.Now())
	_, known := o.owner.findings.current[id]
	if exists && sit.uid != "" && sit.differs() && o.suspect == nil {
		o.suspect = k.evidenceOf(object, by)
		o.suspect.version = facts.ResourceVersion
	}
	k.ledger.Unlock()
	if verdict != verdictNothing || known {
		k.queue.Add(id, queue.Normal)
	}
	return verdict.do != nothing
}

// situation is what decides on an object. The caller holds the ledger.
func (k *Keeper) situation(o *object, facts ownership.Facts, exists bool) situation {
	spec := &o.owner.Object.Spec
	return situation{
		desired: o.desired, uid: o.uid(), signature: o.signature, live: facts, exists: exists,
		suspect: o.suspect != nil, ran: o.ran, vanished: o.vanished, probed: o.probed, inspected: o.inspected, settled: o.settled, contest: &o.contest,
		suspended: spec.Suspend, sourceless: o.owner.Sourceless, extraFields: spec.ExtraFields,
		pause: o.owner.Pause, longestPause: k.LongestPause,
	}
}

// unrecorded names an object that carries a GitRepository's labels and NOPEA's Apply entry, and stands in no inventory. It is never
// written or deleted: labels prove nothing. The caller holds the ledger.
func (k *Keeper) unrecorded(id apply.ID, facts ownership.Facts, exists bool) {
	o := k.ledger.owners[apply.Owner{Namespace: facts.Namespace, Name: facts.Repository}]
	if !exists || o == nil || o.Sourceless {
		delete(k.ledger.strangers, id)
		return
	}
	if k.ledger.strangers[id] == facts.UID || len(k.ledger.strangers) >= maxStrangers {
		return
	}
	k.ledger.strangers[id] = facts.UID
	if facts.Controlled {
		return // its controller copied the labels, as many do
	}
	k.Recorder.Eventf(objectReference(id, "", facts.UID), o.Object, corev1.EventTypeWarning, ReasonUnrecorded, "Watch",
		"it carries the labels of GitRepository %s, which did not apply it: it is left alone. Take the labels %s and %s off.",
		o.Owner, v1alpha1.LabelRepository, v1alpha1.LabelNamespace)
}

// ranToEnd tells from its metadata whether a Job had completed or failed.
func ranToEnd(object *metav1.PartialObjectMetadata) bool {
	for i := range object.ManagedFields {
		entry := &object.ManagedFields[i]
		if entry.Subresource != "status" || entry.FieldsV1 == nil {
			continue
		}
		raw := string(entry.FieldsV1.GetRawBytes())
		if strings.Contains(raw, `k:{\"type\":\"Complete\"}`) || strings.Contains(raw, `k:{\"type\":\"Failed\"}`) {
			return true
		}
	}
	return false
}

// newer tells whether a resourceVersion is newer than another; so is one that cannot be compared.
func newer(version, than string) bool {
	a, errA := strconv.ParseUint(version, 10, 64)
	b, errB := strconv.ParseUint(than, 10, 64)
	return errA != nil || errB != nil || a > b
}
