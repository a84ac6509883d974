// Package webhook reads what Git providers send when somebody has pushed: it recognises the provider, verifies that the delivery was
// signed with a known secret, and tells which refs of which repository moved. It also tells which URLs name the same repository.
//
// Deliveries are hostile until they are verified, and bodies are afterwards too. Everything here is pure: no client, no storage, and the
// clock is passed in. Which GitRepositories a delivery is for, whose secrets are tried, and what is stored, is the API server's business.
package webhook

import (
	"errors"
	"net/http"
	"time"
)

// Delivery is one request of a provider, with its body as it came.
type Delivery struct {
	Header http.Header
	Body   []byte
}

// Secret is what a sender and NOPEA both know.
type Secret []byte

// Provider is a kind of sender.
type Provider interface {
	// Name of the provider, as it is in the path of the listener and in the status: "github".
	Name() string
	// Recognises tells whether a delivery is this provider's, by its headers, and by the form of its body only where there is no other
	// way. It proves nothing.
	Recognises(d *Delivery) bool
	// Verify fails unless the delivery was signed with one of the secrets: with ErrUnsigned where it holds no signature at all, or there is
	// no secret; with ErrSignature where it fits none of them; with ErrStale where it is rightly signed and too old, or of the future. It
	// takes as long for one wrong secret as for another.
	Verify(d *Delivery, secrets []Secret, now time.Time) error
	// URLs are those by which the body names its repository, at most MaxURLs, and nothing else of it. For a body that is not verified yet:
	// it reads no further than it has to.
	URLs(d *Delivery) ([]string, error)
	// Parse says what a verified delivery is about.
	Parse(d *Delivery) (*Event, error)
}

// Errors of Verify, URLs and Parse; others wrap them.
var (
	ErrUnsigned  = errors.New("the delivery holds no signature")
	ErrSignature = errors.New("the signature does not fit any secret")
	ErrStale     = errors.New("the delivery is too old")
	ErrMalformed = errors.New("the delivery cannot be read")
	// ErrPanic comes together with ErrMalformed, from Read and NamedURLs alone: the reader itself has a fault, which is worth counting.
	ErrPanic = errors.New("reading the delivery panicked")
)

const (
	// MaxURLs bounds the URLs that are taken out of one body.
	MaxURLs = 16
	// MaxChanges bounds the ref changes that are taken out of one body. An Event of more has none, and so says that something moved.
	MaxChanges = 1000
	// MaxRefLength bounds the full name of a ref.
	MaxRefLength = 250
	// MaxIDLength bounds Event.ID; a longer one is left out.
	MaxIDLength = 128
)

// Kind is what an Event is.
type Kind int

const (
	// Push says that refs moved.
	Push Kind = iota
	// Ping is the provider's test.
	Ping
	// Other calls for nothing: it is about issues, pull requests and the like.
	Other
)

// Event is what a delivery says.
type Event struct {
	Kind Kind
	// Name that the provider gives to the event, such as "push".
	Name string
	// ID of the delivery, the same when it is sent again; empty where the provider gives none.
	ID string
	// URLs by which the body names its repository.
	URLs []string
	// DefaultBranch of the repository, short; empty where the provider does not tell.
	DefaultBranch string
	// Changes of refs, in the order of the body. A Push without any says only that something moved.
	Changes []Change
}

// Change is a ref that moved.
type Change struct {
	// Ref is the full name: refs/heads/main.
	Ref string
	// Commit that it points to since: 40 or 64 lower-case hexadecimal digits. For an annotated tag it may be the tag object. Empty where
	// the ref was deleted, or the provider does not tell.
	Commit string
	// Deleted refs lead to nothing.
	Deleted bool
}
