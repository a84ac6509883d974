package ownership

import (
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
)

// Signature digests NOPEA's ownership of an object's fields: the field set of the entry of manager "nopea", operation Apply, and that
// entry's time (whole seconds; nobody else's write moves it). When anyone changes a field that NOPEA applied, the API server takes the
// field out of the entry, and the signature differs. The set is digested in canonical order, because raw bytes may differ for equal sets.
//
// It is zero when there is no such entry: then NOPEA applied nothing here.
func Signature(managed []metav1.ManagedFieldsEntry) (Digest, error) {
	entry := applied(managed)
	if entry == nil {
		return Digest{}, nil
	}
	fields, err := parse(entry)
	if err != nil {
		return Digest{}, err
	}
	return sign(fields, entry.Time)
}

// Applied tells whether NOPEA applied anything to the object, which its labels alone do not prove: controllers copy labels.
func Applied(managed []metav1.ManagedFieldsEntry) bool {
	return applied(managed) != nil
}

// applied finds the entry of NOPEA's own server-side apply.
func applied(managed []metav1.ManagedFieldsEntry) *metav1.ManagedFieldsEntry {
	for i := range managed {
		if isApplied(&managed[i]) {
			return &managed[i]
		}
	}
	return nil
}

func isApplied(entry *metav1.ManagedFieldsEntry) bool {
	return entry.Manager == v1alpha1.FieldManager && entry.Operation == metav1.ManagedFieldsOperationApply && entry.Subresource == ""
}

// parse reads an entry's field set.
func parse(entry *metav1.ManagedFieldsEntry) (*fieldpath.Set, error) {
	fields := &fieldpath.Set{}
	if entry.FieldsV1 == nil {
		return fields, nil
	}
	if err := fields.FromJSON(entry.FieldsV1.GetRawReader()); err != nil {
		return nil, fmt.Errorf("parse the field set of manager %q: %w", entry.Manager, err)
	}
	return fields, nil
}

func sign(fields *fieldpath.Set, at *metav1.Time) (Digest, error) {
	canonical, err := fields.ToJSON()
	if err != nil {
		return Digest{}, fmt.Errorf("write the field set of manager %q: %w", v1alpha1.FieldManager, err)
	}
	return digest(canonical, timeBytes(at)), nil
}

func timeBytes(at *metav1.Time) []byte {
	if at == nil {
		return nil
	}
	return at.UTC().AppendFormat(nil, time.RFC3339)
}
