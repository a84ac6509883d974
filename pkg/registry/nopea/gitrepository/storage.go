package gitrepository

import (
	"context"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apiserver/pkg/registry/generic"
	genericregistry "k8s.io/apiserver/pkg/registry/generic/registry"
	"k8s.io/apiserver/pkg/registry/rest"
	"k8s.io/apiserver/pkg/storage"
	"k8s.io/apiserver/pkg/storage/names"
	"k8s.io/utils/clock"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"

	"nopea.io/nopea/pkg/apis/nopea"
)

// REST serves gitrepositories.
type REST struct {
	*genericregistry.Store
}

var (
	_ rest.StandardStorage    = &REST{}
	_ rest.ShortNamesProvider = &REST{}
	_ rest.CategoriesProvider = &REST{}
)

// ShortNames are what kubectl takes instead of the resource's name.
func (*REST) ShortNames() []string { return []string{"gr"} }

// Categories are the groups of resources that kubectl lists together.
func (*REST) Categories() []string { return []string{"gitops"} }

// StatusREST serves gitrepositories/status.
type StatusREST struct {
	store *genericregistry.Store
}

var (
	_ rest.Patcher             = &StatusREST{}
	_ rest.ResetFieldsStrategy = &StatusREST{}
)

// Storage is what is served of GitRepositories.
type Storage struct {
	// GitRepository serves gitrepositories.
	GitRepository *REST
	// Status serves gitrepositories/status.
	Status *StatusREST
	// Webhook writes status.webhook.
	Webhook *WebhookStatus
}

// NewStorage makes the storage of GitRepositories.
func NewStorage(typer runtime.ObjectTyper, options generic.RESTOptionsGetter, clock clock.PassiveClock) (*Storage, error) {
	s := strategy{typer, names.SimpleNameGenerator}
	store := &genericregistry.Store{
		NewFunc:                   func() runtime.Object { return &nopea.GitRepository{} },
		NewListFunc:               func() runtime.Object { return &nopea.GitRepositoryList{} },
		PredicateFunc:             match,
		DefaultQualifiedResource:  nopea.Resource("gitrepositories"),
		SingularQualifiedResource: nopea.Resource("gitrepository"),
		CreateStrategy:            s,
		UpdateStrategy:            s,
		DeleteStrategy:            s,
		ResetFieldsStrategy:       s,
		TableConvertor:            newTable(clock),
	}
	if err := store.CompleteWithOptions(&generic.StoreOptions{RESTOptions: options, AttrFunc: attributes}); err != nil {
		return nil, fmt.Errorf("set up storage of gitrepositories: %w", err)
	}
	statusStore, webhookStore := *store, *store
	statusStore.UpdateStrategy = statusStrategy{s}
	statusStore.ResetFieldsStrategy = statusStrategy{s}
	webhookStore.UpdateStrategy = webhookStrategy{statusStrategy{s}}
	return &Storage{&REST{store}, &StatusREST{&statusStore}, &WebhookStatus{&webhookStore}}, nil
}

func attributes(obj runtime.Object) (labels.Set, fields.Set, error) {
	repository, ok := obj.(*nopea.GitRepository)
	if !ok {
		return nil, nil, fmt.Errorf("unexpected type %T, want a GitRepository", obj)
	}
	return repository.Labels, generic.ObjectMetaFieldsSet(&repository.ObjectMeta, true), nil
}

func match(label labels.Selector, field fields.Selector) storage.SelectionPredicate {
	return storage.SelectionPredicate{Label: label, Field: field, GetAttrs: attributes}
}

// New is an empty object to decode into.
func (*StatusREST) New() runtime.Object { return &nopea.GitRepository{} }

// Destroy does nothing: the storage belongs to REST.
func (*StatusREST) Destroy() {}

// Get reads the object, which a patch needs.
func (r *StatusREST) Get(ctx context.Context, name string, options *metav1.GetOptions) (runtime.Object, error) {
	return r.store.Get(ctx, name, options)
}

// Update changes the status. It never creates.
func (r *StatusREST) Update(ctx context.Context, name string, objInfo rest.UpdatedObjectInfo, createValidation rest.ValidateObjectFunc, updateValidation rest.ValidateObjectUpdateFunc, _ bool, options *metav1.UpdateOptions) (runtime.Object, bool, error) {
	return r.store.Update(ctx, name, objInfo, createValidation, updateValidation, false, options)
}

// GetResetFields names what a write to the status leaves alone.
func (r *StatusREST) GetResetFields() map[fieldpath.APIVersion]*fieldpath.Set {
	return r.store.GetResetFields()
}

// ConvertToTable prints the object.
func (r *StatusREST) ConvertToTable(ctx context.Context, object, tableOptions runtime.Object) (*metav1.Table, error) {
	return r.store.ConvertToTable(ctx, object, tableOptions)
}
