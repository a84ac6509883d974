package validation

import (
	"strings"
	"unicode/utf8"

	"github.com/Masterminds/semver/v3"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"nopea.io/nopea/pkg/apis/nopea"
)

const maxRangeLength = 200

// validateSemver takes what pkg/git does.
func validateSemver(text string, at *field.Path) field.ErrorList {
	switch {
	case text == "":
		return nil
	case len(text) > maxRangeLength:
		return field.ErrorList{field.TooLong(at, "", maxRangeLength)}
	case !utf8.ValidString(text) || strings.ContainsFunc(text, isControl):
		return field.ErrorList{field.Invalid(at, strings.ToValidUTF8(text, "?"), "must not contain control characters")}
	}
	if _, err := semver.NewConstraint(text); err != nil {
		return field.ErrorList{field.Invalid(at, text, `must be a range of versions, such as "1.x", "~1.4" or ">=1.2.0 <2.0.0"`)}
	}
	return nil
}

func validateVerify(verify *nopea.VerifySpec, ref *nopea.GitRef, at *field.Path) field.ErrorList {
	if verify == nil {
		return nil
	}
	errs := validateObjectName(verify.SecretRef.Name, at.Child("secretRef", "name"))
	errs = append(errs, validateEnum(verify.Mode, at.Child("mode"), nopea.VerifyModeCommit, nopea.VerifyModeTag, nopea.VerifyModeTagAndCommit)...)
	wantsTag := verify.Mode == nopea.VerifyModeTag || verify.Mode == nopea.VerifyModeTagAndCommit
	if wantsTag && !namesTag(ref) {
		errs = append(errs, field.Invalid(at.Child("mode"), verify.Mode, "needs a tag to verify: set spec.ref.tag or spec.ref.semver, and nothing that comes before it"))
	}
	return errs
}

// namesTag tells whether it is a tag that a ref names.
func namesTag(ref *nopea.GitRef) bool {
	switch {
	case ref == nil || ref.Commit != "":
		return false
	case ref.Name != "":
		return strings.HasPrefix(ref.Name, "refs/tags/")
	}
	return ref.Semver != "" || ref.Tag != ""
}
