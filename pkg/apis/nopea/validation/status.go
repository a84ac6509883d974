package validation

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	metav1validation "k8s.io/apimachinery/pkg/apis/meta/v1/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"nopea.io/nopea/pkg/apis/nopea"
	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
)

// Only the controller writes a status. Its bounds keep a mistake there from filling the store.
const (
	maxConditions    = 16
	maxPendingPrune  = 100
	maxMessageLength = 32 * 1024
)

func validateGitRepositoryStatus(status *nopea.GitRepositoryStatus, at *field.Path) field.ErrorList {
	errs := validateConditions(status.Conditions, at.Child("conditions"))
	if status.ObservedGeneration < 0 {
		errs = append(errs, field.Invalid(at.Child("observedGeneration"), status.ObservedGeneration, "must not be negative"))
	}
	errs = append(errs, validateRevision(status.Applied, at.Child("applied"))...)
	errs = append(errs, validateRevision(status.Attempted, at.Child("attempted"))...)
	if status.LastSync != nil {
		errs = append(errs, validateTrigger(status.LastSync.Trigger, at.Child("lastSync", "trigger"))...)
	}
	errs = append(errs, validateSyncError(status.LastError, at.Child("lastError"))...)
	if prune := status.PendingPrune; prune != nil {
		errs = append(errs, requireCommit(prune.Commit, at.Child("pendingPrune", "commit"))...)
		if len(prune.Objects) > maxPendingPrune {
			errs = append(errs, field.TooMany(at.Child("pendingPrune", "objects"), len(prune.Objects), maxPendingPrune))
		}
	}
	errs = append(errs, validateWebhookStatus(status.Webhook, at.Child("webhook"))...)
	errs = append(errs, validateDriftStatus(status.Drift, at.Child("drift"))...)
	errs = append(errs, validateHealthStatus(status.Health, at.Child("health"))...)
	return append(errs, validateCommit(status.PruneConfirmed, at.Child("pruneConfirmed"))...)
}

func validateSyncStatus(status *nopea.SyncStatus, at *field.Path) field.ErrorList {
	errs := validateEnum(status.Phase, at.Child("phase"), nopea.SyncPhasePending, nopea.SyncPhaseRunning,
		nopea.SyncPhaseSucceeded, nopea.SyncPhaseFailed)
	errs = append(errs, validateConditions(status.Conditions, at.Child("conditions"))...)
	errs = append(errs, validateRevision(status.Revision, at.Child("revision"))...)
	if len(status.Changes) > v1alpha1.MaxSyncChanges {
		errs = append(errs, field.TooMany(at.Child("changes"), len(status.Changes), v1alpha1.MaxSyncChanges))
	}
	for i := range status.Changes {
		change := at.Child("changes").Index(i)
		errs = append(errs, validateEnum(status.Changes[i].Action, change.Child("action"), nopea.SyncActionCreated,
			nopea.SyncActionConfigured, nopea.SyncActionAdopted, nopea.SyncActionPruned, nopea.SyncActionReleased, nopea.SyncActionRefused,
			nopea.SyncActionPaused, nopea.SyncActionFailed)...)
		errs = append(errs, validateMessage(status.Changes[i].Message, change.Child("message"))...)
		if fields := status.Changes[i].Fields; len(fields) > v1alpha1.MaxSyncFields {
			errs = append(errs, field.TooMany(change.Child("fields"), len(fields), v1alpha1.MaxSyncFields))
		}
	}
	errs = append(errs, validateNotes(status.Notes, at.Child("notes"))...)
	return append(errs, validateSyncError(status.Error, at.Child("error"))...)
}

func validateConditions(conditions []metav1.Condition, at *field.Path) field.ErrorList {
	if len(conditions) > maxConditions {
		return field.ErrorList{field.TooMany(at, len(conditions), maxConditions)}
	}
	return metav1validation.ValidateConditions(conditions, at)
}

func validateRevision(revision *nopea.Revision, at *field.Path) field.ErrorList {
	if revision == nil {
		return nil
	}
	errs := requireCommit(revision.Commit, at.Child("commit"))
	errs = append(errs, validateMessage(revision.Message, at.Child("message"))...)
	errs = append(errs, validateMessage(revision.VerifiedBy, at.Child("verifiedBy"))...)
	return append(errs, validateMessage(revision.Author, at.Child("author"))...)
}

func requireCommit(commit string, at *field.Path) field.ErrorList {
	if commit == "" {
		return field.ErrorList{field.Required(at, "a full commit hash")}
	}
	return validateCommit(commit, at)
}

func validateSyncError(err *nopea.SyncError, at *field.Path) field.ErrorList {
	if err == nil {
		return nil
	}
	errs := validateMessage(err.Message, at.Child("message"))
	return append(errs, validateMessage(err.Hint, at.Child("hint"))...)
}

func validateMessage(message string, at *field.Path) field.ErrorList {
	if len(message) > maxMessageLength {
		return field.ErrorList{field.TooLong(at, "", maxMessageLength)}
	}
	return nil
}
