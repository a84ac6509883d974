package gitrepository

import (
	"context"
	"slices"
	"strings"

	apiequality "k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/apiserver/pkg/registry/rest"
	"k8s.io/apiserver/pkg/storage/names"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"

	"nopea.io/nopea/pkg/apis/nopea"
	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
	"nopea.io/nopea/pkg/apis/nopea/validation"
)

// strategy is for everything but the status.
type strategy struct {
	runtime.ObjectTyper
	names.NameGenerator
}

var (
	_ rest.RESTCreateStrategy  = strategy{}
	_ rest.RESTUpdateStrategy  = strategy{}
	_ rest.RESTDeleteStrategy  = strategy{}
	_ rest.ResetFieldsStrategy = strategy{}
)

func (strategy) NamespaceScoped() bool { return true }

// GetResetFields keeps users from owning what only the controller writes.
func (strategy) GetResetFields() map[fieldpath.APIVersion]*fieldpath.Set {
	return map[fieldpath.APIVersion]*fieldpath.Set{
		fieldpath.APIVersion(v1alpha1.SchemeGroupVersion.String()): fieldpath.NewSet(fieldpath.MakePathOrDie("status")),
	}
}

func (strategy) PrepareForCreate(_ context.Context, obj runtime.Object) {
	repository := obj.(*nopea.GitRepository)
	repository.Status = nopea.GitRepositoryStatus{}
	repository.Generation = 1
	setCleanupFinalizer(repository)
}

func (strategy) PrepareForUpdate(_ context.Context, obj, old runtime.Object) {
	repository, before := obj.(*nopea.GitRepository), old.(*nopea.GitRepository)
	repository.Status = before.Status
	repository.Generation = before.Generation
	if !apiequality.Semantic.DeepEqual(repository.Spec, before.Spec) {
		repository.Generation++
	}
	setCleanupFinalizer(repository)
}

// setCleanupFinalizer makes the deletion of a GitRepository wait for the deletion of its objects, where that is its policy. The
// server does it, so that no moment exists in which such a GitRepository can go without its cleanup. An object that is being
// deleted gets none any more: the controller took it off, or nothing was ever to be cleaned up.
func setCleanupFinalizer(repository *nopea.GitRepository) {
	held := slices.Contains(repository.Finalizers, v1alpha1.FinalizerCleanup)
	switch repository.Spec.DeletionPolicy {
	case nopea.DeletionPolicyDelete:
		if !held && repository.DeletionTimestamp == nil {
			repository.Finalizers = append(slices.Clip(repository.Finalizers), v1alpha1.FinalizerCleanup)
		}
	case nopea.DeletionPolicyOrphan:
		if held {
			repository.Finalizers = v1alpha1.WithoutCleanup(repository.Finalizers)
		}
	}
}

func (strategy) Validate(_ context.Context, obj runtime.Object) field.ErrorList {
	return validation.ValidateGitRepository(obj.(*nopea.GitRepository))
}

func (strategy) ValidateUpdate(_ context.Context, obj, old runtime.Object) field.ErrorList {
	return validation.ValidateGitRepositoryUpdate(obj.(*nopea.GitRepository), old.(*nopea.GitRepository))
}

func (strategy) WarningsOnCreate(_ context.Context, obj runtime.Object) []string {
	return warnings(&obj.(*nopea.GitRepository).Spec)
}

func (strategy) WarningsOnUpdate(_ context.Context, obj, _ runtime.Object) []string {
	return warnings(&obj.(*nopea.GitRepository).Spec)
}

func warnings(spec *nopea.GitRepositorySpec) []string {
	if spec.SecretRef != nil && strings.HasPrefix(spec.URL, "http://") {
		return []string{"spec.url: the credentials of spec.secretRef are sent in clear text over http://; use https://"}
	}
	return nil
}

func (strategy) Canonicalize(runtime.Object) {}

func (strategy) AllowCreateOnUpdate(context.Context) bool { return false }

func (strategy) AllowUnconditionalUpdate(context.Context) bool { return false }

// statusStrategy is for the status alone.
type statusStrategy struct {
	strategy
}

// GetResetFields keeps the controller from owning what users write, and what the server does.
func (statusStrategy) GetResetFields() map[fieldpath.APIVersion]*fieldpath.Set {
	return map[fieldpath.APIVersion]*fieldpath.Set{
		fieldpath.APIVersion(v1alpha1.SchemeGroupVersion.String()): fieldpath.NewSet(
			fieldpath.MakePathOrDie("metadata"), fieldpath.MakePathOrDie("spec"), fieldpath.MakePathOrDie("status", "webhook")),
	}
}

func (statusStrategy) PrepareForUpdate(_ context.Context, obj, old runtime.Object) {
	repository, before := obj.(*nopea.GitRepository), old.(*nopea.GitRepository)
	repository.Spec = before.Spec
	repository.Status.Webhook = before.Status.Webhook
	metav1.ResetObjectMetaForStatus(&repository.ObjectMeta, &before.ObjectMeta)
}

func (statusStrategy) ValidateUpdate(_ context.Context, obj, old runtime.Object) field.ErrorList {
	return validation.ValidateGitRepositoryStatusUpdate(obj.(*nopea.GitRepository), old.(*nopea.GitRepository))
}

func (statusStrategy) WarningsOnUpdate(context.Context, runtime.Object, runtime.Object) []string {
	return nil
}

// webhookStrategy is for status.webhook alone, which the server writes and nobody else.
type webhookStrategy struct {
	statusStrategy
}

func (webhookStrategy) PrepareForUpdate(_ context.Context, obj, old runtime.Object) {
	repository, before := obj.(*nopea.GitRepository), old.(*nopea.GitRepository)
	webhook := repository.Status.Webhook
	before.DeepCopyInto(repository)
	repository.Status.Webhook = webhook
}
