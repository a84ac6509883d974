package watch

import (
	"context"
	"fmt"
	"iter"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
	"nopea.io/nopea/pkg/apply"
	"nopea.io/nopea/pkg/ownership"
)

// pageSize is how many objects one answer to List holds.
const pageSize = 500

// Object is a live object with NOPEA's label.
type Object struct {
	ID    apply.ID
	Facts ownership.Facts
}

// List reads the objects of a wanted kind from the API server, page by page, whatever events told; all pages show the same moment. An
// error ends the list, and what came before it is not whole.
func (w *Watcher) List(ctx context.Context, gk schema.GroupKind) iter.Seq2[Object, error] {
	return func(yield func(Object, error) bool) {
		k := w.kind(gk)
		if k == nil {
			yield(Object{}, fmt.Errorf("list %s: the kind is not watched", gk))
			return
		}
		client := k.client.Resource(k.current())
		options := metav1.ListOptions{LabelSelector: v1alpha1.LabelRepository, Limit: pageSize}
		for {
			page, err := client.List(ctx, options)
			if err != nil {
				yield(Object{}, fmt.Errorf("list %s: %w", gk, err))
				return
			}
			for i := range page.Items {
				item := &page.Items[i]
				// Fields that can not be parsed leave an object without a signature, as in the store.
				facts, _ := ownership.Read(gk, item, nil)
				id := apply.ID{Group: gk.Group, Kind: gk.Kind, Namespace: item.Namespace, Name: item.Name}
				if !yield(Object{ID: id, Facts: facts}, nil) {
					return
				}
			}
			if options.Continue = page.Continue; options.Continue == "" {
				return
			}
		}
	}
}
