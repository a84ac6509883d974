package git

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"nopea.io/nopea/pkg/testing/githttp"
)

func TestCredentials(t *testing.T) {
	f := newFixture(t)
	want := map[string]string{"a.yaml": "1"}
	f.commit(want)
	good, token := Credentials{Username: "ada", Password: "s3cr3t-pass"}, Credentials{BearerToken: "s3cr3t-token"}
	f.server.Protect("team/app", githttp.Credentials{Username: good.Username, Password: good.Password}, githttp.Credentials{BearerToken: token.BearerToken})
	for _, cred := range []Credentials{good, token} {
		s := f.sourceWith(cred)
		rev, err := s.Resolve(f.ctx, Ref{}, time.Time{})
		f.check(err)
		snapshot, err := s.Fetch(f.ctx, rev)
		f.check(err)
		wantFiles(t, f.files(snapshot, ""), want)
		for _, bad := range []Credentials{{}, {Username: "ada", Password: "wr0ng-pass"}, {BearerToken: "wr0ng-token"}} {
			_, err = f.sourceWith(bad).Resolve(f.ctx, Ref{}, time.Time{})
			hasCode(t, err, Unauthorized)
			// Nothing that another fetched, even for who knows the commit.
			_, err = f.sourceWith(bad).Fetch(f.ctx, rev)
			e := wantCode(t, err, Unauthorized)
			if text := fmt.Sprintf("%v %+v %s", e, *e, f.sourceWith(bad)); strings.Contains(text, "wr0ng") {
				t.Errorf("a secret got out: %s", text)
			}
		}
	}
	// The same credential shares, and a later request needs no transfer.
	f.server.TakeRequests()
	_, err := f.sourceWith(good).Fetch(f.ctx, Revision{Hash: f.git("rev-parse", "main")})
	f.check(err)
	if got := f.server.TakeRequests(); len(got) != 0 {
		t.Errorf("requests: %s", commands(got))
	}
}

func TestCredentialsAreNotPrinted(t *testing.T) {
	for _, c := range []Credentials{{Username: "ada", Password: "s3cr3t"}, {BearerToken: "s3cr3t"}} {
		nested := struct{ C Credentials }{c}
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			if text := fmt.Sprintf(verb+verb, c, nested); strings.Contains(text, "s3cr3t") || strings.Contains(text, "733363723374") {
				t.Errorf("%s prints %s", verb, text)
			}
		}
		if got := c.scrub("you sent s3cr3t and " + c.header()); strings.Contains(got, "s3cr3t") || strings.Contains(got, strings.TrimPrefix(c.header(), "Basic ")) {
			t.Errorf("scrubbed: %s", got)
		}
	}
}

func TestStatusCodes(t *testing.T) {
	f := newFixture(t)
	f.commit(map[string]string{"a.yaml": "1"})
	for _, tt := range []struct {
		fault githttp.Fault
		code  Code
		wait  time.Duration
	}{
		{githttp.Fault{Status: 403}, Forbidden, 0},
		{githttp.Fault{Status: 404}, RepositoryNotFound, 0},
		{githttp.Fault{Status: 429, Header: http.Header{"Retry-After": {"17"}}}, RateLimited, 17 * time.Second},
		{githttp.Fault{Status: 503, Header: http.Header{"Retry-After": {"4"}}}, ServerError, 4 * time.Second},
		{githttp.Fault{Status: 500, Body: "oops"}, ServerError, 0},
		{githttp.Fault{Status: 200, Header: http.Header{"Content-Type": {"text/html"}}, Body: "<html>login"}, NotAGitServer, 0},
		{githttp.Fault{Status: 200, Header: http.Header{"Content-Type": {"application/x-git-upload-pack-advertisement"}}, Body: "<html>login"}, NotAGitServer, 0},
	} {
		f.cache = newTestCache(t, CacheOptions{Dir: t.TempDir()})
		fault := tt.fault
		for _, known := range []bool{false, true} {
			if known {
				f.server.SetFault(nil)
				f.resolve(Ref{})
			}
			f.server.SetFault(func(githttp.Request) *githttp.Fault { return &fault })
			_, err := f.source().Resolve(f.ctx, Ref{}, time.Time{})
			if e := wantCode(t, err, tt.code); e.RetryAfter != tt.wait {
				t.Errorf("%d: retry after %s", fault.Status, e.RetryAfter)
			}
		}
		f.server.SetFault(nil)
	}
	missing, err := f.cache.Source(f.server.URL("nowhere"), Credentials{})
	f.check(err)
	_, err = missing.Resolve(f.ctx, Ref{}, time.Time{})
	hasCode(t, err, RepositoryNotFound)
}

