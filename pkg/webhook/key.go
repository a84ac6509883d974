package webhook

import (
	"errors"
	"net/netip"
	"net/url"
	"path"
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaxURLLength bounds a URL, in bytes.
const MaxURLLength = 2048

// ErrURL says that something is no URL of a repository. It never quotes it: there may be a password in it.
var ErrURL = errors.New("not the URL of a repository")

// schemes in which Git is spoken.
var schemes = map[string]bool{"https": true, "http": true, "ssh": true, "git": true, "git+ssh": true, "ssh+git": true, "git+https": true,
	"git+http": true}

// Key is the form in which two URLs of one repository are equal, whatever their scheme: host/path. User, password, port, query, fragment,
// ".git" and slashes at the end count for nothing, and neither does the case of letters, which hardly any server tells apart. The names
// that well-known hosts have beside their main one become that (see aliases). The key of a key is the key.
//
// Two repositories may share a key, on two ports of a host, say. A key therefore only says whose secrets are worth a try, and proves
// nothing.
func Key(raw string) (string, error) {
	raw = strings.Trim(raw, " \t\r\n")
	if len(raw) > MaxURLLength || !readable(raw) {
		return "", ErrURL
	}
	if u, ok := codeCommit(raw); ok {
		raw = u
	}
	authority, rest, err := split(raw)
	if err != nil {
		return "", err
	}
	host, ok := hostname(authority)
	rest, err = cleanPath(rest)
	if !ok || err != nil || rest == "" {
		return "", ErrURL
	}
	host, rest = alias(host, rest)
	return host + "/" + escapes.Replace(rest), nil
}

// readable is UTF-8 without control characters.
func readable(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, unicode.IsControl)
}

// split takes authority and path, without query and fragment, out of a URL, of the form of scp, [user@]host:path, or of a key, host/path.
func split(raw string) (authority, rest string, err error) {
	raw, _, _ = strings.Cut(raw, "#")
	raw, _, _ = strings.Cut(raw, "?")
	if scheme, after, ok := strings.Cut(raw, "://"); ok && !strings.ContainsAny(scheme, "/:@[") {
		if !schemes[strings.ToLower(scheme)] {
			return "", "", ErrURL
		}
		authority, rest, _ = strings.Cut(after, "/")
		return authority, rest, nil
	}
	authority, rest, _ = strings.Cut(raw, "/")
	// The colon of scp is the first one after the user and outside of the brackets of an IPv6 address.
	host := authority[strings.IndexByte(authority, '@')+1:]
	start := strings.IndexByte(host, ']') + 1
	if colon := strings.IndexByte(host[start:], ':'); colon >= 0 {
		end := len(authority) - len(host) + start + colon
		return authority[:end], raw[end+1:], nil
	}
	return authority, rest, nil
}

// hostname is the host of an authority in lower case, without user and port; of an IPv6 address with brackets, and without a zone.
func hostname(authority string) (string, bool) {
	host := authority[strings.LastIndexByte(authority, '@')+1:]
	if address, ok := strings.CutPrefix(host, "["); ok {
		address, port, ok := strings.Cut(address, "]")
		address, _, _ = strings.Cut(address, "%")
		ip, err := netip.ParseAddr(address)
		if !ok || err != nil || !ip.Is6() || port != "" && !strings.HasPrefix(port, ":") {
			return "", false
		}
		return "[" + ip.String() + "]", true
	}
	host, _, _ = strings.Cut(host, ":")
	host = strings.TrimRight(strings.ToLower(host), ".")
	return host, host != "" && !strings.ContainsFunc(host, notOfHost)
}

func notOfHost(r rune) bool {
	return !(unicode.IsLetter(r) || unicode.IsMark(r) || unicode.IsDigit(r) || r == '-' || r == '.' || r == '_')
}

// cleanPath decodes a path and takes away what does not count: empty and dotted segments, ".git", the case of letters.
func cleanPath(escaped string) (string, error) {
	p, err := url.PathUnescape(escaped)
	if err != nil || !readable(p) {
		return "", ErrURL
	}
	p = strings.ToLower(p)
	for {
		shorter := strings.TrimSuffix(strings.Trim(path.Clean("/"+p), "/"), ".git")
		if shorter == p {
			return p, nil
		}
		p = shorter
	}
}

// escapes keep a decoded path from being read in another way when it is taken for a URL again.
var escapes = strings.NewReplacer("%", "%25", "?", "%3f", "#", "%23", " ", "%20")
