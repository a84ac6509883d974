package inventory

import (
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apiserver/pkg/registry/generic"
	genericregistry "k8s.io/apiserver/pkg/registry/generic/registry"
	"k8s.io/apiserver/pkg/registry/rest"
	"k8s.io/apiserver/pkg/storage"
	"k8s.io/apiserver/pkg/storage/names"
	"k8s.io/client-go/tools/cache"
	"k8s.io/utils/clock"

	"nopea.io/nopea/pkg/apis/nopea"
	"nopea.io/nopea/pkg/registry/nopea/table"
)

// fieldRepository is the field by which the shards of one GitRepository are selected.
const fieldRepository = "spec.repository"

// REST serves inventories.
type REST struct {
	*genericregistry.Store
}

var _ rest.StandardStorage = &REST{}

// NewREST makes the storage of inventories.
func NewREST(typer runtime.ObjectTyper, options generic.RESTOptionsGetter, clock clock.PassiveClock) (*REST, error) {
	s := strategy{typer, names.SimpleNameGenerator}
	store := &genericregistry.Store{
		NewFunc:                   func() runtime.Object { return &nopea.Inventory{} },
		NewListFunc:               func() runtime.Object { return &nopea.InventoryList{} },
		PredicateFunc:             match,
		DefaultQualifiedResource:  nopea.Resource("inventories"),
		SingularQualifiedResource: nopea.Resource("inventory"),
		CreateStrategy:            s,
		UpdateStrategy:            s,
		DeleteStrategy:            s,
		TableConvertor:            newTable(clock),
	}
	if err := store.CompleteWithOptions(&generic.StoreOptions{
		RESTOptions: options,
		AttrFunc:    attributes,
		TriggerFunc: storage.IndexerFuncs{fieldRepository: func(obj runtime.Object) string { return obj.(*nopea.Inventory).Spec.Repository }},
		Indexers:    &cache.Indexers{storage.FieldIndex(fieldRepository): byRepository},
	}); err != nil {
		return nil, fmt.Errorf("set up storage of inventories: %w", err)
	}
	return &REST{store}, nil
}

func byRepository(obj any) ([]string, error) {
	inventory, ok := obj.(*nopea.Inventory)
	if !ok {
		return nil, fmt.Errorf("unexpected type %T, want an Inventory", obj)
	}
	return []string{inventory.Spec.Repository}, nil
}

func attributes(obj runtime.Object) (labels.Set, fields.Set, error) {
	inventory, ok := obj.(*nopea.Inventory)
	if !ok {
		return nil, nil, fmt.Errorf("unexpected type %T, want an Inventory", obj)
	}
	set := generic.AddObjectMetaFieldsSet(fields.Set{fieldRepository: inventory.Spec.Repository}, &inventory.ObjectMeta, true)
	return inventory.Labels, set, nil
}

func match(label labels.Selector, field fields.Selector) storage.SelectionPredicate {
	return storage.SelectionPredicate{Label: label, Field: field, GetAttrs: attributes, IndexFields: []string{fieldRepository}}
}

func newTable(clock clock.PassiveClock) table.Convertor[*nopea.Inventory] {
	return table.Convertor[*nopea.Inventory]{
		Resource: nopea.Resource("inventories"),
		Columns: []metav1.TableColumnDefinition{
			table.NameColumn(),
			{Name: "Repository", Type: "string", Description: "GitRepository whose objects it records."},
			{Name: "Entries", Type: "integer", Description: "Number of objects in this shard."},
			table.AgeColumn(),
		},
		Cells: func(inventory *nopea.Inventory, now time.Time) []any {
			return []any{inventory.Name, inventory.Spec.Repository, int64(len(inventory.Spec.Entries)), table.Since(inventory.CreationTimestamp.Time, now)}
		},
		Clock: clock,
	}
}
