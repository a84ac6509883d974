package git

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Code says what kind of failure an Error is, for code that decides and for a status condition's reason.
type Code string

// The codes of an Error.
const (
	InvalidURL         Code = "InvalidURL"
	InvalidRef         Code = "InvalidRef"         // can not exist in any repository
	InvalidCredentials Code = "InvalidCredentials" // can not be used
	HostNotFound       Code = "HostNotFound"
	Unreachable        Code = "Unreachable" // refused, reset, no route
	Timeout            Code = "Timeout"
	Canceled           Code = "Canceled" // the caller's context was cancelled
	Unauthorized       Code = "Unauthorized"
	Forbidden          Code = "Forbidden"
	RepositoryNotFound Code = "RepositoryNotFound"
	RateLimited        Code = "RateLimited" // Error.RetryAfter says how long, if the server did
	ServerError        Code = "ServerError"
	NotAGitServer      Code = "NotAGitServer"
	EmptyRepository    Code = "EmptyRepository"
	RefNotFound        Code = "RefNotFound"
	CommitNotFound     Code = "CommitNotFound"
	PathNotFound       Code = "PathNotFound"
	IsFolder           Code = "IsFolder" // where a file is wanted
	TooLarge           Code = "TooLarge" // Error.Limit and Error.Max say which limit
	Unsupported        Code = "Unsupported"
	Corrupt            Code = "Corrupt"
	Storage            Code = "Storage" // the cache folder can not be read or written

	HostKeyUnknown  Code = "HostKeyUnknown"
	HostKeyMismatch Code = "HostKeyMismatch"
	// CertificateUntrusted is the server's, ClientCertificateRefused the client's: missing, or not accepted.
	CertificateUntrusted     Code = "CertificateUntrusted"
	ClientCertificateRefused Code = "ClientCertificateRefused"
	ProxyUnauthorized        Code = "ProxyUnauthorized"
)

// Error is the type of every error of this package. Its text holds no credential and no user information of a URL.
type Error struct {
	Code Code
	Op   string // what was tried, as in "resolve"
	URL  string // the repository
	Ref  string // ref or commit, where there is one
	Path string // place in the tree, where there is one

	Limit string // the field of Limits that was exceeded, for TooLarge
	Max   int64  // its value

	RetryAfter time.Duration // how long the server asks to wait, zero if it does not

	Err error

	advice string // in place of the hint of the code
}

func (e *Error) Error() string {
	var b strings.Builder
	if e.Op != "" {
		b.WriteString(e.Op)
		if e.Ref != "" {
			fmt.Fprintf(&b, " %s", e.Ref)
		}
		if e.URL != "" {
			fmt.Fprintf(&b, " of %s", e.URL)
		}
		b.WriteString(": ")
	}
	if e.Path != "" {
		fmt.Fprintf(&b, "%q: ", e.Path)
	}
	if e.Err != nil {
		b.WriteString(e.Err.Error())
	} else {
		b.WriteString(string(e.Code))
	}
	return b.String()
}

func (e *Error) Unwrap() error { return e.Err }

// Hint says what a user can do about it: a sentence, or nothing where the error says it all.
func (e *Error) Hint() string {
	if e.advice != "" {
		return e.advice
	}
	if e.Code == TooLarge {
		return fmt.Sprintf("Make it smaller, split the repository, or raise the limit %s.", e.Limit)
	}
	if e.Code == Unsupported && e.Path == "" {
		return "Use a repository in the SHA-1 object format, on a server that speaks smart HTTP."
	}
	return hints[e.Code]
}

var hints = map[Code]string{
	InvalidURL:         "Use a URL like https://host/path/repo.git, ssh://git@host/path/repo.git or git@host:path/repo.git; put user name and password, token or key into the Secret.",
	InvalidRef:         "Give a branch, a tag, a full ref name that starts with refs/, or a full commit id.",
	InvalidCredentials: "Write the Secret again without a line break at the end of its values.",
	HostNotFound:       "Check the host name in the URL, and the DNS of the cluster.",
	Unreachable:        "Check host and port in the URL, network policies and proxies.",
	Timeout:            "The server was too slow; it is tried again. Raise the timeout if the repository is large.",
	Unauthorized:       "Check the user name and password or token in the Secret, and that the token has not expired. Many servers answer so for a repository that does not exist.",
	Forbidden:          "The credentials are known but may not read this repository: grant them read access.",
	RepositoryNotFound: "Check the path in the URL. Many servers answer so for a private repository without credentials that may read it.",
	RateLimited:        "The server wants fewer requests: poll less often and use webhooks.",
	ServerError:        "The Git server failed; it is tried again. Look at its logs if it goes on.",
	NotAGitServer:      "Check that the URL is the one to clone from, not that of a web page or of a login.",
	EmptyRepository:    "Push a commit to the default branch, or name another branch.",
	RefNotFound:        "Check the name. If the branch or tag was deleted, push it again or name another; nothing is removed from the cluster because of it.",
	CommitNotFound:     "Check the commit id. The commit may be gone after a force push, or the server may give out only commits that a branch or tag points to: name the branch or tag instead.",
	PathNotFound:       "Check the path; it is relative to the root of the repository and case-sensitive.",
	IsFolder:           "Name a file in it.",
	Unsupported:        "Move it out of the path that is synced, or replace it with a plain file.",
	Corrupt:            "What the server sent does not fit together; a fresh copy did not help. Run git fsck on the server.",
	Storage:            "Check free space and permissions of the cache folder.",

	HostKeyUnknown: "Add the host's keys to known_hosts in the Secret.",
	HostKeyMismatch: "If the host got a new key, and its owner says so, put it into known_hosts in the Secret. " +
		"If not, somebody may stand between: nothing was sent to it.",
	CertificateUntrusted:     "If the server's certificate is of an authority of your own, put that authority's certificate into the key ca.crt of the Secret.",
	ClientCertificateRefused: "Put a client certificate that the server accepts, and its key, into the keys tls.crt and tls.key of the Secret.",
	ProxyUnauthorized:        "Check the keys username and password of the Secret that spec.proxySecretRef names, or of HTTPS_PROXY where it names none.",
}

// CodeOf is the code of the first Error in err's chain, or empty.
func CodeOf(err error) Code {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Code
	}
	return ""
}

func failf(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Err: fmt.Errorf(format, args...)}
}

// advise says what can be done about it, where the code's hint would say too little.
func (e *Error) advise(hint string) *Error {
	e.advice = hint
	return e
}

func tooLarge[T int | int64](limit string, maximum T, format string, args ...any) *Error {
	what := fmt.Sprintf(format, args...)
	return &Error{Code: TooLarge, Limit: limit, Max: int64(maximum), Err: fmt.Errorf("%s, more than %d (%s)", what, maximum, limit)}
}

// guard turns a panic over what a server sent into an error.
func guard(fn func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = failf(Corrupt, "what the server sent can not be read: %v", p)
		}
	}()
	return fn()
}

// at adds where it happened, to errors of this package that do not know yet.
func at(path string, err error) error {
	if e, ok := errors.AsType[*Error](err); ok && e.Path == "" {
		located := *e
		located.Path = path
		return &located
	}
	return err
}

// describe makes an Error of any error, and says in it what was tried. An error of another origin is classified.
func describe(op, repository, ref string, err error) error {
	if err == nil {
		return nil
	}
	var e Error
	if known, ok := errors.AsType[*Error](err); ok {
		e = *known
	} else {
		e = classify(err)
	}
	if e.Op == "" {
		e.Op, e.URL, e.Ref = op, repository, ref
	}
	return &e
}
