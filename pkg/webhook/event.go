package webhook

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

const maxNameLength = 64

// newEvent is what the headers say, and the URLs; the rest is for the provider to add.
func newEvent(p Provider, d *Delivery, name, id string) (*Event, error) {
	urls, err := p.URLs(d)
	if err != nil {
		return nil, err
	}
	return &Event{Kind: Other, Name: label(name, maxNameLength), ID: label(id, MaxIDLength), URLs: urls}, nil
}

// push makes the event a push of refs: as many as the body has, each made by change.
func (e *Event) push(defaultBranch string, count int, change func(i int) (Change, error)) (*Event, error) {
	e.Kind = Push
	if branch := strings.TrimPrefix(defaultBranch, branches); validName(branch) {
		e.DefaultBranch = branch
	}
	if count > MaxChanges {
		return e, nil
	}
	for i := range count {
		c, err := change(i)
		if err != nil {
			return nil, err
		}
		e.Changes = append(e.Changes, c)
	}
	return e, nil
}

// push1 is a push of one ref.
func (e *Event) push1(defaultBranch, ref, commit string, deleted bool) (*Event, error) {
	return e.push(defaultBranch, 1, func(int) (Change, error) { return newChange(ref, commit, deleted) })
}

const (
	branches = "refs/heads/"
	tags     = "refs/tags/"
)

// newChange checks what a body says of a ref. A commit of nothing but zeros is how Git writes that there is none.
func newChange(ref, commit string, deleted bool) (Change, error) {
	switch {
	case !strings.HasPrefix(ref, "refs/") || !validName(ref):
		return Change{}, fmt.Errorf("%w: it names no full ref", ErrMalformed)
	case deleted || isCommit(commit) && strings.Trim(commit, "0") == "":
		return Change{Ref: ref, Deleted: true}, nil
	case commit != "" && !isCommit(commit):
		return Change{}, fmt.Errorf("%w: it names no full commit", ErrMalformed)
	}
	return Change{Ref: ref, Commit: commit}, nil
}

func validName(ref string) bool {
	return len(ref) <= MaxRefLength && utf8.ValidString(ref) && !strings.ContainsFunc(ref, unicode.IsControl)
}

// isCommit tells whether s is the whole hash of an object: SHA-1 or SHA-256, in lower case.
func isCommit(s string) bool {
	return (len(s) == 40 || len(s) == 64) && strings.Trim(s, "0123456789abcdef") == ""
}

// label is what a header says, or nothing where it is not fit to be stored and shown.
func label(s string, length int) string {
	if len(s) > length || strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' }) {
		return ""
	}
	return s
}
