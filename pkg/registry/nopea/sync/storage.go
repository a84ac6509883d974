package sync

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apiserver/pkg/authorization/authorizer"
	"k8s.io/apiserver/pkg/registry/generic"
	genericregistry "k8s.io/apiserver/pkg/registry/generic/registry"
	"k8s.io/apiserver/pkg/registry/rest"
	"k8s.io/apiserver/pkg/storage"
	"k8s.io/apiserver/pkg/storage/names"
	"k8s.io/client-go/tools/cache"
	"k8s.io/utils/clock"

	"nopea.io/nopea/pkg/apis/nopea"
)

// fieldRepository is the field by which the Syncs of one GitRepository are selected.
const fieldRepository = "spec.repository"

// Storage is what is served of Syncs.
type Storage struct {
	// Sync serves syncs.
	Sync *REST
	// Status serves syncs/status.
	Status *StatusREST
	// Plan serves syncs/plan.
	Plan *PlanREST
	// ForRepository serves gitrepositories/syncs.
	ForRepository *RepositoryREST
	// Creator stores requests that do not come as a Sync.
	Creator *Creator
}

// NewStorage makes the storage of Syncs. GitRepositories are read by repositories; authorizer says who may use which trigger.
func NewStorage(typer runtime.ObjectTyper, options generic.RESTOptionsGetter, repositories rest.Getter, authorizer authorizer.Authorizer, clock clock.PassiveClock) (*Storage, error) {
	s := strategy{typer, names.SimpleNameGenerator, clock}
	store := &genericregistry.Store{
		NewFunc:                   func() runtime.Object { return &nopea.Sync{} },
		NewListFunc:               func() runtime.Object { return &nopea.SyncList{} },
		PredicateFunc:             match,
		DefaultQualifiedResource:  nopea.Resource("syncs"),
		SingularQualifiedResource: nopea.Resource("sync"),
		CreateStrategy:            s,
		UpdateStrategy:            s,
		DeleteStrategy:            s,
		ResetFieldsStrategy:       s,
		TableConvertor:            newTable(clock),
	}
	if err := store.CompleteWithOptions(&generic.StoreOptions{
		RESTOptions: options,
		AttrFunc:    attributes,
		TriggerFunc: storage.IndexerFuncs{fieldRepository: func(obj runtime.Object) string { return obj.(*nopea.Sync).Spec.Repository }},
		Indexers:    &cache.Indexers{storage.FieldIndex(fieldRepository): byRepository},
	}); err != nil {
		return nil, fmt.Errorf("set up storage of syncs: %w", err)
	}
	plans, err := newPlanStore(typer, options, rest.NewDefaultTableConvertor(nopea.Resource("syncs/plan")))
	if err != nil {
		return nil, err
	}
	plan := &PlanREST{plans: plans, syncs: store}
	store.AfterDelete = plan.afterDelete
	joinStore, statusStore := *store, *store
	joinStore.UpdateStrategy = joinStrategy{s}
	statusStore.UpdateStrategy = statusStrategy{s}
	statusStore.ResetFieldsStrategy = statusStrategy{s}

	creator := newCreator(store, &joinStore, repositories, authorizer)
	return &Storage{
		Sync:          &REST{store, creator},
		Status:        &StatusREST{&statusStore},
		Plan:          plan,
		ForRepository: &RepositoryREST{store.TableConvertor, creator},
		Creator:       creator,
	}, nil
}

func byRepository(obj any) ([]string, error) {
	sync, ok := obj.(*nopea.Sync)
	if !ok {
		return nil, fmt.Errorf("unexpected type %T, want a Sync", obj)
	}
	return []string{sync.Spec.Repository}, nil
}

func attributes(obj runtime.Object) (labels.Set, fields.Set, error) {
	sync, ok := obj.(*nopea.Sync)
	if !ok {
		return nil, nil, fmt.Errorf("unexpected type %T, want a Sync", obj)
	}
	set := generic.AddObjectMetaFieldsSet(fields.Set{fieldRepository: sync.Spec.Repository}, &sync.ObjectMeta, true)
	return sync.Labels, set, nil
}

func match(label labels.Selector, field fields.Selector) storage.SelectionPredicate {
	return storage.SelectionPredicate{Label: label, Field: field, GetAttrs: attributes, IndexFields: []string{fieldRepository}}
}

// REST serves syncs.
type REST struct {
	*genericregistry.Store
	creator *Creator
}

var _ rest.StandardStorage = &REST{}

// Create stores a request, or has it join one that waits.
func (r *REST) Create(ctx context.Context, obj runtime.Object, validate rest.ValidateObjectFunc, options *metav1.CreateOptions) (runtime.Object, error) {
	sync, ok := obj.(*nopea.Sync)
	if !ok {
		return nil, apierrors.NewBadRequest(fmt.Sprintf("not a Sync: %T", obj))
	}
	repository, err := requireRepository(sync, "")
	if err != nil {
		return nil, err
	}
	return r.creator.Create(ctx, repository, sync, validate, options)
}

// Update changes the metadata. A server-side apply of a Sync that does not exist creates it, by the same rules as a POST.
func (r *REST) Update(ctx context.Context, name string, objInfo rest.UpdatedObjectInfo, createValidation rest.ValidateObjectFunc, updateValidation rest.ValidateObjectUpdateFunc, forceAllowCreate bool, options *metav1.UpdateOptions) (runtime.Object, bool, error) {
	obj, _, err := r.Store.Update(ctx, name, objInfo, createValidation, updateValidation, false, options)
	if !forceAllowCreate || !apierrors.IsNotFound(err) {
		return obj, false, err
	}
	if p := objInfo.Preconditions(); p != nil && (p.UID != nil || p.ResourceVersion != nil) {
		return nil, false, err
	}
	applied, err := objInfo.UpdatedObject(ctx, r.New())
	if err != nil {
		return nil, false, err
	}
	sync, ok := applied.(*nopea.Sync)
	if !ok {
		return nil, false, apierrors.NewBadRequest(fmt.Sprintf("not a Sync: %T", applied))
	}
	rest.WipeObjectMetaSystemFields(&sync.ObjectMeta)
	created, err := r.Create(ctx, sync, createValidation, &metav1.CreateOptions{
		DryRun: options.DryRun, FieldManager: options.FieldManager, FieldValidation: options.FieldValidation,
	})
	return created, err == nil, err
}