func TestNetworkErrors(t *testing.T) {
	f := newFixture(t)
	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()
	tls := httptest.NewTLSServer(http.NotFoundHandler())
	defer tls.Close()
	for url, code := range map[string]Code{
		closed.URL + "/a.git": Unreachable,
		tls.URL + "/a.git":    CertificateUntrusted,
	} {
		s, err := f.cache.Source(url, Credentials{Password: "s3cr3t"})
		f.check(err)
		_, err = s.Resolve(f.ctx, Ref{}, time.Time{})
		if e := wantCode(t, err, code); strings.Contains(e.Error(), "s3cr3t") {
			t.Error(e)
		}
	}
	s, err := f.cache.Source("http://no-such-host.invalid/a.git", Credentials{})
	f.check(err)
	ctx, cancel := context.WithTimeout(f.ctx, 5*time.Second)
	defer cancel()
	_, err = s.Resolve(ctx, Ref{}, time.Time{})
	if code := CodeOf(err); code != HostNotFound && code != Timeout && code != Unreachable {
		t.Errorf("got %v", err)
	}
	t.Log(err)
}

// TestHang has the server stop in each phase: the caller's deadline must hold.
func TestHang(t *testing.T) {
	for _, tt := range []struct {
		name, command string
		known         bool
		after         int
	}{
		{"first contact", "advertisement", false, 0},
		{"first contact, body", "advertisement", false, 40},
		{"poll", "ls-refs", true, 0},
		{"poll, body", "ls-refs", true, 10},
		{"fetch", "fetch", true, 0},
		{"fetch, pack", "fetch", true, 500},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := newFixture(t)
			f.commit(manyFiles(100, "1"))
			if tt.known {
				f.resolve(Ref{})
			}
			release := make(chan struct{})
			defer close(release)
			f.server.SetFault(func(r githttp.Request) *githttp.Fault {
				if r.Command != tt.command {
					return nil
				}
				return &githttp.Fault{Hang: release, HangAfter: tt.after}
			})
			ctx, cancel := context.WithTimeout(f.ctx, 300*time.Millisecond)
			defer cancel()
			began := time.Now()
			s := f.source()
			rev, err := s.Resolve(ctx, Ref{}, time.Time{})
			if err == nil {
				_, err = s.Fetch(ctx, rev)
			}
			hasCode(t, err, Timeout)
			if took := time.Since(began); took > 5*time.Second {
				t.Errorf("took %s", took)
			}
			f.server.SetFault(nil)
			if n := len(f.read(Ref{})); n != 100 {
				t.Errorf("got %d files", n)
			}
		})
	}
}

func TestRedirects(t *testing.T) {
	f := newFixture(t)
	want := map[string]string{"a.yaml": "1"}
	f.commit(want)
	var location atomic.Value
	var leaked atomic.Bool
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, location.Load().(string)+"/info/refs?"+r.URL.RawQuery, http.StatusMovedPermanently)
	}))
	defer front.Close()
	f.server.SetFault(func(r githttp.Request) *githttp.Fault {
		leaked.Store(leaked.Load() || r.Authorized)
		return nil
	})
	cred := Credentials{Username: "ada", Password: "s3cr3t"}
	s, err := f.cache.Source(front.URL+"/old.git", cred)
	f.check(err)
	// To another origin: followed, without the credentials, and the POSTs go there at once.
	location.Store(f.repo.URL)
	rev, err := s.Resolve(f.ctx, Ref{}, time.Time{})
	f.check(err)
	snapshot, err := s.Fetch(f.ctx, rev)
	f.check(err)
	wantFiles(t, f.files(snapshot, ""), want)
	// User information in the Location is not used either.
	f.cache = newTestCache(t, CacheOptions{Dir: t.TempDir()})
	s, err = f.cache.Source(front.URL+"/old.git", cred)
	f.check(err)
	location.Store(strings.Replace(f.repo.URL, "http://", "http://eve:evil@", 1))
	_, err = s.Resolve(f.ctx, Ref{}, time.Time{})
	f.check(err)
	if leaked.Load() {
		t.Error("credentials followed a redirect to another origin")
	}
	// Round in circles, and down from https.
	location.Store(front.URL)
	f.cache = newTestCache(t, CacheOptions{Dir: t.TempDir()})
	s, err = f.cache.Source(front.URL+"/old.git", cred)
	f.check(err)
	_, err = s.Resolve(f.ctx, Ref{}, time.Time{})
	hasCode(t, err, NotAGitServer)

	secure := httptest.NewTLSServer(front.Config.Handler)
	defer secure.Close()
	f.cache = newTestCache(t, CacheOptions{Dir: t.TempDir(), Transport: secure.Client().Transport})
	s, err = f.cache.Source(secure.URL+"/old.git", cred)
	f.check(err)
	_, err = s.Resolve(f.ctx, Ref{}, time.Time{})
	if e := wantCode(t, err, Unreachable); strings.Contains(e.Error(), "s3cr3t") {
		t.Error(e)
	}
}

