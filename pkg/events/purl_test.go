package events

import (
	"net/url"
	"strings"
	"testing"
)

func TestArtifactID(t *testing.T) {
	for _, test := range []struct{ url, want string }{
		{"https://github.com/Example/Shop.git", "pkg:github/example/shop@" + commitA},
		{"https://GitHub.com:443/example/shop/", "pkg:github/example/shop@" + commitA},
		{"https://robot:s3cret@github.com/example/shop?token=s3cret#s3cret", "pkg:github/example/shop@" + commitA},
		{"https://gitlab.com/group/sub/shop.git", "pkg:gitlab/group/sub/shop@" + commitA},
		{"https://bitbucket.org/Example/shop.git", "pkg:bitbucket/example/shop@" + commitA},
		{"https://git.example.com:8443/org/shop.git",
			"pkg:generic/org/shop@" + commitA + "?vcs_url=git%2Bhttps%3A%2F%2Fgit.example.com%3A8443%2Forg%2Fshop.git%40" + commitA},
		{"http://robot:s3cret@git.example.com/a%20b/c@d+e",
			"pkg:generic/a%20b/c%40d%2Be@" + commitA + "?vcs_url=git%2Bhttp%3A%2F%2Fgit.example.com%2Fa%2520b%2Fc%40d%2Be%40" + commitA},
		{"https://github.com/only", "pkg:generic/only@" + commitA + "?vcs_url=git%2Bhttps%3A%2F%2Fgithub.com%2Fonly%40" + commitA},
		{"https:robot:s3cret@github.com", "pkg:generic/repository@" + commitA},
		{"git@github.com:Example/shop.git", "pkg:github/example/shop@" + commitA},
		{"ssh://git@github.com/example/shop.git", "pkg:github/example/shop@" + commitA},
		{"ssh://git@git.example.com:2222/org/shop.git",
			"pkg:generic/org/shop@" + commitA + "?vcs_url=git%2Bssh%3A%2F%2Fgit.example.com%3A2222%2Forg%2Fshop.git%40" + commitA},
		{"git@[::1]:org/shop", "pkg:generic/org/shop@" + commitA + "?vcs_url=git%2Bssh%3A%2F%2F%5B%3A%3A1%5D%2Forg%2Fshop%40" + commitA},
		{"https://github.com/", "pkg:generic/repository@" + commitA},
		{"", "pkg:generic/repository@" + commitA},
	} {
		if got := artifactID(test.url, commitA); got != test.want {
			t.Errorf("artifactID(%q) = %s, want %s", test.url, got, test.want)
		}
	}
	if got := artifactID("https://github.com/example/shop", ""); got != "pkg:github/example/shop" {
		t.Errorf("without a commit: %s", got)
	}
}

func TestChainID(t *testing.T) {
	if chainID("https://github.com/example/shop", commitA) != chainID("https://github.com/Example/Shop.git", commitA) {
		t.Error("two spellings of a repository have two chains")
	}
	if got := chainID("https://github.com/example/shop", ""); got != "" {
		t.Errorf("no commit has the chain %s", got)
	}
}

func TestPublicURL(t *testing.T) {
	for raw, want := range map[string]string{
		"https://robot:s3cret@git.example.com/org/shop.git?token=s3cret#s3cret": "https://git.example.com/org/shop.git",
		"https:robot:s3cret@git.example.com":                                    "",
		"git@git.example.com:org/shop.git":                                      "ssh://git.example.com/org/shop.git",
		"ssh://robot:s3cret@git.example.com/org/shop":                           "ssh://git.example.com/org/shop",
		"https://robot:s3/cret@git.example.com/org/shop":                        "",
	} {
		if got := publicURL(raw); got != want {
			t.Errorf("publicURL(%q) = %q, want %q", raw, got, want)
		}
	}
}

func FuzzArtifactID(f *testing.F) {
	for _, seed := range []struct{ raw, host, path, commit string }{
		{"https://github.com/example/shop.git", "github.com", "/example/shop", commitA},
		{"https://gitlab.com/a/b/c", "gitlab.com", "/a/../b/%2e%2e/c.git", commitB},
		{"http://git.example.com:80/a b@c", "git.example.com:8443", "/a?b=c&d#e", ""},
		{"https://[::1]/x/.git", "[fe80::1%25eth0]", "/.git", "main"},
		{"https:a:b@c", "", "", "a/b@c?d#e"},
	} {
		f.Add(seed.raw, seed.host, seed.path, seed.commit)
	}
	const secret = "C4N4RY"
	f.Fuzz(func(t *testing.T, raw, host, path, commit string) {
		withSecret := (&url.URL{Scheme: "https", User: url.UserPassword(secret, secret), Host: host, Path: path,
			RawQuery: "token=" + secret, Fragment: secret}).String()
		for _, address := range []string{raw, withSecret} {
			deployment := shop(commit)
			deployment.RepositoryURL = address
			// The SDK parses the package URL of an incident.
			validate(t, newEvent(IncidentDetected, deployment, noon, deployment.incident(syncIncident, noon, ""), deployment.details()))
			told := strings.ToUpper(artifactID(address, commit) + publicURL(address))
			if strings.Contains(told, secret) && !strings.Contains(strings.ToUpper(raw+host+path+commit), secret) {
				t.Errorf("%q shows in %q", secret, told)
			}
		}
	})
}
