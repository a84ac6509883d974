package git

import (
	"context"
	"errors"
	"sync"
	"time"
)

// Anticipate fetches a commit of which somebody says that a ref points to it, so that it is here already if the remote says so too. It
// is worth no more than one request: it fails where the server was not talked to before, where it does not know the commit or does not
// give it out, and where another transfer goes on. A Fetch of the same commit waits for it, and one of another ends it. It leaves nothing
// but objects in the store, and the limits of a Fetch hold.
func (s *Source) Anticipate(ctx context.Context, rev Revision) error {
	if err := validateRevision(rev); err != nil {
		return s.describe("anticipate", rev.Hash, err)
	}
	st := s.cache.acquire(s)
	defer s.cache.release(st)
	if st.store.has(rev.Hash) {
		return nil
	}
	_, err := st.hints.do(ctx, rev.Hash, time.Time{}, false, func(ctx context.Context) (struct{}, error) {
		return struct{}{}, st.anticipate(ctx, rev)
	})
	return s.describe("anticipate", rev.Hash, err)
}

// Has tells whether the tree of a commit is here.
func (s *Source) Has(commit string) bool {
	st := s.cache.acquire(s)
	defer s.cache.release(st)
	return st.store.has(commit)
}

// Same tells whether two Sources share everything: they have the same URL and credentials.
func (s *Source) Same(other *Source) bool {
	return other != nil && s.cache == other.cache && s.key == other.key
}

var errBusy = errors.New("another transfer goes on")

func (st *sourceState) anticipate(ctx context.Context, rev Revision) error {
	srv := st.remote.expected()
	if srv == nil {
		return errors.New("the server is not known yet")
	}
	if !srv.shallow {
		// Whole histories take the place of what is in the store: only a Fetch may do that.
		return failf(Unsupported, "the server does not give out single commits")
	}
	ctx, end, ok := st.wanted.suppose(ctx, rev.Hash)
	if !ok {
		return errBusy
	}
	defer end()
	select {
	case st.slot <- struct{}{}:
		defer func() { <-st.slot }()
	default:
		return errBusy
	}
	if st.store.has(rev.Hash) {
		return nil
	}
	return st.try(ctx, srv, rev, st.attempts(srv, rev.Ref)[0])
}

// wanted holds which commits are to be transferred: any number that are known to be wanted, and at most one that is supposed to be. The
// latter gives way to the others.
type wanted struct {
	mu      sync.Mutex
	known   map[string]int
	guess   string
	giveWay context.CancelFunc
}

// suppose enters a commit that may be wanted; false when others come first. The context ends when it has to give way.
func (w *wanted) suppose(ctx context.Context, commit string) (context.Context, context.CancelFunc, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.guess != "" || len(w.known) > 0 {
		return nil, nil, false
	}
	ctx, cancel := context.WithCancel(ctx)
	w.guess, w.giveWay = commit, cancel
	return ctx, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.guess, w.giveWay = "", nil
		cancel()
	}, true
}

// know enters a commit that is wanted until the function that is returned is called. What was only supposed gives way, unless it is a
// commit that is wanted.
func (w *wanted) know(commit string) func() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.known == nil {
		w.known = make(map[string]int)
	}
	w.known[commit]++
	if w.guess != "" && w.known[w.guess] == 0 {
		w.giveWay()
	}
	return func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.known[commit]--; w.known[commit] == 0 {
			delete(w.known, commit)
		}
	}
}
