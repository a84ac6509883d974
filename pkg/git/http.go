package git

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

const (
	uploadPack = "git-upload-pack"

	maxRedirects    = 5
	maxDrainedBytes = 64 << 10
	maxMessageBytes = 300
)

func newTransport() *http.Transport {
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		TLSHandshakeTimeout:    10 * time.Second,
		ForceAttemptHTTP2:      true,
		MaxIdleConns:           256,
		MaxIdleConnsPerHost:    16,
		IdleConnTimeout:        90 * time.Second,
		MaxResponseHeaderBytes: 64 << 10,
	}
}

// newHTTPClient follows redirects of the first request only: that is where Git follows them, and where a repository that moved is found.
func newHTTPClient(transport http.RoundTripper) *http.Client {
	return &http.Client{
		Transport: transport,
		CheckRedirect: func(req *http.Request, via []*http.Request) error {
			first := via[0]
			if first.Method != http.MethodGet {
				return http.ErrUseLastResponse
			}
			if len(via) > maxRedirects {
				return failf(NotAGitServer, "more than %d redirects", maxRedirects)
			}
			if req.URL.Scheme != "https" && (req.URL.Scheme != "http" || via[len(via)-1].URL.Scheme == "https") {
				return failf(Unreachable, "the server redirects from https to %.20s, which is not followed", req.URL.Scheme)
			}
			req.URL.User = nil
			for _, hop := range append(via[1:], req) {
				if !sameOrigin(hop.URL, first.URL) {
					req.Header.Del("Authorization")
				}
			}
			return nil
		},
	}
}

// endpoint speaks smart HTTP to one repository.
type endpoint struct {
	client    *http.Client
	url       *url.URL // as given; credentials go to its origin only
	cred      *Credentials
	userAgent string
}

// advertisement asks for what the server offers. The second result is the repository's URL after redirects.
func (e *endpoint) advertisement(ctx context.Context) (io.ReadCloser, *url.URL, error) {
	u := e.url.JoinPath("info/refs")
	u.RawQuery = "service=" + uploadPack
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, nil, err
	}
	resp, err := e.do(req, "application/x-"+uploadPack+"-advertisement")
	if err != nil {
		return nil, nil, err
	}
	base := *resp.Request.URL
	base.RawQuery, base.User = "", nil
	path, ok := strings.CutSuffix(base.Path, "/info/refs")
	if !ok {
		_ = resp.Body.Close()
		return nil, nil, failf(NotAGitServer, "the server redirects to something that is not a Git repository")
	}
	base.Path, base.RawPath = path, strings.TrimSuffix(base.RawPath, "/info/refs")
	return resp.Body, &base, nil
}

// post sends a request of the protocol to the repository at base.
func (e *endpoint) post(ctx context.Context, base *url.URL, body []byte) (io.ReadCloser, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, base.JoinPath(uploadPack).String(), bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/x-"+uploadPack+"-request")
	resp, err := e.do(req, "application/x-"+uploadPack+"-result")
	if err != nil {
		return nil, err
	}
	return resp.Body, nil
}

func (e *endpoint) do(req *http.Request, wantType string) (*http.Response, error) {
	req.Header.Set("Git-Protocol", "version=2")
	req.Header.Set("User-Agent", e.userAgent)
	req.Header.Set("Accept", wantType)
	if sameOrigin(req.URL, e.url) {
		e.cred.set(req.Header)
	}
	resp, err := e.client.Do(req)
	if err != nil {
		// Where a redirect is refused there is a response too; its body is closed already.
		return nil, err
	}
	if err := statusError(resp, e.cred.IsZero()); err != nil {
		_ = resp.Body.Close()
		return nil, err
	}
	if got, _, err := mime.ParseMediaType(resp.Header.Get("Content-Type")); err != nil || got != wantType {
		_ = resp.Body.Close()
		return nil, failf(NotAGitServer, "the server's answer is no answer of a Git server (content type %.60q)", resp.Header.Get("Content-Type"))
	}
	return resp, nil
}

