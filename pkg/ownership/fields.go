package ownership

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
)

// Fields are the fields that NOPEA applied and still holds; none when it applied nothing.
func Fields(managed []metav1.ManagedFieldsEntry) (*fieldpath.Set, error) {
	return ownFields(managed)
}

// Has tells whether an object's content has a value at any of the given paths, which go through field names only.
func Has(content map[string]any, paths []fieldpath.Path) bool {
	for _, path := range paths {
		if hasField(content, path) {
			return true
		}
	}
	return false
}

func hasField(content map[string]any, path fieldpath.Path) bool {
	var at any = content
	for _, element := range path {
		fields, ok := at.(map[string]any)
		if !ok || element.FieldName == nil {
			return false
		}
		if at, ok = fields[*element.FieldName]; !ok {
			return false
		}
	}
	return true
}
