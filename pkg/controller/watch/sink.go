package watch

import (
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/cache"
)

// sink is the store as a Reflector sees it. No object stays with it.
type sink struct {
	store *store
	// synced is called after each whole list.
	synced func()
}

var (
	_ cache.TransformingStore      = (*sink)(nil)
	_ cache.ResourceVersionUpdater = (*sink)(nil)
)

func (s *sink) Add(object any) error {
	return s.Update(object)
}

func (s *sink) Update(object any) error {
	metadata, ok := object.(*metav1.PartialObjectMetadata)
	if !ok {
		return fmt.Errorf("an object of type %T in a watch of metadata", object)
	}
	s.store.observe(s.store.read(metadata), false)
	return nil
}

func (s *sink) Delete(object any) error {
	metadata, ok := object.(*metav1.PartialObjectMetadata)
	if !ok {
		return fmt.Errorf("an object of type %T in a watch of metadata", object)
	}
	s.store.remove(metadata)
	return nil
}

// Transformer is called for each object that a streamed list brings, before the Reflector keeps it until the list is complete. The
// object is taken in at once, and only its facts are kept for the Reflector to hand to Replace.
func (s *sink) Transformer() cache.TransformFunc {
	return func(object any) (any, error) {
		metadata, ok := object.(*metav1.PartialObjectMetadata)
		if !ok {
			return nil, fmt.Errorf("an object of type %T in a list of metadata", object)
		}
		it := s.store.read(metadata)
		s.store.observe(it, false)
		it.object = nil
		return it, nil
	}
}

// Replace takes a whole list: of what Transformer gave for a streamed one, else of objects.
func (s *sink) Replace(list []any, version string) error {
	items := make([]seen, 0, len(list))
	for _, item := range list {
		switch item := item.(type) {
		case seen:
			items = append(items, item)
		case *metav1.PartialObjectMetadata:
			items = append(items, s.store.read(item))
		default:
			return fmt.Errorf("an object of type %T in a list of metadata", item)
		}
	}
	s.store.replace(items, version)
	s.synced()
	return nil
}

func (s *sink) UpdateResourceVersion(version string) {
	s.store.reached(version)
}

// Resync is never asked for.
func (s *sink) Resync() error {
	return nil
}
