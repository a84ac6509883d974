package git

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"k8s.io/klog/v2"
)

// Source is one repository, as it can be seen with one credential. It is safe for concurrent use, holds nothing that must be closed, and may be kept or
// asked for anew each time.
type Source struct {
	cache *Cache
	key   string
	at    place
	cred  *Credentials
}

// URL is the repository's URL in its normal spelling.
func (s *Source) URL() string { return s.at.String() }

// String is the URL.
func (s *Source) String() string { return s.URL() }

// sourceState is what all Sources of one key share.
type sourceState struct {
	remote   remote
	store    *store
	resolves calls[Revision]
	fetches  calls[*Snapshot]
	hints    calls[struct{}]
	slot     chan struct{} // taken by whoever writes the store
	wanted   wanted

	users    int       // guarded by Cache.mu
	lastUsed time.Time // guarded by Cache.mu
}

func newSourceState(c *Cache, s *Source) *sourceState {
	return &sourceState{
		remote: remote{
			transport: newTransport(c, s),
			url:       s.at.URL,
			userAgent: c.opts.UserAgent,
			limits:    c.opts.Limits,
			hosts:     &c.hosts,
		},
		store: &store{dir: filepath.Join(c.opts.Dir, s.key), url: s.URL(), limits: c.opts.Limits},
		slot:  make(chan struct{}, 1),
	}
}

// Resolve asks the remote where the ref points, with one small request. It may return the answer to a request of somebody else
// if that one began at or after since; the zero time means now. A commit needs no request: whether it exists shows when it is fetched.
func (s *Source) Resolve(ctx context.Context, ref Ref, since time.Time) (Revision, error) {
	if err := ref.Validate(); err != nil {
		return Revision{}, s.describe("resolve", ref.String(), err)
	}
	if ref.Commit != "" {
		return Revision{Hash: strings.ToLower(ref.Commit)}, nil
	}
	if since.IsZero() {
		since = time.Now()
	}
	st := s.cache.acquire(s)
	defer s.cache.release(st)
	name := ref.Full()
	rev, err := st.resolves.do(ctx, cmp.Or(name, ref.String()), since, true, func(ctx context.Context) (Revision, error) {
		if name == "" {
			return st.remote.resolveVersion(ctx, ref.Semver)
		}
		return st.remote.resolve(ctx, name)
	})
	return rev, s.describe("resolve", ref.String(), err)
}

// Fetch makes the tree of a commit available. It asks the remote only if the tree is not here yet, and then transfers only what is new
// against the commits that are. The snapshot is complete: every object of the tree was seen to be there.
func (s *Source) Fetch(ctx context.Context, rev Revision) (*Snapshot, error) {
	if err := validateRevision(rev); err != nil {
		return nil, s.describe("fetch", rev.Hash, err)
	}
	st := s.cache.acquire(s)
	defer s.cache.release(st)
	snapshot, err := st.fetch(ctx, s, rev)
	return snapshot, s.describe("fetch", rev.Hash, err)
}

// Cached opens the tree of a commit that was fetched before, without asking the remote for anything.
func (s *Source) Cached(rev Revision) (*Snapshot, error) {
	if err := validateRevision(rev); err != nil {
		return nil, s.describe("open", rev.Hash, err)
	}
	st := s.cache.acquire(s)
	defer s.cache.release(st)
	if !st.store.has(rev.Hash) {
		return nil, s.describe("open", rev.Hash, &Error{Code: CommitNotFound, Err: errors.New("it is not in the cache")})
	}
	snapshot, err := st.snapshot(s, rev)
	return snapshot, s.describe("open", rev.Hash, err)
}

func validateRevision(rev Revision) error {
	if err := validateCommitID(rev.Hash); err != nil {
		return err
	}
	if rev.Tag != "" {
		return validateCommitID(rev.Tag)
	}
	return nil
}

func (s *Source) describe(op, ref string, err error) error {
	if err == nil {
		return nil
	}
	err = describe(op, s.URL(), ref, err)
	// Words of the server's may be in it, and a server may repeat what it was sent.
	if e, ok := errors.AsType[*Error](err); ok && e.Err != nil {
		text := e.Err.Error()
		if clean := s.cache.installations.scrub(s.cred.GitHubApp, s.cred.scrub(text)); clean != text {
			e.Err = errors.New(clean)
		}
	}
	return err
}

func (st *sourceState) fetch(ctx context.Context, s *Source, rev Revision) (*Snapshot, error) {
	if st.store.has(rev.Hash) {
		snapshot, err := st.snapshot(s, rev)
		if err == nil || !errors.Is(err, errDamaged) {
			return snapshot, err
		}
	}
	return st.fetches.do(ctx, rev.Hash, time.Time{}, false, func(ctx context.Context) (*Snapshot, error) {
		defer st.wanted.know(rev.Hash)()
		if err := st.writing(ctx, func() error { return st.ensure(ctx, rev) }); err != nil {
			return nil, err
		}
		return st.snapshot(s, rev)
	})
}

