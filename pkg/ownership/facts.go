package ownership

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/maphash"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
	"nopea.io/nopea/pkg/directive"
	"nopea.io/nopea/pkg/health"
)

const (
	annotationPauseUntil = "nopea.io/pause-until"
	// maxPauseLength bounds what is kept of the annotation, in bytes: a point in time is shorter.
	maxPauseLength = 64
)

// Facts are what an object's metadata says about who owns the object and who holds its fields: small, comparable, and all that is kept
// of an object that is watched.
type Facts struct {
	UID             types.UID
	ResourceVersion string
	Generation      int64
	// Namespace and Repository name the GitRepository that owns the object by its labels, which prove nothing by themselves.
	Namespace, Repository string
	// Pause is the annotation nopea.io/pause-until as it was written, cut off after 64 bytes.
	Pause string
	// Keep says whether annotations keep it from being deleted.
	Keep directive.Keep
	// Signature of NOPEA's own fields; see the function of that name.
	Signature Digest
	// Yielded is the signature as it would be if the fields that NOPEA yields to other controllers were still its own; zero when it
	// yields none that it does not hold itself.
	Yielded Digest
	// Extra digests the fields that others added, as Extras lists them with Allowed; zero when there are none.
	Extra Digest
	// Raw digests the bytes that the three above were read from. It means nothing to another process.
	Raw uint64
	// Deleting is set once the object's deletion was asked for.
	Deleting bool
	// Controlled is set for objects that a controller made.
	Controlled bool
	// Status is set once somebody has written a status.
	Status bool
	// StatusAside and StatusFields tell that a write cannot have changed the object's health; see health.TraceOf.
	StatusAside  bool
	StatusFields uint32
}

// Read gives the facts of an object. Before, which may be nil, are the facts as they were: when the bytes that the digests come from are
// still the same, which they are after a write of the status, nothing is parsed. The error is about fields that can not be parsed; the
// facts are good nonetheless, without those digests.
func Read(gk schema.GroupKind, object *metav1.PartialObjectMetadata, before *Facts) (Facts, error) {
	labels := object.Labels
	facts := Facts{
		UID: object.UID, ResourceVersion: object.ResourceVersion, Generation: object.Generation,
		Namespace: labels[v1alpha1.LabelNamespace], Repository: labels[v1alpha1.LabelRepository],
		Pause:    bounded(object.Annotations[annotationPauseUntil], maxPauseLength),
		Keep:     directive.KeepOf(labels, object.Annotations),
		Raw:      rawDigest(gk, object.ManagedFields),
		Deleting: object.DeletionTimestamp != nil, Controlled: metav1.GetControllerOfNoCopy(object) != nil,
		Status: hasStatus(object.ManagedFields),
	}
	facts.StatusFields, facts.StatusAside = health.TraceOf(gk.Group, object.ManagedFields)
	if before != nil && before.Raw == facts.Raw {
		facts.Signature, facts.Yielded, facts.Extra = before.Signature, before.Yielded, before.Extra
		return facts, nil
	}
	err := facts.readFields(gk, object.ManagedFields)
	if err != nil {
		facts.Raw = 0 // so that the next reading says so again
	}
	return facts, err
}

func (f *Facts) readFields(gk schema.GroupKind, managed []metav1.ManagedFieldsEntry) error {
	own, err := ownFields(managed)
	if err != nil {
		return err
	}
	if entry := applied(managed); entry != nil {
		var signErr, yieldErr error
		f.Signature, signErr = sign(own, entry.Time)
		f.Yielded, yieldErr = signYielded(gk, managed, own, entry.Time)
		err = errors.Join(signErr, yieldErr)
	}
	f.Extra = digestExtras(extras(gk, managed, own, Allowed))
	return err
}

var statusField = []byte(`"f:status":`)

// hasStatus tells whether any entry holds a status. Some controllers write it with the rest of the object.
func hasStatus(managed []metav1.ManagedFieldsEntry) bool {
	return slices.ContainsFunc(managed, func(entry metav1.ManagedFieldsEntry) bool {
		return entry.Subresource == "status" || !isApplied(&entry) && entry.FieldsV1 != nil && bytes.Contains(entry.FieldsV1.GetRawBytes(), statusField)
	})
}

var rawSeed = maphash.MakeSeed()

// rawDigest covers each entry that readFields looks into. Of others than NOPEA's the time is left out: it moves without their fields,
// and tells nothing here.
func rawDigest(gk schema.GroupKind, managed []metav1.ManagedFieldsEntry) uint64 {
	var hash maphash.Hash
	hash.SetSeed(rawSeed)
	for i := range managed {
		entry := &managed[i]
		switch {
		case isApplied(entry):
			if entry.Time != nil {
				var seconds [8]byte
				binary.LittleEndian.PutUint64(seconds[:], uint64(entry.Time.Unix()))
				_, _ = hash.Write(seconds[:])
			}
		case !mayAdd(entry, Allowed) && !mayYield(gk, entry):
			continue
		}
		for _, part := range [...]string{entry.Manager, string(entry.Operation), entry.Subresource} {
			_, _ = hash.WriteString(part)
			_ = hash.WriteByte(0)
		}
		_, _ = hash.Write(entry.FieldsV1.GetRawBytes())
		_ = hash.WriteByte(0)
	}
	return hash.Sum64()
}
