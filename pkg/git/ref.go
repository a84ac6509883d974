package git

import (
	"fmt"
	"strings"
)

const (
	headRef      = "HEAD"
	branchPrefix = "refs/heads/"
	tagPrefix    = "refs/tags/"

	hashLen       = 40 // hexadecimal digits of a SHA-1 object id
	sha256HashLen = 64

	maxRefNameLen = 1024
)

// Ref says which commit of a repository is meant. The first of Commit, Name, Semver, Tag and Branch that is not empty counts; with
// all of them empty it is the remote's HEAD, that is its default branch.
type Ref struct {
	Branch string // short name, as in "main"
	Tag    string // short name, as in "v1.2"; annotated tags are peeled to their commit
	Semver string // range of versions, as in "1.x"; the tag of the highest version in it is meant
	Name   string // full name, as in "refs/pull/1/head", or "HEAD"
	Commit string // full hexadecimal object id
}

// Full is the name to ask the remote for, as in "refs/heads/main". It is empty for a commit, which needs no asking, and for a range of
// versions, which has no name before the remote was asked.
func (r Ref) Full() string {
	switch {
	case r.Commit != "":
		return ""
	case r.Name != "":
		return r.Name
	case r.Semver != "":
		return ""
	case r.Tag != "":
		return tagPrefix + r.Tag
	case r.Branch != "":
		return branchPrefix + r.Branch
	default:
		return headRef
	}
}

// String is the name to show a user: "main", "v1.2", "semver 1.x", "refs/pull/1/head", "HEAD" or a commit id.
func (r Ref) String() string {
	switch {
	case r.Commit != "":
		return r.Commit
	case r.Name != "":
		return r.Name
	case r.Semver != "":
		return "semver " + r.Semver
	case r.Tag != "":
		return r.Tag
	case r.Branch != "":
		return r.Branch
	default:
		return headRef
	}
}

// Validate says why the ref can not exist in any repository, or nil. Errors have the code InvalidRef, or Unsupported for
// a SHA-256 object id.
func (r Ref) Validate() error {
	if r.Commit != "" {
		return validateCommitID(r.Commit)
	}
	if r.Name == "" && r.Semver != "" {
		_, err := ParseRange(r.Semver)
		return err
	}
	name := r.Full()
	if r.Name != "" && name != headRef && !strings.HasPrefix(name, "refs/") {
		return failf(InvalidRef, "a full ref name starts with refs/, as in refs/heads/%.100s", name)
	}
	if reason := refNameProblem(name); reason != "" {
		return failf(InvalidRef, "%.100q is not a ref name: it %s", name, reason)
	}
	return nil
}

func validateCommitID(id string) error {
	if isHex(id) && len(id) == hashLen {
		return nil
	}
	if isHex(id) && len(id) == sha256HashLen {
		return failf(Unsupported, "SHA-256 object ids are not supported")
	}
	return failf(InvalidRef, "%.100q is not a full commit id of %d hexadecimal digits", id, hashLen)
}

// refNameProblem follows git-check-ref-format(1).
func refNameProblem(name string) string {
	switch {
	case len(name) > maxRefNameLen:
		return fmt.Sprintf("is longer than %d bytes", maxRefNameLen)
	case strings.Contains(name, ".."):
		return `contains ".."`
	case strings.Contains(name, "@{"):
		return `contains "@{"`
	case strings.HasSuffix(name, "."):
		return "ends with a dot"
	}
	for _, c := range name {
		if c <= ' ' || c == 0x7f || strings.ContainsRune(`~^:?*[\`, c) {
			return fmt.Sprintf("contains %q", c)
		}
	}
	for part := range strings.SplitSeq(name, "/") {
		switch {
		case part == "":
			return "has an empty component"
		case strings.HasPrefix(part, "."):
			return "has a component that starts with a dot"
		case strings.HasSuffix(part, ".lock"):
			return `has a component that ends with ".lock"`
		}
	}
	return ""
}

func isHex(s string) bool {
	for i := range len(s) {
		c := s[i]
		if !('0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F') {
			return false
		}
	}
	return s != ""
}

// Revision is where a ref pointed when the remote was asked.
type Revision struct {
	// Ref is the full ref name that the remote gave; for HEAD the branch it stands for, for a range of versions the tag. Empty where a
	// commit was asked for.
	Ref string
	// Hash is the id of the commit, hexadecimal.
	Hash string
	// Tag is the id of the annotated tag's object, empty for anything else.
	Tag string
}
