package sync

import (
	"context"

	apiequality "k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/apiserver/pkg/registry/rest"
	"k8s.io/apiserver/pkg/storage/names"
	"k8s.io/utils/clock"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"

	"nopea.io/nopea/pkg/apis/nopea"
	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
	"nopea.io/nopea/pkg/apis/nopea/validation"
)

// strategy is for everything but the status.
type strategy struct {
	runtime.ObjectTyper
	names.NameGenerator
	clock clock.PassiveClock
}

var (
	_ rest.RESTCreateStrategy  = strategy{}
	_ rest.RESTUpdateStrategy  = strategy{}
	_ rest.RESTDeleteStrategy  = strategy{}
	_ rest.ResetFieldsStrategy = strategy{}
)

func (strategy) NamespaceScoped() bool { return true }

// GetResetFields keeps users from owning what the server and the controller write.
func (strategy) GetResetFields() map[fieldpath.APIVersion]*fieldpath.Set {
	return resetFields(fieldpath.MakePathOrDie("status"), fieldpath.MakePathOrDie("spec", "requestedBy"))
}

func resetFields(paths ...fieldpath.Path) map[fieldpath.APIVersion]*fieldpath.Set {
	return map[fieldpath.APIVersion]*fieldpath.Set{
		fieldpath.APIVersion(v1alpha1.SchemeGroupVersion.String()): fieldpath.NewSet(paths...),
	}
}

// PrepareForCreate sets what the server says of a new Sync: it waits, or, where NOPEA tells what it does by itself, it is under way.
func (s strategy) PrepareForCreate(_ context.Context, obj runtime.Object) {
	sync := obj.(*nopea.Sync)
	sync.Status = nopea.SyncStatus{Phase: nopea.SyncPhasePending}
	if automatic(sync.Spec.Trigger) {
		sync.Status = nopea.SyncStatus{Phase: nopea.SyncPhaseRunning, StartTime: new(metav1.NewMicroTime(s.clock.Now()))}
	}
	sync.Generation = 1
}

func (strategy) PrepareForUpdate(_ context.Context, obj, old runtime.Object) {
	sync, before := obj.(*nopea.Sync), old.(*nopea.Sync)
	sync.Status = before.Status
	sync.Spec.RequestedBy = before.Spec.RequestedBy
	sync.Generation = before.Generation
}

func (strategy) Validate(_ context.Context, obj runtime.Object) field.ErrorList {
	return validation.ValidateSync(obj.(*nopea.Sync))
}

func (strategy) ValidateUpdate(_ context.Context, obj, old runtime.Object) field.ErrorList {
	return validation.ValidateSyncUpdate(obj.(*nopea.Sync), old.(*nopea.Sync))
}

func (strategy) WarningsOnCreate(context.Context, runtime.Object) []string { return nil }

func (strategy) WarningsOnUpdate(context.Context, runtime.Object, runtime.Object) []string {
	return nil
}

func (strategy) Canonicalize(runtime.Object) {}

func (strategy) AllowCreateOnUpdate(context.Context) bool { return false }

func (strategy) AllowUnconditionalUpdate(context.Context) bool { return false }

// joinStrategy is for the server's own change of a spec: another request joins.
type joinStrategy struct {
	strategy
}

func (joinStrategy) PrepareForUpdate(_ context.Context, obj, old runtime.Object) {
	sync, before := obj.(*nopea.Sync), old.(*nopea.Sync)
	sync.Status = before.Status
	sync.Generation = before.Generation
	if !apiequality.Semantic.DeepEqual(sync.Spec, before.Spec) {
		sync.Generation++
	}
}

func (joinStrategy) ValidateUpdate(_ context.Context, obj, old runtime.Object) field.ErrorList {
	return validation.ValidateSyncJoin(obj.(*nopea.Sync), old.(*nopea.Sync))
}

// statusStrategy is for the status alone.
type statusStrategy struct {
	strategy
}

// GetResetFields keeps the controller from owning what users write.
func (statusStrategy) GetResetFields() map[fieldpath.APIVersion]*fieldpath.Set {
	return resetFields(fieldpath.MakePathOrDie("metadata"), fieldpath.MakePathOrDie("spec"))
}

func (statusStrategy) PrepareForUpdate(_ context.Context, obj, old runtime.Object) {
	sync, before := obj.(*nopea.Sync), old.(*nopea.Sync)
	sync.Spec = before.Spec
	metav1.ResetObjectMetaForStatus(&sync.ObjectMeta, &before.ObjectMeta)
}

func (statusStrategy) ValidateUpdate(_ context.Context, obj, old runtime.Object) field.ErrorList {
	return validation.ValidateSyncStatusUpdate(obj.(*nopea.Sync), old.(*nopea.Sync))
}
