package validation

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"unicode/utf8"

	apivalidation "k8s.io/apimachinery/pkg/api/validation"
	metav1validation "k8s.io/apimachinery/pkg/apis/meta/v1/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"nopea.io/nopea/pkg/apis/nopea"
	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
)

const (
	maxIgnoreLength     = 64 * 1024
	maxIgnorePattern    = 1024
	maxCommonMetadata   = 50
	maxVariables        = 500
	maxVariablesLength  = 256 * 1024
	maxSubstituteFrom   = 20
	maxVariableName     = 128
	annotationsOfNopea  = "nopea.io"
	variableNameMessage = "must be the name of a variable: letters, digits and _, and no digit first"
)

func validateShaping(spec *nopea.GitRepositorySpec, at *field.Path) field.ErrorList {
	errs := validateIgnore(spec.Ignore, at.Child("ignore"))
	errs = append(errs, validateCommonMetadata(spec.CommonMetadata, at.Child("commonMetadata"))...)
	errs = append(errs, validateVariables(spec.Substitute, at.Child("substitute"))...)
	return append(errs, validateSubstituteFrom(spec.SubstituteFrom, at.Child("substituteFrom"))...)
}

// validateIgnore refuses patterns that could match nothing because they are written wrongly.
func validateIgnore(ignore string, at *field.Path) field.ErrorList {
	if len(ignore) > maxIgnoreLength {
		return field.ErrorList{field.TooLong(at, "", maxIgnoreLength)}
	}
	if !utf8.ValidString(ignore) || strings.ContainsRune(ignore, 0) {
		return field.ErrorList{field.Invalid(at, "<not shown>", "must be text")}
	}
	number := 0
	for line := range strings.Lines(ignore) {
		number++
		pattern := strings.TrimRight(line, "\r\n")
		if len(pattern) > maxIgnorePattern {
			return field.ErrorList{field.Invalid(at, fmt.Sprintf("line %d", number), fmt.Sprintf("must not be longer than %d bytes", maxIgnorePattern))}
		}
		if strings.HasPrefix(pattern, "#") {
			continue
		}
		for segment := range strings.SplitSeq(pattern, "/") {
			if _, err := path.Match(segment, ""); err != nil {
				return field.ErrorList{field.Invalid(at, pattern, fmt.Sprintf(`line %d is no pattern: a "[" lacks its "]", or a "\" stands at the end`, number))}
			}
		}
	}
	return nil
}

// validateCommonMetadata keeps NOPEA's own marks out of reach.
func validateCommonMetadata(common *nopea.CommonMetadata, at *field.Path) field.ErrorList {
	if common == nil {
		return nil
	}
	errs := metav1validation.ValidateLabels(common.Labels, at.Child("labels"))
	errs = append(errs, apivalidation.ValidateAnnotations(common.Annotations, at.Child("annotations"))...)
	for child, texts := range map[string]map[string]string{"labels": common.Labels, "annotations": common.Annotations} {
		if len(texts) > maxCommonMetadata {
			errs = append(errs, field.TooMany(at.Child(child), len(texts), maxCommonMetadata))
		}
		for _, key := range slices.Sorted(maps.Keys(texts)) {
			if isOwnKey(key) {
				errs = append(errs, field.Invalid(at.Child(child).Key(key), key, "must not be under nopea.io/: those are NOPEA's own, or asked for of single objects"))
			}
		}
	}
	return errs
}

func isOwnKey(key string) bool {
	prefix, _, ok := strings.Cut(key, "/")
	return ok && (prefix == annotationsOfNopea || strings.HasSuffix(prefix, "."+annotationsOfNopea))
}

func validateVariables(variables map[string]string, at *field.Path) field.ErrorList {
	if len(variables) > maxVariables {
		return field.ErrorList{field.TooMany(at, len(variables), maxVariables)}
	}
	var errs field.ErrorList
	total := 0
	for _, name := range slices.Sorted(maps.Keys(variables)) {
		total += len(name) + len(variables[name])
		if !v1alpha1.IsVariableName(name) || len(name) > maxVariableName {
			errs = append(errs, field.Invalid(at.Key(name), name, variableNameMessage))
		}
	}
	if total > maxVariablesLength {
		errs = append(errs, field.TooLong(at, "", maxVariablesLength))
	}
	return errs
}

func validateSubstituteFrom(references []nopea.SubstituteReference, at *field.Path) field.ErrorList {
	if len(references) > maxSubstituteFrom {
		return field.ErrorList{field.TooMany(at, len(references), maxSubstituteFrom)}
	}
	var errs field.ErrorList
	for i := range references {
		errs = append(errs, validateEnum(references[i].Kind, at.Index(i).Child("kind"), nopea.SubstituteKindConfigMap, nopea.SubstituteKindSecret)...)
		errs = append(errs, validateObjectName(references[i].Name, at.Index(i).Child("name"))...)
	}
	return errs
}

func validateNotes(notes []string, at *field.Path) field.ErrorList {
	if len(notes) > v1alpha1.MaxSyncNotes {
		return field.ErrorList{field.TooMany(at, len(notes), v1alpha1.MaxSyncNotes)}
	}
	var errs field.ErrorList
	for i, note := range notes {
		errs = append(errs, validateMessage(note, at.Index(i))...)
	}
	return errs
}
