package sync

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	genericregistry "k8s.io/apiserver/pkg/registry/generic/registry"
	"k8s.io/apiserver/pkg/registry/rest"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"

	"nopea.io/nopea/pkg/apis/nopea"
)

// RepositoryREST serves gitrepositories/syncs: a POST there asks for a sync of that GitRepository. An empty Sync will do.
type RepositoryREST struct {
	rest.TableConvertor
	creator *Creator
}

var (
	_ rest.NamedCreater        = &RepositoryREST{}
	_ rest.ResetFieldsStrategy = &RepositoryREST{}
)

// New is an empty object to decode into.
func (*RepositoryREST) New() runtime.Object { return &nopea.Sync{} }

// Destroy does nothing: the storage belongs to REST.
func (*RepositoryREST) Destroy() {}

// Create stores a request for a sync of the named GitRepository, or has it join one that waits.
func (r *RepositoryREST) Create(ctx context.Context, name string, obj runtime.Object, validate rest.ValidateObjectFunc, options *metav1.CreateOptions) (runtime.Object, error) {
	sync, ok := obj.(*nopea.Sync)
	if !ok {
		return nil, apierrors.NewBadRequest(fmt.Sprintf("not a Sync: %T", obj))
	}
	repository, err := requireRepository(sync, name)
	if err != nil {
		return nil, err
	}
	return r.creator.Create(ctx, repository, sync, validate, options)
}

// GetResetFields names what the server sets, whatever the caller wrote.
func (*RepositoryREST) GetResetFields() map[fieldpath.APIVersion]*fieldpath.Set {
	return strategy{}.GetResetFields()
}

// StatusREST serves syncs/status.
type StatusREST struct {
	store *genericregistry.Store
}

var (
	_ rest.Patcher             = &StatusREST{}
	_ rest.ResetFieldsStrategy = &StatusREST{}
)

// New is an empty object to decode into.
func (*StatusREST) New() runtime.Object { return &nopea.Sync{} }

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