func statusError(resp *http.Response, anonymous bool) error {
	status := resp.StatusCode
	if status == http.StatusOK {
		return nil
	}
	text := fmt.Sprintf("the server answered %d %s", status, http.StatusText(status))
	switch {
	case status == http.StatusUnauthorized && anonymous:
		return failf(Unauthorized, "%s: it asks for credentials and there are none", text)
	case status == http.StatusUnauthorized:
		return failf(Unauthorized, "%s: it does not accept the credentials", text)
	case status == http.StatusForbidden:
		return failf(Forbidden, "%s", text)
	case status == http.StatusNotFound, status == http.StatusGone:
		return failf(RepositoryNotFound, "%s: there is no such repository", text)
	case status == http.StatusTooManyRequests:
		err := failf(RateLimited, "%s", text)
		err.RetryAfter = retryAfter(resp.Header, time.Now())
		return err
	case status >= 500:
		err := failf(ServerError, "%s", text)
		err.RetryAfter = retryAfter(resp.Header, time.Now())
		return err
	default:
		return failf(NotAGitServer, "%s", text)
	}
}

const maxRetryAfter = 24 * time.Hour

// retryAfter reads both forms of the header, RFC 9110 section 10.2.3.
func retryAfter(h http.Header, now time.Time) time.Duration {
	value := h.Get("Retry-After")
	var wait time.Duration
	if seconds, err := strconv.ParseUint(value, 10, 31); err == nil {
		wait = time.Duration(seconds) * time.Second
	} else if when, err := http.ParseTime(value); err == nil {
		wait = when.Sub(now)
	}
	return min(max(wait, 0), maxRetryAfter)
}

// closeBody ends an answer. Where all went well it reads the little that may be left, so that the connection can be used again.
func closeBody(body io.ReadCloser, err error) {
	if err == nil {
		_, _ = io.CopyN(io.Discard, body, maxDrainedBytes)
	}
	_ = body.Close()
}

// limitedReader fails, rather than ends, at its limit.
type limitedReader struct {
	r     io.Reader
	left  int64
	limit string
	max   int64
}

func newLimitedReader(r io.Reader, limit string, maximum int64) *limitedReader {
	return &limitedReader{r: r, left: maximum, limit: limit, max: maximum}
}

func (l *limitedReader) Read(p []byte) (int, error) {
	if l.left <= 0 {
		// The limit itself is allowed: only a byte beyond it is too many.
		var one [1]byte
		n, err := l.r.Read(one[:])
		if n == 0 {
			return 0, err
		}
		return 0, tooLarge(l.limit, l.max, "the server's answer has too many bytes")
	}
	n, err := l.r.Read(p[:min(int64(len(p)), l.left)])
	l.left -= int64(n)
	return n, err
}

// errRemote marks what a server reported within the protocol.
var errRemote = errors.New("the Git server reports")

// remoteError sorts what a server says in an ERR packet or on the error channel. The texts are those of upload-pack and its kin.
func remoteError(message string) error {
	message = printable(message)
	lower := strings.ToLower(message)
	code := ServerError
	switch {
	case strings.Contains(lower, "not our ref"), strings.Contains(lower, "unadvertised object"), strings.Contains(lower, "not valid"):
		code = CommitNotFound
	case strings.Contains(lower, "corruption"):
		code = Corrupt
	case strings.Contains(lower, "not found"), strings.Contains(lower, "not exported"):
		code = RepositoryNotFound
	}
	return failf(code, "%w: %s", errRemote, message)
}

// printable makes text of a server fit for a log or a status.
func printable(s string) string {
	s = strings.ToValidUTF8(strings.TrimSpace(s), "")
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, s)
	if len(s) > maxMessageBytes {
		s = strings.ToValidUTF8(s[:maxMessageBytes], "") + "…"
	}
	return s
}
