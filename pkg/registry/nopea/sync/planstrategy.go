package sync

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/apiserver/pkg/registry/generic"
	genericregistry "k8s.io/apiserver/pkg/registry/generic/registry"
	"k8s.io/apiserver/pkg/registry/rest"
	"k8s.io/apiserver/pkg/storage"
	"k8s.io/apiserver/pkg/storage/names"

	"nopea.io/nopea/pkg/apis/nopea"
	"nopea.io/nopea/pkg/apis/nopea/validation"
)

// planStrategy is for plans. The last one that is written is the one that is kept.
type planStrategy struct {
	runtime.ObjectTyper
	names.NameGenerator
}

var (
	_ rest.RESTCreateStrategy = planStrategy{}
	_ rest.RESTUpdateStrategy = planStrategy{}
	_ rest.RESTDeleteStrategy = planStrategy{}
)

func (planStrategy) NamespaceScoped() bool { return true }

func (planStrategy) PrepareForCreate(context.Context, runtime.Object) {}

func (planStrategy) PrepareForUpdate(context.Context, runtime.Object, runtime.Object) {}

func (planStrategy) Validate(_ context.Context, obj runtime.Object) field.ErrorList {
	return validation.ValidatePlan(obj.(*nopea.Plan))
}

func (planStrategy) ValidateUpdate(_ context.Context, obj, _ runtime.Object) field.ErrorList {
	return validation.ValidatePlan(obj.(*nopea.Plan))
}

func (planStrategy) WarningsOnCreate(context.Context, runtime.Object) []string { return nil }

func (planStrategy) WarningsOnUpdate(context.Context, runtime.Object, runtime.Object) []string {
	return nil
}

func (planStrategy) Canonicalize(runtime.Object) {}

func (planStrategy) AllowCreateOnUpdate(context.Context) bool { return true }

func (planStrategy) AllowUnconditionalUpdate(context.Context) bool { return true }

// uncached keeps what is stored out of memory: plans are large, and read one by one, seldom.
type uncached struct{ generic.RESTOptionsGetter }

func (u uncached) GetRESTOptions(resource schema.GroupResource, example runtime.Object) (generic.RESTOptions, error) {
	options, err := u.RESTOptionsGetter.GetRESTOptions(resource, example)
	options.Decorator = generic.UndecoratedStorage
	return options, err
}

func newPlanStore(typer runtime.ObjectTyper, options generic.RESTOptionsGetter, printer rest.TableConvertor) (*genericregistry.Store, error) {
	s := planStrategy{typer, names.SimpleNameGenerator}
	store := &genericregistry.Store{
		NewFunc:     func() runtime.Object { return &nopea.Plan{} },
		NewListFunc: func() runtime.Object { return &nopea.PlanList{} },
		PredicateFunc: func(label labels.Selector, field fields.Selector) storage.SelectionPredicate {
			return storage.SelectionPredicate{Label: label, Field: field, GetAttrs: storage.DefaultNamespaceScopedAttr}
		},
		DefaultQualifiedResource:  nopea.Resource("plans"),
		SingularQualifiedResource: nopea.Resource("plan"),
		CreateStrategy:            s,
		UpdateStrategy:            s,
		DeleteStrategy:            s,
		TableConvertor:            printer,
	}
	if err := store.CompleteWithOptions(&generic.StoreOptions{RESTOptions: uncached{options}, AttrFunc: storage.DefaultNamespaceScopedAttr}); err != nil {
		return nil, fmt.Errorf("set up storage of plans: %w", err)
	}
	return store, nil
}
