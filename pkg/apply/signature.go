package apply

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
)

// Signature digests NOPEA's ownership of an object's fields, as the API server keeps it in managedFields: the field set of the
// entry of manager "nopea", operation Apply, and that entry's time (whole seconds; nobody else's write moves it). When anyone
// changes a field that NOPEA applied, the API server takes the field out of the entry, and the signature differs.
//
// It is empty when there is no such entry: then NOPEA applied nothing here. The field set is parsed and written in canonical
// order, because the raw bytes may differ for equal sets.
func Signature(managed []metav1.ManagedFieldsEntry) (string, error) {
	entry := applyEntry(managed)
	if entry == nil {
		return "", nil
	}
	var fields fieldpath.Set
	if entry.FieldsV1 != nil {
		if err := fields.FromJSON(bytes.NewReader(entry.FieldsV1.GetRawBytes())); err != nil {
			return "", fmt.Errorf("parse the field set of manager %q: %w", entry.Manager, err)
		}
	}
	canonical, err := fields.ToJSON()
	if err != nil {
		return "", fmt.Errorf("write the field set of manager %q: %w", entry.Manager, err)
	}
	digest := sha256.New()
	digest.Write(canonical)
	if entry.Time != nil {
		digest.Write([]byte(entry.Time.UTC().Format(time.RFC3339)))
	}
	return hex.EncodeToString(digest.Sum(nil)[:16]), nil
}

// applyEntry finds the entry of NOPEA's own server-side apply.
func applyEntry(managed []metav1.ManagedFieldsEntry) *metav1.ManagedFieldsEntry {
	for i := range managed {
		entry := &managed[i]
		if entry.Manager == v1alpha1.FieldManager && entry.Operation == metav1.ManagedFieldsOperationApply && entry.Subresource == "" {
			return entry
		}
	}
	return nil
}
