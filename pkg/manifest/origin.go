package manifest

import (
	"cmp"
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Origin says where an object was written.
type Origin struct {
	// File is the path from the repository root.
	File string
	// Document counts from 1 the documents of the file that hold something; for an item of a List, the List's document.
	// It is 0 where the whole file is meant.
	Document int
	// Item counts from 1 within a List; 0 outside of one.
	Item int
	// Line is the first line of the document, from 1.
	Line int
	// Documents is how many documents of the file hold something.
	Documents int
}

// String is the path, followed by the document and the item where the file holds several.
func (o Origin) String() string {
	several := o.Documents > 1 && o.Document > 0
	switch {
	case several && o.Item > 0:
		return fmt.Sprintf("%s (document %d, item %d)", o.File, o.Document, o.Item)
	case several:
		return fmt.Sprintf("%s (document %d)", o.File, o.Document)
	case o.Item > 0:
		return fmt.Sprintf("%s (item %d)", o.File, o.Item)
	}
	return o.File
}

func compareOrigins(a, b Origin) int {
	return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Document, b.Document), cmp.Compare(a.Item, b.Item))
}

// Object is one Kubernetes object of the tree. It is read-only, see the package comment.
type Object struct {
	*unstructured.Unstructured
	Origin Origin
	// Confidential: values of Secrets were put into it, or it was encrypted in Git.
	Confidential bool
}
