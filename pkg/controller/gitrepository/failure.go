package gitrepository

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	utilnet "k8s.io/apimachinery/pkg/util/net"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
	"nopea.io/nopea/pkg/apply"
	"nopea.io/nopea/pkg/git"
	"nopea.io/nopea/pkg/kustomize"
	"nopea.io/nopea/pkg/manifest"
	"nopea.io/nopea/pkg/sops"
	"nopea.io/nopea/pkg/wording"
)

// Codes of a Failure, beside those of pkg/git. They are the reasons of conditions.
const (
	CodeManifestInvalid        = "ManifestInvalid"
	CodeBuildFailed            = "BuildFailed"
	CodeIgnoreInvalid          = "IgnoreDifferencesInvalid"
	CodeUnknownKind            = "UnknownKind"
	CodeVariableUnknown        = "VariableUnknown"
	CodeConfigMapNotFound      = "ConfigMapNotFound"
	CodeSourceEmpty            = "SourceEmpty"
	CodeDecryptionFailed       = "DecryptionFailed"
	CodeVerificationFailed     = "VerificationFailed"
	CodeSecretNotFound         = "SecretNotFound"
	CodeSecretInvalid          = "SecretInvalid"
	CodeServiceAccountNotFound = "ServiceAccountNotFound"
	CodePermissionDenied       = "PermissionDenied"
	CodeAdmissionDenied        = "AdmissionDenied"
	CodeApplyFailed            = "ApplyFailed"
	CodeRefused                = "Refused"
	CodePruneUnconfirmed       = "PruneUnconfirmed"
	CodeRevisionNotContained   = "RevisionNotContained"
	CodeHealthCheckFailed      = "HealthCheckFailed"
	CodeSuperseded             = "Superseded"
	CodeDependencyNotReady     = "DependencyNotReady"
	CodeDependencyCycle        = "DependencyCycle"
	CodeTimeout                = "Timeout"
	CodeAPIServer              = "APIServerError"
	CodeInternal               = "InternalError"
)

// maxMessage bounds what a status says of one failure.
const maxMessage = 2048

// Failure is why a run did not bring the cluster to what Git has, in words for the user.
type Failure struct {
	// Code is the condition's reason.
	Code string
	// Message says what failed and why; Hint what to do next.
	Message, Hint string
	// Stalled: only a change of the spec, the repository or the cluster can mend it, so it is not tried again by itself.
	Stalled bool
	// RetryAfter is how long to wait at least before the next try.
	RetryAfter time.Duration
}

func (f *Failure) Error() string { return f.Message }

// syncError is the failure as the API has it.
func (f *Failure) syncError() *v1alpha1.SyncError {
	return &v1alpha1.SyncError{Code: f.Code, Message: wording.Shorten(f.Message, maxMessage), Hint: wording.Shorten(f.Hint, maxMessage)}
}

// explain turns an error of any step into a Failure.
func explain(err error, repository *v1alpha1.GitRepository) *Failure {
	var (
		failure *Failure
		fromGit *git.Error
		objects *apply.ObjectError
		faults  *manifest.ErrorList
		build   *kustomize.Error
		sealed  *sops.Error
	)
	switch {
	case err == nil:
		return nil
	case errors.As(err, &failure):
		return failure
	case errors.As(err, &sealed):
		return explainDecryption(sealed)
	case errors.As(err, &faults):
		return explainManifest(faults)
	case errors.As(err, &build):
		return &Failure{Code: CodeBuildFailed, Message: build.Error(), Stalled: true,
			Hint: "Nothing of this commit was applied. Correct the files and push."}
	case errors.As(err, &fromGit):
		return explainGit(fromGit, repository)
	case errors.As(err, &objects):
		return explainObject(objects, repository)
	case errors.Is(err, context.DeadlineExceeded):
		return &Failure{Code: CodeTimeout, Message: fmt.Sprintf("not done within spec.timeout (%s): %v", repository.Spec.Timeout, err)}
	}
	var status apierrors.APIStatus
	if errors.As(err, &status) || utilnet.IsConnectionRefused(err) || utilnet.IsConnectionReset(err) {
		return &Failure{Code: CodeAPIServer, Message: err.Error()}
	}
	return &Failure{Code: CodeInternal, Message: err.Error()}
}

