package git

import (
	"context"
	"errors"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
)

// Raw is the content of the commit object itself, byte for byte: what its id was computed from, and what a signature in it is about.
func (s *Snapshot) Raw(ctx context.Context) ([]byte, error) {
	var data []byte
	err := s.read(ctx, "", func(r *reader) (err error) {
		data, err = r.view.get(plumbing.NewHash(s.rev.Hash), plumbing.CommitObject)
		return err
	})
	return data, err
}

// Tag is the content of the annotated tag of a revision, byte for byte. It asks the remote only if the tag is not here: it comes along with
// a commit that is fetched by it.
func (s *Source) Tag(ctx context.Context, rev Revision) ([]byte, error) {
	if err := validateTagged(rev); err != nil {
		return nil, s.describe("fetch the tag of", rev.Hash, err)
	}
	st := s.cache.acquire(s)
	defer s.cache.release(st)
	data, err := st.tag(rev)
	if err == nil {
		return data, nil
	}
	_, err = st.fetches.do(ctx, rev.Tag, time.Time{}, false, func(ctx context.Context) (*Snapshot, error) {
		defer st.wanted.know(rev.Hash)()
		return nil, st.writing(ctx, func() error {
			if _, err := st.tag(rev); err == nil {
				return nil
			}
			return st.get(ctx, rev)
		})
	})
	if err == nil {
		data, err = st.tag(rev)
	}
	return data, s.describe("fetch the tag of", rev.Hash, err)
}

// CachedTag is the annotated tag with which a commit was fetched, if it is here: its id and its content.
func (s *Source) CachedTag(commit string) (id string, data []byte, err error) {
	st := s.cache.acquire(s)
	defer s.cache.release(st)
	rev := Revision{Hash: commit, Tag: st.store.tagOf(commit)}
	if err := validateTagged(rev); err != nil {
		return "", nil, s.describe("open the tag of", commit, err)
	}
	data, err = st.tag(rev)
	return rev.Tag, data, s.describe("open the tag of", commit, err)
}

func validateTagged(rev Revision) error {
	if rev.Tag == "" {
		return &Error{Code: CommitNotFound, Err: errors.New("no annotated tag of it is known")}
	}
	return validateRevision(rev)
}

// tag reads a tag from the store. One that is missing there is no damage: a commit that was fetched by a branch has none with it.
func (st *sourceState) tag(rev Revision) ([]byte, error) {
	var data []byte
	err := st.view(func(v view) (err error) {
		if _, _, ok := v.find(plumbing.NewHash(rev.Tag)); !ok {
			return &Error{Code: CommitNotFound, Err: errors.New("the tag is not in the cache")}
		}
		data, err = v.get(plumbing.NewHash(rev.Tag), plumbing.TagObject)
		return err
	})
	return data, err
}

// tagOf is the id of the annotated tag with which a commit was fetched; empty when there was none.
func (s *store) tagOf(commit string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.load()
	for _, k := range s.current.Snapshots {
		if k.Commit == commit {
			return k.Tag
		}
	}
	return ""
}
