package git

import (
	"context"
	"errors"
	"io"
	"net/url"
	"sync/atomic"
)

// remote asks one repository's server, and remembers how it wants to be asked.
type remote struct {
	transport
	url       *url.URL // as given
	userAgent string
	limits    Limits
	hosts     *hosts
	known     atomic.Pointer[server]
}

// resolve asks where the ref of that full name points. One request where the server speaks protocol version 2, at the first contact two.
func (r *remote) resolve(ctx context.Context, name string) (Revision, error) {
	var answer refAnswer
	err := r.withServer(ctx, search{name: name}, func(s *server, advertised refAnswer) (err error) {
		answer = advertised
		if s.v2 {
			answer, err = r.listRef(ctx, s, name)
		}
		return err
	})
	if err != nil {
		return Revision{}, err
	}
	switch {
	case answer.found:
		return answer.revision(name), nil
	case answer.empty:
		return Revision{}, failf(EmptyRepository, "the repository has no commit yet")
	case name == headRef && answer.target != "":
		return Revision{}, failf(EmptyRepository, "the repository's default branch %s has no commit yet", answer.target)
	case name == headRef:
		return Revision{}, failf(EmptyRepository, "the repository's default branch has no commit yet")
	}
	return Revision{}, failf(RefNotFound, "the repository has no %s", name)
}

// withServer runs a request against the server as it is known. If that fails as if the server had changed, it gets to know the server
// anew and tries once more. For version 0 every poll is a first contact, because that is where it lists its refs.
func (r *remote) withServer(ctx context.Context, wanted search, do func(*server, refAnswer) error) error {
	if s := r.known.Load(); s != nil && (s.v2 || wanted.isNothing()) {
		err := do(s, refAnswer{})
		if err == nil || !worthAsking(err) {
			return err
		}
		r.known.CompareAndSwap(s, nil)
	} else if s == nil {
		if guess := r.hosts.guess(r.url); guess != nil {
			err := do(guess, refAnswer{})
			if err == nil {
				r.known.Store(guess)
				return nil
			}
			if !guessMayBeWrong(err) {
				return err
			}
		}
	}
	s, answer, err := r.contact(ctx, wanted)
	if err != nil {
		return err
	}
	r.known.Store(s)
	r.hosts.learn(r.url, s)
	return do(s, answer)
}

// expected is the server as it is known or, from others of its host, most likely is; nil before the first contact.
func (r *remote) expected() *server {
	if s := r.known.Load(); s != nil {
		return s
	}
	return r.hosts.guess(r.url)
}

// guessMayBeWrong says whether a failure might come from a wrong guess at how the server is to be asked; those of the network, of
// credentials and of the caller's time do not.
func guessMayBeWrong(err error) bool {
	switch CodeOf(err) {
	case HostNotFound, Unreachable, Timeout, Canceled, Unauthorized, Forbidden, RateLimited, InvalidCredentials,
		HostKeyUnknown, HostKeyMismatch, CertificateUntrusted, ClientCertificateRefused, ProxyUnauthorized:
		return false
	}
	return true
}

// worthAsking says whether a failure might come from what is remembered of a server.
func worthAsking(err error) bool {
	e, ok := errors.AsType[*Error](err)
	if !ok {
		// A server that does not know the command may just hang up.
		return errors.Is(err, io.ErrUnexpectedEOF)
	}
	return e.Code == NotAGitServer || e.Code == RepositoryNotFound || e.Code == ServerError && errors.Is(err, errRemote)
}

func (r *remote) contact(ctx context.Context, wanted search) (*server, refAnswer, error) {
	body, base, err := r.advertisement(ctx)
	if err != nil {
		return nil, refAnswer{}, err
	}
	s, answer, err := parseAdvertisement(r.boundedAnswer(body), wanted)
	closeBody(body, err)
	if err != nil {
		return nil, refAnswer{}, err
	}
	s.base = base
	return &s, answer, nil
}

func (r *remote) listRef(ctx context.Context, s *server, name string) (refAnswer, error) {
	answer, err := ask(ctx, r, s, lsRefsRequest(s, r.userAgent, name), func(body io.Reader) (refAnswer, error) {
		return parseLsRefs(body, name)
	})
	if err != nil || answer.found || name == headRef {
		return answer, err
	}
	// Only to say what is wrong: no such ref, or no refs at all.
	some, err := ask(ctx, r, s, lsRefsRequest(s, r.userAgent, headRef, branchPrefix, tagPrefix), anyRef)
	return refAnswer{empty: !some}, err
}

func ask[T any](ctx context.Context, r *remote, s *server, text []byte, parse func(io.Reader) (T, error)) (T, error) {
	body, err := r.post(ctx, s, request{lsRefs, text})
	if err != nil {
		var none T
		return none, err
	}
	answer, err := parse(r.boundedAnswer(body))
	closeBody(body, err)
	return answer, err
}

func (r *remote) boundedAnswer(body io.Reader) io.Reader {
	return newLimitedReader(body, "MaxAdvertisementBytes", r.limits.MaxAdvertisementBytes)
}