func TestSourceRefusesURLs(t *testing.T) {
	c := newTestCache(t, CacheOptions{Dir: t.TempDir()})
	for _, url := range []string{
		"", "x", "host:a/b.git", "git@:a", "git@host:", "ssh://git:s3cr3t@host/a", "ssh://-oProxyCommand=x@host/a", "ssh://git@host", "ssh://git@ho$st/a",
		"git@host:-x", "git@-host:x", "git@host:a?b", "git@host:a#b", "file:///etc", "https://", "https:///a", "https://host", "https://host/", "http:host/a",
		"https://ada:s3cr3t@host/a.git", "https://s3cr3t@host/a", "https://host/a?token=s3cr3t", "https://host/a#s3cr3t", "https://host/a#", "https://host/a?",
		"https://ada:s3cr3t@ho st/a", "https://u:s3cr3t@host:pa/a", "https://host/a%0ab", "https://host/" + strings.Repeat("a", maxURLLen),
	} {
		_, err := c.Source(url, Credentials{})
		e := wantCode(t, err, InvalidURL)
		if strings.Contains(e.Error(), "s3cr3t") || !strings.Contains(e.Hint(), "Secret") {
			t.Errorf("%q: %v", url, e)
		}
	}
	for _, cred := range []Credentials{{Password: "token\n"}, {BearerToken: "a\r\nX: y"}, {Username: "a:b"}} {
		_, err := c.Source("https://host/a", cred)
		hasCode(t, err, InvalidCredentials)
	}
	same := map[string]bool{}
	for _, url := range []string{"https://Host/a.git", "HTTPS://host:443/a.git/", "https://host/./x/../a.git", "https://host//a.git"} {
		s, err := c.Source(url, Credentials{})
		if err != nil {
			t.Fatal(err)
		}
		same[s.key] = true
		if s.URL() != "https://host/a.git" {
			t.Errorf("%s became %s", url, s.URL())
		}
	}
	for _, cred := range []Credentials{{Username: "a", Password: "bc"}, {Username: "ab", Password: "c"}, {BearerToken: "abc"}} {
		s, err := c.Source("https://host/a.git", cred)
		if err != nil || same[s.key] {
			t.Errorf("%v: shared with another credential", err)
		}
		same[s.key] = true
	}
	if len(same) != 4 {
		t.Errorf("%d keys", len(same))
	}
}

func TestRefValidate(t *testing.T) {
	for _, ref := range []Ref{
		{Branch: "a b"}, {Branch: "a\n"}, {Branch: "a..b"}, {Branch: "/a"}, {Branch: "a/"}, {Branch: "a.lock"}, {Branch: ".a"}, {Tag: "a~1"}, {Tag: "a^{}"},
		{Tag: "a*"}, {Name: "main"}, {Name: "refs/heads/\x00"}, {Commit: "abc123"}, {Commit: strings.Repeat("g", 40)}, {Branch: "a@{1}"},
	} {
		hasCode(t, ref.Validate(), InvalidRef)
	}
	hasCode(t, Ref{Commit: strings.Repeat("a", 64)}.Validate(), Unsupported)
	for _, ref := range []Ref{{}, {Branch: "feature/ä-1"}, {Name: "refs/pull/1/head"}, {Name: "HEAD"}, {Commit: strings.Repeat("aB", 20)}} {
		if err := ref.Validate(); err != nil {
			t.Error(err)
		}
	}
}

func TestSHA256Repository(t *testing.T) {
	versions(t, func(t *testing.T, f *fixture) {
		if _, err := f.repo.Git("init", "--quiet", "--bare", "--object-format=sha256", "--initial-branch=main", f.repo.Dir+"/../long.git"); err != nil {
			t.Skip("this git has no SHA-256:", err)
		}
		repo := f.server.Repo("team/long")
		if _, err := repo.Commit(map[string]string{"a.yaml": "1"}); err != nil {
			t.Fatal(err)
		}
		s, err := f.cache.Source(repo.URL, Credentials{})
		f.check(err)
		_, err = s.Resolve(f.ctx, Ref{}, time.Time{})
		hasCode(t, err, Unsupported)
	})
}

func TestServerThatRepeatsSecrets(t *testing.T) {
	f := newFixture(t)
	cred := Credentials{Username: "ada", Password: "s3cr3t-pass"}
	secret := strings.TrimPrefix(cred.header(), "Basic ")
	for _, fault := range []githttp.Fault{
		{Status: 200, Header: http.Header{"Content-Type": {"text/" + secret}}},
		{Status: 200, Header: http.Header{"Content-Type": {"application/x-git-upload-pack-advertisement"}}, Body: string(pkts("ERR you said s3cr3t-pass and " + secret))},
	} {
		f.server.SetFault(func(githttp.Request) *githttp.Fault { return &fault })
		_, err := f.sourceWith(cred).Resolve(f.ctx, Ref{}, time.Time{})
		if err == nil || strings.Contains(err.Error(), "s3cr3t") || strings.Contains(err.Error(), secret) || !strings.Contains(err.Error(), redacted) {
			t.Errorf("got %v", err)
		}
	}
}
