package git

import (
	"cmp"
	"context"
	"io"
	"slices"
	"strings"

	"github.com/Masterminds/semver/v3"
)

const (
	// maxRangeLen bounds a range of versions.
	maxRangeLen = 200
	// maxNamedTags is how many tags a failure names.
	maxNamedTags = 5
)

// search is what is looked for among a server's refs: one by its full name, or the highest version among the tags. With neither, nothing is.
type search struct {
	name     string
	versions *versionSearch
}

func (s search) isNothing() bool { return s.name == "" && s.versions == nil }

// versionSearch finds the highest version in a range among tags that come one after the other. Of others it remembers a few, to say what
// there is.
type versionSearch struct {
	wanted *semver.Constraints
	text   string

	best    *candidate
	others  []candidate // the highest that are not in the range, the highest first
	tags    int
	current string // the tag that came last
}

// candidate is a tag whose name is a version.
type candidate struct {
	version *semver.Version
	name    string // short
	answer  refAnswer
}

func newVersionSearch(text string) (*versionSearch, error) {
	wanted, err := ParseRange(text)
	if err != nil {
		return nil, err
	}
	return &versionSearch{wanted: wanted, text: text}, nil
}

// ParseRange reads a range of versions, such as ">=1.2.0 <2.0.0" or "1.x". Errors have the code InvalidRef.
func ParseRange(text string) (*semver.Constraints, error) {
	if len(text) > maxRangeLen {
		return nil, failf(InvalidRef, "the range of versions is longer than %d bytes", maxRangeLen)
	}
	wanted, err := semver.NewConstraint(text)
	if err != nil {
		return nil, failf(InvalidRef, "%.200q is not a range of versions, such as \">=1.2.0 <2.0.0\" or \"1.x\"", text)
	}
	return wanted, nil
}

// parseVersion reads the name of a tag that is a whole version, with or without a v before it.
func parseVersion(tag string) *semver.Version {
	version, err := semver.StrictNewVersion(strings.TrimPrefix(tag, "v"))
	if err != nil {
		return nil
	}
	return version
}

// see takes in a ref, or what an annotated tag that was seen just before points to in the end.
func (v *versionSearch) see(ref string, answer refAnswer) {
	name, ok := strings.CutPrefix(ref, tagPrefix)
	if !ok {
		return
	}
	if tag, peeled := strings.CutSuffix(name, peeledSuffix); peeled {
		if v.best != nil && v.best.name == tag && v.current == tag {
			v.best.answer.peeled = answer.hash
		}
		return
	}
	v.tags++
	v.current = name
	version := parseVersion(name)
	if version == nil || refNameProblem(ref) != "" {
		return
	}
	c := candidate{version: version, name: name, answer: answer}
	if v.wanted.Check(version) {
		if v.best == nil || c.compare(*v.best) > 0 {
			v.best = &c
		}
		return
	}
	at, _ := slices.BinarySearchFunc(v.others, c, func(a, b candidate) int { return b.compare(a) })
	if at < maxNamedTags {
		v.others = slices.Insert(v.others, at, c)
		v.others = v.others[:min(len(v.others), maxNamedTags)]
	}
}

// compare orders by precedence (semver.org, section 11). Versions that differ in nothing but build metadata are equal there; of these one
// with metadata is higher than one without, then metadata is compared as a pre-release is, and at last the names of the tags as bytes.
func (c candidate) compare(other candidate) int {
	return cmp.Or(c.version.Compare(other.version), compareMetadata(c.version.Metadata(), other.version.Metadata()),
		strings.Compare(c.name, other.name))
}

func compareMetadata(a, b string) int {
	if a == "" || b == "" {
		return strings.Compare(a, b)
	}
	return semver.New(0, 0, 0, a, "").Compare(semver.New(0, 0, 0, b, ""))
}

// revision is what the search came to.
func (v *versionSearch) revision() (Revision, error) {
	switch {
	case v.best != nil:
		return v.best.answer.revision(tagPrefix + v.best.name), nil
	case v.tags == 0:
		return Revision{}, failf(RefNotFound, "the repository has no tags, and so none in the range %s", v.text)
	case len(v.others) == 0:
		return Revision{}, failf(RefNotFound, "none of the repository's %d tags is a version such as v1.2.3, and so none in the range %s", v.tags, v.text)
	}
	var names []string
	for _, c := range v.others {
		names = append(names, c.name)
	}
	return Revision{}, failf(RefNotFound, "no tag of the repository is in the range %s; the highest versions are %.500s", v.text, strings.Join(names, ", "))
}

// resolveVersion asks for the tags and finds the highest version in a range. It costs one request, like resolve, and what the server sends
// is as long as its list of tags.
func (r *remote) resolveVersion(ctx context.Context, text string) (Revision, error) {
	var found *versionSearch
	wanted, err := newVersionSearch(text)
	if err != nil {
		return Revision{}, err
	}
	err = r.withServer(ctx, search{versions: wanted}, func(s *server, _ refAnswer) (err error) {
		found = wanted
		if !s.v2 {
			return nil
		}
		// Anew each time, because the request may be made twice.
		found = &versionSearch{wanted: wanted.wanted, text: text}
		_, err = ask(ctx, r, s, lsRefsRequest(s, r.userAgent, tagPrefix), func(body io.Reader) (struct{}, error) {
			return struct{}{}, readTags(body, found)
		})
		return err
	})
	if err != nil {
		return Revision{}, err
	}
	return found.revision()
}

// readTags has a search see all refs of an answer of ls-refs.
func readTags(body io.Reader, versions *versionSearch) error {
	return newPktReader(body).eachLine("the refs", func(line string) error {
		name, answer, err := parseLsRefsLine(line)
		if err == nil {
			versions.see(name, answer)
		}
		return err
	})
}
