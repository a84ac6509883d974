package git

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

const (
	maxRedirects    = 5
	maxDrainedBytes = 64 << 10
	maxMessageBytes = 300
)

// httpTransport speaks smart HTTP to one repository, gitprotocol-http(5).
type httpTransport struct {
	clients       *httpClients
	installations *installations
	url           *url.URL // as given; credentials go to its origin only
	cred          *Credentials
	userAgent     string
}

func (t *httpTransport) advertisement(ctx context.Context) (io.ReadCloser, *url.URL, error) {
	u := t.url.JoinPath("info/refs")
	u.RawQuery = "service=" + uploadPack
	resp, err := t.do(ctx, http.MethodGet, u, nil, "application/x-"+uploadPack+"-advertisement")
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

func (t *httpTransport) post(ctx context.Context, s *server, request request) (io.ReadCloser, error) {
	resp, err := t.do(ctx, http.MethodPost, s.base.JoinPath(uploadPack), request.text, "application/x-"+uploadPack+"-result")
	if err != nil {
		return nil, err
	}
	return resp.Body, nil
}

// do sends a request, with the credentials if it goes to their origin. What a GitHub App is refused is tried once more with a new token:
// the one at hand may have been revoked.
func (t *httpTransport) do(ctx context.Context, method string, u *url.URL, body []byte, wantType string) (*http.Response, error) {
	client, release, err := t.clients.take(t.cred.connection())
	if err != nil {
		return nil, err
	}
	resp, err := t.send(ctx, client, method, u, body, wantType)
	if err == nil && resp.StatusCode == http.StatusUnauthorized && t.usesApp(resp.Request.URL) {
		_ = resp.Body.Close()
		t.installations.forget(t.cred.GitHubApp, resp.Request.Header.Get("Authorization"))
		resp, err = t.send(ctx, client, method, u, body, wantType)
	}
	if err != nil {
		release()
		return nil, err
	}
	resp.Body = &releasing{ReadCloser: resp.Body, release: release}
	if err := statusError(resp, t.cred.anonymous()); err != nil {
		_ = resp.Body.Close()
		return nil, err
	}
	if got, _, err := mime.ParseMediaType(resp.Header.Get("Content-Type")); err != nil || got != wantType {
		_ = resp.Body.Close()
		return nil, failf(NotAGitServer, "the server's answer is no answer of a Git server (content type %.60q)", resp.Header.Get("Content-Type"))
	}
	return resp, nil
}

func (t *httpTransport) usesApp(u *url.URL) bool {
	return !t.cred.GitHubApp.isZero() && sameOrigin(u, t.url)
}

func (t *httpTransport) send(ctx context.Context, client *http.Client, method string, u *url.URL, body []byte, wantType string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, u.String(), bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	if method == http.MethodPost {
		req.Header.Set("Content-Type", "application/x-"+uploadPack+"-request")
	}
	req.Header.Set("Git-Protocol", "version=2")
	req.Header.Set("User-Agent", t.userAgent)
	req.Header.Set("Accept", wantType)
	switch {
	case t.usesApp(u):
		token, err := t.installations.token(ctx, t.clients, t.cred, t.url)
		if err != nil {
			return nil, err
		}
		req.Header.Set("Authorization", basic(installationUser, token))
	case sameOrigin(u, t.url):
		if header := t.cred.header(); header != "" {
			req.Header.Set("Authorization", header)
		}
	}
	// Where a redirect is refused there is a response too; its body is closed already.
	return client.Do(req)
}

// releasing gives a client back with the end of an answer.
type releasing struct {
	io.ReadCloser
	release func()
}

func (r *releasing) Close() error {
	err := r.ReadCloser.Close()
	r.release()
	return err
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
	case status == http.StatusProxyAuthRequired:
		return proxyRefuses(text)
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
