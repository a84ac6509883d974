package webhook

import (
	"slices"
	"strings"
)

// RefSpec is what a GitRepository follows. Commit comes before Name, Name before Semver, Semver before Tag, Tag before Branch; with none of
// them it is the remote's default branch.
type RefSpec struct {
	// Branch and Tag are short names.
	Branch, Tag string
	// Semver is a range of versions among the tags.
	Semver string
	// Name is a full name, or HEAD.
	Name string
	// Commit that is pinned.
	Commit string
}

// Matches tells whether an event calls for a look at what a GitRepository follows, and gives the change of its ref, if the event tells of
// it. When it does not match and there is a change, the ref was deleted. When it matches without a change, something moved, and only the
// remote knows to where.
//
// A pinned commit is never moved. Of a range of versions any tag may be the highest, or may have been it until it was deleted. Where neither the GitRepository nor the event names the default branch, any branch may be it.
func Matches(ref RefSpec, e *Event) (change *Change, matches bool) {
	if e.Kind != Push || ref.Commit != "" {
		return nil, false
	}
	if len(e.Changes) == 0 {
		return nil, true
	}
	if ref.Name == "" && ref.Semver != "" {
		return nil, slices.ContainsFunc(e.Changes, func(c Change) bool { return strings.HasPrefix(c.Ref, tags) })
	}
	name := ref.full(e.DefaultBranch)
	if name == "" {
		return nil, anyBranch(e.Changes)
	}
	// One push may tell of a ref more than once; the last one is how it ended.
	for i := range e.Changes {
		if e.Changes[i].Ref == name {
			change = &e.Changes[i]
		}
	}
	return change, change != nil && !change.Deleted
}

// full name of the ref, or nothing when it is the default branch and that is not known.
func (r RefSpec) full(defaultBranch string) string {
	switch {
	case r.Name != "" && r.Name != "HEAD":
		return r.Name
	case r.Name == "" && r.Tag != "":
		return tags + r.Tag
	case r.Name == "" && r.Branch != "":
		return branches + r.Branch
	case defaultBranch != "":
		return branches + defaultBranch
	}
	return ""
}

func anyBranch(changes []Change) bool {
	for _, c := range changes {
		if strings.HasPrefix(c.Ref, branches) && !c.Deleted {
			return true
		}
	}
	return false
}