func explainGit(err *git.Error, repository *v1alpha1.GitRepository) *Failure {
	failure := &Failure{Code: string(err.Code), Message: err.Error(), Hint: err.Hint(), RetryAfter: err.RetryAfter}
	switch err.Code {
	case git.Unauthorized, git.RepositoryNotFound:
		if repository.Spec.SecretRef == nil {
			failure.Hint += " Credentials come from the Secret that spec.secretRef names; it names none."
		}
	case git.InvalidURL, git.InvalidRef, git.PathNotFound, git.IsFolder, git.EmptyRepository, git.RefNotFound,
		git.CommitNotFound, git.TooLarge, git.Unsupported:
		failure.Stalled = true
	}
	return failure
}

func explainManifest(faults *manifest.ErrorList) *Failure {
	failure := &Failure{Code: CodeManifestInvalid, Message: faults.Error(), Stalled: true,
		Hint: "Nothing of this commit was applied. Correct the files and push."}
	if allOf(faults, manifest.UnknownVariable) {
		failure.Code = CodeVariableUnknown
		failure.Hint = "Nothing of this commit was applied. Set the variable in spec.substitute, or where spec.substituteFrom reads, or correct the files and push."
		return failure
	}
	if !allOf(faults, manifest.UnknownKind) {
		return failure
	}
	// A kind may be installed by somebody else at any moment.
	failure.Code, failure.Stalled = CodeUnknownKind, false
	return failure
}

func allOf(faults *manifest.ErrorList, code manifest.Code) bool {
	return !slices.ContainsFunc(faults.Errors, func(fault *manifest.Error) bool { return fault.Code != code })
}

// explainObject says what the API server had against an object.
func explainObject(err *apply.ObjectError, repository *v1alpha1.GitRepository) *Failure {
	failure := &Failure{Code: CodeApplyFailed, Message: err.Error()}
	switch {
	case apierrors.IsForbidden(err) && isMissingRight(err):
		failure.Code = CodePermissionDenied
		failure.Hint = "Grant the right, for example: " + grantCommands(repository, err.ID.Namespace)
	case apply.IsAdmissionError(err):
		failure.Code = CodeAdmissionDenied
		failure.Hint = "An admission policy of the cluster refuses this object. Make the manifest comply, or ask those who run the cluster."
	case errors.Is(err, apply.ErrUnserved):
		failure.Code = CodeUnknownKind
		failure.Hint = "Install the definition of this kind, or correct kind and apiVersion."
	case apply.IsManifestError(err):
		failure.Code = CodeManifestInvalid
		failure.Hint = "The API server refuses this manifest. Correct the file and push."
	}
	return failure
}

// isMissingRight tells a refusal by RBAC from one by an admission plugin, which is a 403 as well.
func isMissingRight(err error) bool {
	message := err.Error()
	return strings.Contains(message, " cannot ") && strings.Contains(message, "system:serviceaccount:")
}

// grantCommands are the two commands that give a GitRepository's ServiceAccount the right to manage objects of a namespace, or of the
// whole cluster.
func grantCommands(repository *v1alpha1.GitRepository, namespace string) string {
	account := repository.Spec.ServiceAccountName
	create := fmt.Sprintf("kubectl create serviceaccount %s -n %s", account, repository.Namespace)
	if namespace == "" {
		return fmt.Sprintf("%s; kubectl create clusterrolebinding %s-%s --clusterrole=cluster-admin --serviceaccount=%s:%s "+
			"(or a narrower ClusterRole)", create, account, repository.Namespace, repository.Namespace, account)
	}
	return fmt.Sprintf("%s; kubectl create rolebinding %s-%s -n %s --clusterrole=admin --serviceaccount=%s:%s (or a narrower Role)",
		create, account, repository.Namespace, namespace, repository.Namespace, account)
}
