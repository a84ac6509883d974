package validation

import (
	"strings"

	apivalidation "k8s.io/apimachinery/pkg/api/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"nopea.io/nopea/pkg/apis/nopea"
	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
)

// ValidateSync checks an object that is about to be created.
func ValidateSync(sync *nopea.Sync) field.ErrorList {
	errs := apivalidation.ValidateObjectMeta(&sync.ObjectMeta, true, apivalidation.NameIsDNSSubdomain, field.NewPath("metadata"))
	return append(errs, validateSyncSpec(&sync.Spec, field.NewPath("spec"))...)
}

// ValidateSyncUpdate checks a change of anything but the status: what was asked for stays what was asked for.
func ValidateSyncUpdate(sync, old *nopea.Sync) field.ErrorList {
	errs := apivalidation.ValidateObjectMetaUpdate(&sync.ObjectMeta, &old.ObjectMeta, field.NewPath("metadata"))
	return append(errs, apivalidation.ValidateImmutableField(sync.Spec, old.Spec, field.NewPath("spec"))...)
}

// ValidateSyncJoin checks a Sync that takes in another request. Who asks and why, and the newest push, may change, nothing else.
func ValidateSyncJoin(sync, old *nopea.Sync) field.ErrorList {
	before := *old
	before.Spec.RequestedBy, before.Spec.Trigger, before.Spec.Push = sync.Spec.RequestedBy, sync.Spec.Trigger, sync.Spec.Push
	errs := ValidateSyncUpdate(sync, &before)
	return append(errs, validateSyncSpec(&sync.Spec, field.NewPath("spec"))...)
}

// ValidateSyncStatusUpdate checks a change of the status.
func ValidateSyncStatusUpdate(sync, old *nopea.Sync) field.ErrorList {
	at := field.NewPath("status")
	errs := apivalidation.ValidateObjectMetaUpdate(&sync.ObjectMeta, &old.ObjectMeta, field.NewPath("metadata"))
	if finished(old.Status.Phase) && sync.Status.Phase != old.Status.Phase {
		errs = append(errs, field.Forbidden(at.Child("phase"), "a finished Sync stays as it ended; ask for a new one"))
	}
	return append(errs, validateSyncStatus(&sync.Status, at)...)
}

func finished(phase nopea.SyncPhase) bool {
	return phase == nopea.SyncPhaseSucceeded || phase == nopea.SyncPhaseFailed
}

func validateSyncSpec(spec *nopea.SyncSpec, at *field.Path) field.ErrorList {
	errs := validateRepositoryReference(spec.Repository, at.Child("repository"))
	errs = append(errs, validateTrigger(spec.Trigger, at.Child("trigger"))...)
	errs = append(errs, validateSyncRevision(spec, at.Child("revision"))...)
	errs = append(errs, validateCommit(spec.ConfirmPrune, at.Child("confirmPrune"))...)
	errs = append(errs, validatePush(spec, at.Child("push"))...)
	if spec.DryRun && spec.ConfirmPrune != "" {
		errs = append(errs, field.Forbidden(at.Child("confirmPrune"), "a dry run prunes nothing, so it confirms nothing: leave out one of the two"))
	}
	if len(spec.RequestedBy) > v1alpha1.MaxRequesters {
		errs = append(errs, field.TooMany(at.Child("requestedBy"), len(spec.RequestedBy), v1alpha1.MaxRequesters))
	}
	return errs
}

// validateSyncRevision allows a commit, and for a dry run the full name of a ref.
func validateSyncRevision(spec *nopea.SyncSpec, at *field.Path) field.ErrorList {
	if !strings.HasPrefix(spec.Revision, "refs/") {
		return validateCommit(spec.Revision, at)
	}
	if !spec.DryRun {
		return field.ErrorList{field.Invalid(at, strings.ToValidUTF8(spec.Revision, "?"),
			"a ref other than the GitRepository's can only be planned: set dryRun, or give a full commit hash")}
	}
	return validateRefFormat(spec.Revision, at)
}

func validateTrigger(trigger nopea.SyncTrigger, at *field.Path) field.ErrorList {
	return validateEnum(trigger, at, nopea.SyncTriggerManual, nopea.SyncTriggerWebhook, nopea.SyncTriggerPoll,
		nopea.SyncTriggerReconcile, nopea.SyncTriggerStartup)
}

// validateRepositoryReference checks the name of a GitRepository in the same namespace.
func validateRepositoryReference(name string, at *field.Path) field.ErrorList {
	if name == "" {
		return field.ErrorList{field.Required(at, "the name of a GitRepository in the same namespace")}
	}
	var errs field.ErrorList
	for _, message := range validateRepositoryName(name, false) {
		errs = append(errs, field.Invalid(at, name, message))
	}
	return errs
}
