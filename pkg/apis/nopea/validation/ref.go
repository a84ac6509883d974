package validation

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"nopea.io/nopea/pkg/apis/nopea"
)

const (
	maxRefLength = 250
	commitLength = 40
)

func validateRef(ref *nopea.GitRef, at *field.Path) field.ErrorList {
	if ref == nil {
		return nil
	}
	errs := validateShortRef(ref.Branch, at.Child("branch"))
	errs = append(errs, validateShortRef(ref.Tag, at.Child("tag"))...)
	if ref.Name != "" {
		if !strings.HasPrefix(ref.Name, "refs/") {
			errs = append(errs, field.Invalid(at.Child("name"), ref.Name, "must begin with refs/; use branch or tag for a short name"))
		} else {
			errs = append(errs, validateRefFormat(ref.Name, at.Child("name"))...)
		}
	}
	errs = append(errs, validateSemver(ref.Semver, at.Child("semver"))...)
	return append(errs, validateCommit(ref.Commit, at.Child("commit"))...)
}

// validateShortRef checks the name of a branch or tag, as `git check-ref-format --branch` does.
func validateShortRef(name string, at *field.Path) field.ErrorList {
	if name == "" {
		return nil
	}
	if strings.HasPrefix(name, "-") || name == "HEAD" {
		return field.ErrorList{field.Invalid(at, name, `must not begin with "-" and must not be "HEAD"`)}
	}
	return validateRefFormat(name, at)
}

// validateRefFormat holds the rules of git-check-ref-format(1), and bounds the length.
func validateRefFormat(name string, at *field.Path) field.ErrorList {
	if len(name) > maxRefLength {
		return field.ErrorList{field.TooLong(at, "", maxRefLength)}
	}
	if problem := refProblem(name); problem != "" {
		return field.ErrorList{field.Invalid(at, strings.ToValidUTF8(name, "?"), "is not a valid Git ref name: it must not "+problem)}
	}
	return nil
}

// refProblem completes the sentence "it must not", or is empty when the name is valid.
func refProblem(name string) string {
	switch {
	case !utf8.ValidString(name):
		return "hold bytes that are not UTF-8"
	case strings.ContainsFunc(name, isControlOrSpace):
		return "contain spaces or control characters"
	case strings.ContainsAny(name, `~^:?*[\`):
		return `contain any of ~ ^ : ? * [ \`
	case strings.Contains(name, ".."):
		return `contain ".."`
	case strings.Contains(name, "@{"):
		return `contain "@{"`
	case name == "@":
		return `be "@"`
	case strings.HasSuffix(name, "."):
		return `end with "."`
	}
	for component := range strings.SplitSeq(name, "/") {
		switch {
		case component == "":
			return `begin or end with "/" or contain "//"`
		case strings.HasPrefix(component, "."):
			return `have a part that begins with "."`
		case strings.HasSuffix(component, ".lock"):
			return `have a part that ends with ".lock"`
		}
	}
	return ""
}

// validateCommit allows a full hash in lower case, or nothing.
func validateCommit(commit string, at *field.Path) field.ErrorList {
	if commit == "" {
		return nil
	}
	if len(commit) > commitLength {
		return field.ErrorList{field.TooLong(at, "", commitLength)}
	}
	if len(commit) != commitLength || strings.Trim(commit, "0123456789abcdef") != "" {
		return field.ErrorList{field.Invalid(at, commit, fmt.Sprintf("must be a full commit hash: %d digits from 0 to 9 and a to f", commitLength))}
	}
	return nil
}
