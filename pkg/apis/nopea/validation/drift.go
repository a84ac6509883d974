package validation

import (
	"cmp"
	"net/url"
	"strings"
	"unicode/utf8"

	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"nopea.io/nopea/pkg/apis/nopea"
	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
)

const (
	maxIgnoreDifferences = 50
	maxJSONPointers      = 50
	maxPointerLength     = 512
	maxUnwatched         = 100
)

func validateDriftSpec(spec *nopea.GitRepositorySpec, at *field.Path) field.ErrorList {
	errs := validateEnum(spec.DriftPolicy, at.Child("driftPolicy"), nopea.DriftPolicyPrevent, nopea.DriftPolicyEnforce,
		nopea.DriftPolicyWarn, nopea.DriftPolicyIgnore)
	errs = append(errs, validateEnum(spec.ExtraFields, at.Child("extraFields"), nopea.ExtraFieldsKeep, nopea.ExtraFieldsReport,
		nopea.ExtraFieldsRemove)...)
	if count := len(spec.IgnoreDifferences); count > maxIgnoreDifferences {
		return append(errs, field.TooMany(at.Child("ignoreDifferences"), count, maxIgnoreDifferences))
	}
	for i := range spec.IgnoreDifferences {
		errs = append(errs, validateIgnoreDifference(&spec.IgnoreDifferences[i], at.Child("ignoreDifferences").Index(i))...)
	}
	if spec.Events != nil {
		errs = append(errs, validateSink(spec.Events.Sink, at.Child("events", "sink"))...)
	}
	return errs
}

func validateIgnoreDifference(rule *nopea.IgnoreDifference, at *field.Path) field.ErrorList {
	var errs field.ErrorList
	if rule.Group != "" && rule.Group != "*" {
		for _, message := range validation.IsDNS1123Subdomain(rule.Group) {
			errs = append(errs, field.Invalid(at.Child("group"), rule.Group, message))
		}
	}
	switch {
	case rule.Kind == "":
		errs = append(errs, field.Required(at.Child("kind"), `a kind such as "Deployment", or "*" for any`))
	case rule.Kind != "*":
		for _, message := range validation.IsDNS1035Label(strings.ToLower(rule.Kind)) {
			errs = append(errs, field.Invalid(at.Child("kind"), rule.Kind, message))
		}
	}
	if len(rule.Namespace) > validation.DNS1123SubdomainMaxLength || len(rule.Name) > validation.DNS1123SubdomainMaxLength {
		errs = append(errs, field.Invalid(at, "", "namespace and name must not be longer than 253 characters"))
	}
	if len(rule.JSONPointers) == 0 {
		errs = append(errs, field.Required(at.Child("jsonPointers"), `at least one, such as "/spec/replicas"`))
	}
	if count := len(rule.JSONPointers); count > maxJSONPointers {
		return append(errs, field.TooMany(at.Child("jsonPointers"), count, maxJSONPointers))
	}
	for i, pointer := range rule.JSONPointers {
		errs = append(errs, validatePointer(pointer, at.Child("jsonPointers").Index(i))...)
	}
	return errs
}

// validatePointer keeps an object's identity, and NOPEA's own marks, out of reach: without them it could not be told whose it is.
func validatePointer(pointer string, at *field.Path) field.ErrorList {
	if len(pointer) > maxPointerLength {
		return field.ErrorList{field.TooLong(at, "", maxPointerLength)}
	}
	if !utf8.ValidString(pointer) || strings.ContainsFunc(pointer, isControl) {
		return field.ErrorList{field.Invalid(at, strings.ToValidUTF8(pointer, "?"), "must not contain control characters")}
	}
	if !strings.HasPrefix(pointer, "/") || len(pointer) == 1 {
		return field.ErrorList{field.Invalid(at, pointer, `must begin with "/" and name a field, such as "/spec/replicas"`)}
	}
	steps := strings.Split(pointer[1:], "/")
	for _, step := range steps {
		if rest := strings.NewReplacer("~0", "", "~1", "").Replace(step); strings.Contains(rest, "~") {
			return field.ErrorList{field.Invalid(at, pointer, `"~" must be written "~0", and "/" inside a name "~1" (RFC 6901)`)}
		}
	}
	own := strings.HasPrefix(pointer, "/metadata/labels/nopea.io~1") || strings.HasPrefix(pointer, "/metadata/annotations/nopea.io~1")
	deep := len(steps) > 2 && (steps[1] == "labels" || steps[1] == "annotations")
	switch first := steps[0]; {
	case first == "apiVersion" || first == "kind", first == "metadata" && (own || !deep):
		return field.ErrorList{field.Invalid(at, pointer, "must not name the object's identity, nor labels and annotations as a whole, nor those of nopea.io")}
	case first == "status":
		return field.ErrorList{field.Invalid(at, pointer, "is needless: status is never compared")}
	}
	return nil
}

// validateSink never repeats an address that holds credentials.
func validateSink(raw string, at *field.Path) field.ErrorList {
	if errs := validateURLText(raw, "the https:// or http:// address that takes CloudEvents", at); len(errs) > 0 {
		return errs
	}
	u, err := url.Parse(raw)
	switch {
	case err != nil:
		return field.ErrorList{field.Invalid(at, "<not shown>", "is not a URL; an example: https://events.example.com/cdevents")}
	case u.User != nil:
		return field.ErrorList{field.Invalid(at, u.Redacted(), "must not contain user information")}
	case u.Scheme != "https" && u.Scheme != "http":
		return field.ErrorList{field.Invalid(at, cmp.Or(u.Scheme, "<none>"), "must begin with https:// or http://")}
	case u.Hostname() == "":
		return field.ErrorList{field.Invalid(at, raw, "must name a host")}
	case u.Fragment != "":
		return field.ErrorList{field.Invalid(at, u.Scheme+"://"+u.Host+u.EscapedPath(), "must have no fragment")}
	}
	return nil
}

func validateDriftStatus(drift *nopea.DriftStatus, at *field.Path) field.ErrorList {
	if drift == nil {
		return nil
	}
	var errs field.ErrorList
	if count := len(drift.Objects); count > v1alpha1.MaxDriftedObjects {
		errs = append(errs, field.TooMany(at.Child("objects"), count, v1alpha1.MaxDriftedObjects))
	}
	if count := len(drift.Unwatched); count > maxUnwatched {
		errs = append(errs, field.TooMany(at.Child("unwatched"), count, maxUnwatched))
	}
	for i := range drift.Objects {
		object, at := &drift.Objects[i], at.Child("objects").Index(i)
		errs = append(errs, validateEnum(object.State, at.Child("state"), nopea.DriftStateRepaired, nopea.DriftStateDrifted,
			nopea.DriftStateContested, nopea.DriftStateFailed, nopea.DriftStatePaused, nopea.DriftStateExtra)...)
		if count := len(object.Fields); count > v1alpha1.MaxDriftedFields {
			errs = append(errs, field.TooMany(at.Child("fields"), count, v1alpha1.MaxDriftedFields))
		}
		errs = append(errs, validateMessage(object.Message, at.Child("message"))...)
	}
	return errs
}
