package git

import (
	"net/url"
	"strings"
)

const maxURLLen = 4096

// parseURL accepts what names a repository over HTTP(S) and nothing else, and brings it into one spelling. Errors never quote the
// URL or the parser's words about it: a password may be anywhere in it.
func parseURL(raw string) (*url.URL, error) {
	if len(raw) > maxURLLen {
		return nil, failf(InvalidURL, "the URL is longer than %d bytes", maxURLLen)
	}
	u, err := url.Parse(raw)
	if err != nil {
		return nil, failf(InvalidURL, "the URL can not be parsed")
	}
	u.Scheme = strings.ToLower(u.Scheme)
	switch {
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, failf(InvalidURL, "the URL must start with https:// or http://")
	case u.User != nil:
		return nil, failf(InvalidURL, "the URL contains a user name or password")
	case u.Opaque != "" || u.Hostname() == "":
		return nil, failf(InvalidURL, "the URL has no host")
	case u.RawQuery != "" || u.ForceQuery:
		return nil, failf(InvalidURL, "the URL has a query (?…)")
	case u.Fragment != "" || strings.Contains(raw, "#"):
		return nil, failf(InvalidURL, "the URL has a fragment (#…)")
	case strings.ContainsFunc(u.Path, func(r rune) bool { return r < ' ' || r == 0x7f }):
		return nil, failf(InvalidURL, "the URL contains a control character")
	}
	u.Host = strings.ToLower(u.Host)
	if p := u.Port(); p == "" || p == defaultPort(u.Scheme) {
		u.Host = strings.TrimSuffix(strings.TrimSuffix(u.Host, p), ":")
	}
	if u = u.JoinPath(); strings.Trim(u.Path, "/") == "" {
		return nil, failf(InvalidURL, "the URL has no path")
	}
	u.Path, u.RawPath = strings.TrimRight(u.Path, "/"), strings.TrimRight(u.RawPath, "/")
	return u, nil
}

func defaultPort(scheme string) string {
	if scheme == "https" {
		return "443"
	}
	return "80"
}

func sameOrigin(a, b *url.URL) bool {
	return a.Scheme == b.Scheme && strings.EqualFold(a.Hostname(), b.Hostname()) && effectivePort(a) == effectivePort(b)
}

func effectivePort(u *url.URL) string {
	if p := u.Port(); p != "" {
		return p
	}
	return defaultPort(u.Scheme)
}
