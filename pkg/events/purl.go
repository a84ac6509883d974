package events

import (
	"net/url"
	"regexp"
	"strings"

	"github.com/google/uuid"
)

// maxURL is how many bytes the URL of a repository or a sink may have.
const maxURL = 4096

// artifactID is the package URL (purl) of a commit: the name by which other tools know it too. Without a commit it names the
// repository alone.
func artifactID(repositoryURL, commit string) string {
	version := ""
	if commit != "" {
		version = "@" + escape(commit)
	}
	u := repository(repositoryURL)
	if u == nil {
		return "pkg:generic/repository" + version
	}
	names := segments(u.Path)
	last := len(names) - 1
	if name := strings.TrimSuffix(names[last], ".git"); name != "" {
		names[last] = name
	}
	for i := range names {
		names[i] = escape(names[i])
	}
	name := strings.Join(names, "/")
	switch host := forge(u); {
	case host == "github.com" && len(names) == 2:
		return "pkg:github/" + strings.ToLower(name) + version
	case host == "bitbucket.org" && len(names) == 2:
		return "pkg:bitbucket/" + strings.ToLower(name) + version
	case host == "gitlab.com" && len(names) >= 2:
		return "pkg:gitlab/" + name + version
	}
	source := "git+" + u.String()
	if commit != "" {
		source += "@" + commit
	}
	return "pkg:generic/" + name + version + "?vcs_url=" + escape(source)
}

// chainID is the same for all events of a commit, of whatever cluster: the version 5 UUID of its package URL. Empty without a commit.
func chainID(repositoryURL, commit string) string {
	if commit == "" {
		return ""
	}
	return uuid.NewSHA1(uuid.NameSpaceURL, []byte(artifactID(repositoryURL, commit))).String()
}

// publicURL is a repository's URL without anything that may be secret, or empty.
func publicURL(repositoryURL string) string {
	if u := repository(repositoryURL); u != nil {
		return u.String()
	}
	return ""
}

// forge is the host of a URL with the port of its scheme; for another port or scheme it is empty. By SSH a forge has the same repositories.
func forge(u *url.URL) string {
	if port := u.Port(); u.Scheme == "https" && (port == "" || port == "443") || u.Scheme == "ssh" && (port == "" || port == "22") {
		return strings.ToLower(u.Hostname())
	}
	return ""
}

// scp is the form of an address of SSH that is no URL.
var scp = regexp.MustCompile(`^[^@/:]+@(\[[^\[\]/]+\]|[^@/:]+):([^:]+)$`)

// repository takes of a URL what names the repository. Nil when that is nothing.
func repository(raw string) *url.URL {
	if len(raw) > maxURL {
		return nil
	}
	if parts := scp.FindStringSubmatch(raw); parts != nil {
		raw = (&url.URL{Scheme: "ssh", Host: parts[1], Path: "/" + parts[2]}).String()
	}
	u, err := url.Parse(raw)
	if err != nil || u.Scheme == "" || u.Opaque != "" || u.Hostname() == "" || len(segments(u.Path)) == 0 {
		return nil
	}
	return &url.URL{Scheme: u.Scheme, Host: u.Host, Path: "/" + strings.Join(segments(u.Path), "/")}
}

// segments of a path, without those that name nothing.
func segments(path string) []string {
	var names []string
	for name := range strings.SplitSeq(path, "/") {
		if name != "" && name != "." && name != ".." {
			names = append(names, name)
		}
	}
	return names
}

// escape leaves letters, digits and -_.~ alone, and percent-encodes all else.
func escape(s string) string {
	return strings.ReplaceAll(url.QueryEscape(s), "+", "%20")
}
