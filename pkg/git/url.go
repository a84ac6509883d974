package git

import (
	"net/url"
	"regexp"
	"strings"
)

const maxURLLen = 4096

// place is where a repository is.
type place struct {
	*url.URL
	// scp: it was given as user@host:path, where the path is relative to the user's home.
	scp bool
}

// String is the URL in its normal spelling.
func (l place) String() string {
	if !l.scp {
		return l.URL.String()
	}
	host := l.Hostname()
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	return l.User.Username() + "@" + host + ":" + strings.TrimPrefix(l.Path, "/")
}

// command runs upload-pack at the other end of an SSH connection. The path is quoted for a POSIX shell, as Git does it: within single
// quotes, with the two characters outside of them that end a quote or that an interactive csh takes for history.
func (l place) command() string {
	path := l.Path
	// A path that begins with the home of a user (~name) or is relative to one's own has no leading slash there.
	if l.scp || strings.HasPrefix(path, "/~") {
		path = strings.TrimPrefix(path, "/")
	}
	return uploadPack + " '" + strings.NewReplacer(`'`, `'\''`, `!`, `'\!'`).Replace(path) + "'"
}

// address is host and port.
func (l place) address() string {
	host := l.Hostname()
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	return host + ":" + effectivePort(l.URL)
}

// SSHAddress is host and port of a URL for SSH: ssh://… or user@host:path. It is empty for any other.
func SSHAddress(raw string) string {
	if l, err := parseURL(raw); err == nil && l.Scheme == "ssh" {
		return l.address()
	}
	return ""
}

// defaultSSHUser is the user of all forges.
const defaultSSHUser = "git"

var (
	scpForm = regexp.MustCompile(`^([^@/:\[\]]+)@(\[[0-9A-Fa-f:.]+\]|[^@/:\[\]]+):(.+)$`)
	sshUser = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._+-]*$`)
	sshHost = regexp.MustCompile(`^([A-Za-z0-9_][A-Za-z0-9._-]*|[0-9A-Fa-f:.]+)$`)
)

// parseURL accepts what names a repository over HTTP(S) or SSH and nothing else, and brings it into one spelling. Errors never quote the
// URL or the parser's words about it: a password may be anywhere in it.
func parseURL(raw string) (place, error) {
	if len(raw) > maxURLLen {
		return place{}, failf(InvalidURL, "the URL is longer than %d bytes", maxURLLen)
	}
	if parts := scpForm.FindStringSubmatch(raw); parts != nil && !strings.Contains(raw, "://") {
		l := place{scp: true, URL: &url.URL{Scheme: "ssh", User: url.User(parts[1]), Host: parts[2], Path: "/" + strings.TrimLeft(parts[3], "/")}}
		// user@host:/path is no relative path.
		l.scp = !strings.HasPrefix(parts[3], "/")
		return l.normal(raw)
	}
	u, err := url.Parse(raw)
	if err != nil {
		return place{}, failf(InvalidURL, "the URL can not be parsed")
	}
	return place{URL: u}.normal(raw)
}

// normal checks a place and brings it into one spelling.
func (l place) normal(raw string) (place, error) {
	u := l.URL
	u.Scheme = strings.ToLower(u.Scheme)
	switch {
	case u.Scheme != "http" && u.Scheme != "https" && u.Scheme != "ssh":
		return l, failf(InvalidURL, "the URL must start with https://, http:// or ssh://, or be of the form user@host:path")
	case u.User != nil && u.Scheme != "ssh":
		return l, failf(InvalidURL, "the URL contains a user name or password")
	case u.Opaque != "" || u.Hostname() == "":
		return l, failf(InvalidURL, "the URL has no host")
	case u.RawQuery != "" || u.ForceQuery || l.scp && strings.Contains(u.Path, "?"):
		return l, failf(InvalidURL, "the URL has a query (?…)")
	case u.Fragment != "" || strings.Contains(raw, "#"):
		return l, failf(InvalidURL, "the URL has a fragment (#…)")
	case strings.ContainsFunc(u.Path, func(r rune) bool { return r < ' ' || r == 0x7f }):
		return l, failf(InvalidURL, "the URL contains a control character")
	}
	u.Host = strings.ToLower(u.Host)
	if p := u.Port(); p == "" || p == defaultPort(u.Scheme) {
		u.Host = strings.TrimSuffix(strings.TrimSuffix(u.Host, p), ":")
	}
	if u = u.JoinPath(); strings.Trim(u.Path, "/") == "" {
		return l, failf(InvalidURL, "the URL has no path")
	}
	u.Path, u.RawPath = strings.TrimRight(u.Path, "/"), strings.TrimRight(u.RawPath, "/")
	l.URL = u
	if u.Scheme == "ssh" {
		return l, l.checkSSH()
	}
	return l, nil
}

func (l place) checkSSH() error {
	if l.User == nil {
		l.User = url.User(defaultSSHUser)
	}
	if _, ok := l.User.Password(); ok {
		return failf(InvalidURL, "the URL contains a password")
	}
	if !sshUser.MatchString(l.User.Username()) {
		return failf(InvalidURL, "the user name in the URL has characters that are not allowed there")
	}
	if !sshHost.MatchString(l.Hostname()) {
		return failf(InvalidURL, "the host in the URL has characters that are not allowed there")
	}
	// The other end would take it for an option.
	if strings.HasPrefix(l.Path, "/-") && l.scp {
		return failf(InvalidURL, "the path must not begin with a dash")
	}
	return nil
}

func defaultPort(scheme string) string {
	switch scheme {
	case "https":
		return "443"
	case "ssh":
		return "22"
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
