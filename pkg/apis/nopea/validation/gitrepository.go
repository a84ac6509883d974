package validation

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	apivalidation "k8s.io/apimachinery/pkg/api/validation"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"nopea.io/nopea/pkg/apis/nopea"
)

const (
	maxPathLength   = 1024
	maxHistoryLimit = 1000
	maxDuration     = 7 * 24 * time.Hour
)

// ValidateGitRepository checks an object that is about to be created.
func ValidateGitRepository(repository *nopea.GitRepository) field.ErrorList {
	errs := apivalidation.ValidateObjectMeta(&repository.ObjectMeta, true, validateRepositoryName, field.NewPath("metadata"))
	errs = append(errs, validateDependencies(repository, field.NewPath("spec", "dependsOn"))...)
	return append(errs, validateGitRepositorySpec(&repository.Spec, field.NewPath("spec"))...)
}

// ValidateGitRepositoryUpdate checks a change of anything but the status.
func ValidateGitRepositoryUpdate(repository, old *nopea.GitRepository) field.ErrorList {
	errs := apivalidation.ValidateObjectMetaUpdate(&repository.ObjectMeta, &old.ObjectMeta, field.NewPath("metadata"))
	errs = append(errs, validateDependencies(repository, field.NewPath("spec", "dependsOn"))...)
	return append(errs, validateGitRepositorySpec(&repository.Spec, field.NewPath("spec"))...)
}

// ValidateGitRepositoryStatusUpdate checks a change of the status.
func ValidateGitRepositoryStatusUpdate(repository, old *nopea.GitRepository) field.ErrorList {
	errs := apivalidation.ValidateObjectMetaUpdate(&repository.ObjectMeta, &old.ObjectMeta, field.NewPath("metadata"))
	return append(errs, validateGitRepositoryStatus(&repository.Status, field.NewPath("status"))...)
}

// validateRepositoryName bounds a name to what a label value holds, because NOPEA labels what it applies with it.
func validateRepositoryName(name string, prefix bool) []string {
	messages := apivalidation.NameIsDNSSubdomain(name, prefix)
	if len(name) > validation.LabelValueMaxLength {
		messages = append(messages, validation.MaxLenError(validation.LabelValueMaxLength))
	}
	return messages
}

func validateGitRepositorySpec(spec *nopea.GitRepositorySpec, at *field.Path) field.ErrorList {
	errs := validateURL(spec.URL, at.Child("url"))
	errs = append(errs, validateRef(spec.Ref, at.Child("ref"))...)
	errs = append(errs, validatePath(spec.Path, at.Child("path"))...)
	errs = append(errs, validateDuration(spec.Interval, time.Second, maxDuration, at.Child("interval"))...)
	errs = append(errs, validateDuration(spec.ReconcileInterval, 10*time.Second, maxDuration, at.Child("reconcileInterval"))...)
	errs = append(errs, validateDuration(spec.Timeout, time.Second, time.Hour, at.Child("timeout"))...)
	if spec.SecretRef != nil {
		errs = append(errs, validateObjectName(spec.SecretRef.Name, at.Child("secretRef", "name"))...)
	}
	if spec.ProxySecretRef != nil {
		errs = append(errs, validateObjectName(spec.ProxySecretRef.Name, at.Child("proxySecretRef", "name"))...)
	}
	errs = append(errs, validateVerify(spec.Verify, spec.Ref, at.Child("verify"))...)
	errs = append(errs, validateDecryption(spec.Decryption, at.Child("decryption"))...)
	errs = append(errs, validateObjectName(spec.ServiceAccountName, at.Child("serviceAccountName"))...)
	if spec.TargetNamespace != "" {
		for _, message := range validation.IsDNS1123Label(spec.TargetNamespace) {
			errs = append(errs, field.Invalid(at.Child("targetNamespace"), spec.TargetNamespace, message))
		}
	}
	errs = append(errs, validateEnum(spec.PruneGuard, at.Child("pruneGuard"), nopea.PruneGuardConfirm, nopea.PruneGuardOff)...)
	errs = append(errs, validateEnum(spec.DeletionPolicy, at.Child("deletionPolicy"), nopea.DeletionPolicyOrphan, nopea.DeletionPolicyDelete)...)
	errs = append(errs, validateAdopt(spec.Adopt, at.Child("adopt"))...)
	errs = append(errs, validateDriftSpec(spec, at)...)
	errs = append(errs, validateShaping(spec, at)...)
	errs = append(errs, validateWebhookSpec(spec.Webhook, at.Child("webhook"))...)
	if limit := spec.HistoryLimit; limit != nil && (*limit < 0 || *limit > maxHistoryLimit) {
		errs = append(errs, field.Invalid(at.Child("historyLimit"), *limit, validation.InclusiveRangeError(0, maxHistoryLimit)))
	}
	return errs
}

func validatePath(p string, at *field.Path) field.ErrorList {
	if p == "" {
		return nil
	}
	if len(p) > maxPathLength {
		return field.ErrorList{field.TooLong(at, "", maxPathLength)}
	}
	if !utf8.ValidString(p) || strings.ContainsFunc(p, isControl) {
		return field.ErrorList{field.Invalid(at, strings.ToValidUTF8(p, "?"), "must not contain control characters")}
	}
	if strings.HasPrefix(p, "/") {
		return field.ErrorList{field.Invalid(at, p, "must be relative to the root of the repository: leave out the leading /")}
	}
	elements := strings.Split(p, "/")
	if slices.Contains(elements, "..") {
		return field.ErrorList{field.Invalid(at, p, `must not contain ".."`)}
	}
	if slices.ContainsFunc(elements, func(e string) bool { return strings.EqualFold(e, ".git") }) {
		return field.ErrorList{field.Invalid(at, p, `must not contain ".git"`)}
	}
	switch clean := path.Clean(p); clean {
	case ".":
		return field.ErrorList{field.Invalid(at, p, "leave it out to sync the root of the repository")}
	case p:
		return nil
	default:
		return field.ErrorList{field.Invalid(at, p, fmt.Sprintf("must be written as %q", clean))}
	}
}

func validateDuration(value string, least, most time.Duration, at *field.Path) field.ErrorList {
	d, err := time.ParseDuration(value)
	if err != nil {
		return field.ErrorList{field.Invalid(at, value, `must be a duration such as "30s", "5m" or "1h30m"`)}
	}
	if d < least || d > most {
		return field.ErrorList{field.Invalid(at, value, fmt.Sprintf("must be between %s and %s", least, most))}
	}
	return nil
}

func validateObjectName(name string, at *field.Path) field.ErrorList {
	if name == "" {
		return field.ErrorList{field.Required(at, "the name of an object in the same namespace")}
	}
	var errs field.ErrorList
	for _, message := range validation.IsDNS1123Subdomain(name) {
		errs = append(errs, field.Invalid(at, name, message))
	}
	return errs
}

func validateEnum[T ~string](value T, at *field.Path, supported ...T) field.ErrorList {
	if slices.Contains(supported, value) {
		return nil
	}
	return field.ErrorList{field.NotSupported(at, value, supported)}
}

func isControl(r rune) bool { return r < 0x20 || r == 0x7f }

func isControlOrSpace(r rune) bool { return isControl(r) || r == ' ' }