// writing does what writes the store, as nobody else does meanwhile.
func (st *sourceState) writing(ctx context.Context, write func() error) error {
	select {
	case st.slot <- struct{}{}:
		defer func() { <-st.slot }()
	case <-ctx.Done():
		return ctx.Err()
	}
	return write()
}

// snapshot opens what is in the store, and throws the store away if it can not be read.
func (st *sourceState) snapshot(s *Source, rev Revision) (*Snapshot, error) {
	var snapshot *Snapshot
	err := st.view(func(v view) (err error) {
		snapshot, err = newSnapshot(s, rev, v)
		return err
	})
	return snapshot, err
}

// view runs fn over the objects in the store. A damaged store is thrown away.
func (st *sourceState) view(fn func(view) error) error {
	v, generation, err := st.store.open()
	if err == nil {
		err = fn(v)
		v.close()
	}
	if errors.Is(err, errDamaged) {
		if discardErr := st.store.discard(generation); discardErr != nil {
			return discardErr
		}
	}
	return err
}

// ensure transfers a commit unless another caller just did. The caller holds the slot.
func (st *sourceState) ensure(ctx context.Context, rev Revision) error {
	if st.store.has(rev.Hash) {
		return nil
	}
	return st.get(ctx, rev)
}

// get transfers a commit, and the tag by which it was named. The caller holds the slot.
func (st *sourceState) get(ctx context.Context, rev Revision) error {
	return st.remote.withServer(ctx, search{}, func(srv *server, _ refAnswer) error {
		return st.transfer(ctx, srv, rev)
	})
}

// attempt is a way to get a commit, from the cheapest to the most certain.
type attempt struct {
	name  string
	have  string
	depth int
}

func (st *sourceState) attempts(srv *server, ref string) []attempt {
	var list []attempt
	if srv.shallow {
		if have, ok := st.store.nearest(ref); ok {
			list = append(list, attempt{"incremental", have, 1})
		}
		list = append(list, attempt{"shallow", "", 1})
	}
	return append(list, attempt{"full", "", 0})
}

func (st *sourceState) transfer(ctx context.Context, srv *server, rev Revision) error {
	logger := klog.FromContext(ctx)
	var err error
	for _, a := range st.attempts(srv, rev.Ref) {
		began := time.Now()
		if err = st.try(ctx, srv, rev, a); err == nil {
			logger.V(4).Info("Fetched from Git", "url", st.store.url, "commit", rev.Hash, "how", a.name, "duration", time.Since(began))
			return nil
		}
		if !anotherWay(a, err) {
			return err
		}
		logger.V(2).Info("Could not fetch from Git this way, trying another", "url", st.store.url, "commit", rev.Hash, "how", a.name, "reason", string(CodeOf(err)))
	}
	return err
}

// anotherWay says whether asking for more might succeed where this failed.
func anotherWay(a attempt, err error) bool {
	if isTransport(err) {
		return a.have != "" && (errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF))
	}
	e, ok := errors.AsType[*Error](err)
	if !ok {
		return false
	}
	switch e.Code {
	case Corrupt:
		return true
	case ServerError, NotAGitServer:
		return errors.Is(err, errRemote) || a.have != ""
	case TooLarge:
		return e.Limit == "MaxStoreBytes" && a.have != ""
	}
	return false
}

// isTransport says that it is the connection that failed, not what came over it.
func isTransport(err error) bool {
	if _, ok := errors.AsType[*Error](err); ok {
		return false
	}
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, io.EOF) ||
		errors.Is(err, io.ErrUnexpectedEOF) || isNetError(err)
}

// try makes one attempt. It leaves the store as it was, or with the commit complete in it.
func (st *sourceState) try(ctx context.Context, srv *server, rev Revision, a attempt) error {
	var bases view
	if a.have != "" {
		v, _, err := st.store.open()
		if err != nil {
			return err
		}
		defer v.close()
		bases = v
	}
	w, err := st.store.writer(bases.bytes())
	if err != nil {
		return err
	}
	defer w.abort()
	// The object of an annotated tag is what a ref points to, so every server gives it out, and its commit with it.
	req := packRequest{want: rev.Hash, have: a.have, depth: a.depth}
	if rev.Tag != "" {
		req.want = rev.Tag
	}
	if err := st.receive(ctx, srv, req, w, bases); err != nil {
		return err
	}
	commit := kept{Commit: rev.Hash, Ref: rev.Ref}
	if _, came := w.index[plumbing.NewHash(rev.Tag)]; came && rev.Tag != "" {
		commit.Tag = rev.Tag
	}
	return st.store.add(ctx, w, commit, a.have)
}

func (st *sourceState) receive(ctx context.Context, srv *server, req packRequest, w *segmentWriter, bases view) error {
	err := st.remote.receivePack(ctx, srv, req, func(pack io.Reader) error {
		return unpack(pack, w, bases, st.store.limits)
	})
	if ctxErr := ctx.Err(); err != nil && ctxErr != nil {
		return fmt.Errorf("receive the pack: %w", ctxErr)
	}
	return err
}
