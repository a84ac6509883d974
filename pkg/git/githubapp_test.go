package git

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"nopea.io/nopea/pkg/testing/githttp"
)

var rsaKey = sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) })

func newRSAKey(t testing.TB) string {
	t.Helper()
	key := githttp.Must(rsaKey())(t)
	return string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}))
}

// github is the part of GitHub's API that gives tokens to Apps.
type github struct {
	t      *testing.T
	f      *fixture
	mu     sync.Mutex
	life   time.Duration
	status int
	body   string
	issued int
}

func newGitHub(t *testing.T) (*github, Credentials) {
	t.Helper()
	f, authority := secureFixture(t, nil)
	g := &github{t: t, f: f, life: time.Hour}
	server := httptest.NewUnstartedServer(http.HandlerFunc(g.serve))
	server.TLS = authority.Server(t, nil)
	server.StartTLS()
	t.Cleanup(server.Close)
	return g, Credentials{CABundle: authority.PEM,
		GitHubApp: GitHubApp{ID: "12", InstallationID: "345", PrivateKey: newRSAKey(t), BaseURL: server.URL + "/api/v3/"}}
}

func (g *github) serve(w http.ResponseWriter, r *http.Request) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if r.Method != http.MethodPost || r.URL.Path != "/api/v3/app/installations/345/access_tokens" {
		http.Error(w, `{"message":"Not Found"}`, http.StatusNotFound)
		return
	}
	if problem := g.proves(strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")); problem != "" {
		http.Error(w, `{"message":"`+problem+`"}`, http.StatusUnauthorized)
		return
	}
	if g.status != 0 {
		w.WriteHeader(g.status)
		_, _ = fmt.Fprint(w, strings.ReplaceAll(g.body, "PROOF", strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")))
		return
	}
	g.issued++
	token := fmt.Sprintf("ghs_t0ken%d", g.issued)
	// Only the newest one is good.
	g.f.server.Protect("team/app", githttp.Credentials{Username: "x-access-token", Password: token})
	w.WriteHeader(http.StatusCreated)
	_, _ = fmt.Fprintf(w, `{"token":%q,"expires_at":%q}`, token, time.Now().Add(g.life).UTC().Format(time.RFC3339))
}

// proves checks a JSON Web Token as GitHub does.
func (g *github) proves(text string) string {
	parts := strings.Split(text, ".")
	if len(parts) != 3 {
		return "no JWT"
	}
	var header struct{ Alg, Typ string }
	var claims struct {
		Iss      string
		Iat, Exp int64
	}
	for i, into := range []any{&header, &claims} {
		data, err := base64.RawURLEncoding.DecodeString(parts[i])
		if err != nil || json.Unmarshal(data, into) != nil {
			return "bad JWT"
		}
	}
	key := githttp.Must(rsaKey())(g.t)
	digest := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	now := time.Now().Unix()
	switch {
	case err != nil || rsa.VerifyPKCS1v15(&key.PublicKey, crypto.SHA256, digest[:], signature) != nil:
		return "A JSON web token could not be decoded"
	case header.Alg != "RS256" || claims.Iss != "12" || claims.Iat > now || claims.Exp < now || claims.Exp > now+600:
		return "bad claims"
	}
	return ""
}

func TestGitHubApp(t *testing.T) {
	t.Parallel()
	g, cred := newGitHub(t)
	g.f.server.Protect("team/app", githttp.Credentials{BearerToken: "nobody's"})
	want := map[string]string{"a.yaml": "1"}
	g.f.commit(want)
	s := g.f.sourceWith(cred)
	pull := func() {
		t.Helper()
		rev, err := s.Resolve(g.f.ctx, Ref{}, time.Time{})
		g.f.check(err)
		snapshot, err := s.Fetch(g.f.ctx, rev)
		g.f.check(err)
		wantFiles(t, g.f.files(snapshot, ""), want)
	}
	issued := func(n int) {
		t.Helper()
		g.mu.Lock()
		defer g.mu.Unlock()
		if g.issued != n {
			t.Errorf("%d tokens were issued, want %d", g.issued, n)
		}
	}
	pull()
	pull()
	issued(1)
	// Revoked: renewed once.
	g.f.server.Protect("team/app", githttp.Credentials{BearerToken: "nobody's"})
	pull()
	issued(2)
	// One that is near its end is used, and not kept.
	g.mu.Lock()
	g.life = 4 * time.Minute
	g.mu.Unlock()
	g.f.cache.installations.tokens[cred.GitHubApp].until = time.Now()
	pull()
	pull()
	g.mu.Lock()
	if g.issued < 4 {
		t.Errorf("%d tokens were issued", g.issued)
	}
	g.mu.Unlock()
	// A repository that the App may not read: one more try, then it is said.
	g.mu.Lock()
	g.life, g.issued = time.Hour, 0
	g.mu.Unlock()
	other, err := g.f.cache.Source(g.f.server.URL("team/other"), cred)
	g.f.check(err)
	g.f.server.Protect("team/other", githttp.Credentials{BearerToken: "nobody's"})
	_, err = other.Resolve(g.f.ctx, Ref{}, time.Time{})
	hasCode(t, err, Unauthorized)
	issued(2)
}

func TestGitHubAppFailures(t *testing.T) {
	t.Parallel()
	g, good := newGitHub(t)
	g.f.commit(map[string]string{"a.yaml": "1"})
	otherKey := githttp.Must(rsa.GenerateKey(rand.Reader, 2048))(t)
	pkcs8 := githttp.Must(x509.MarshalPKCS8PrivateKey(otherKey))(t)
	for name, tt := range map[string]struct {
		change func(*GitHubApp)
		status int
		body   string
		code   Code
		words  []string
	}{
		"another key": {func(a *GitHubApp) {
			a.PrivateKey = string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8}))
		}, 0, "", Unauthorized, []string{"githubAppPrivateKey", "could not be decoded"}},
		"no key":          {func(a *GitHubApp) { a.PrivateKey = "" }, 0, "", InvalidCredentials, []string{"githubAppPrivateKey"}},
		"key is none":     {func(a *GitHubApp) { a.PrivateKey = "x" }, 0, "", InvalidCredentials, []string{"githubAppPrivateKey", "PEM"}},
		"no App":          {func(a *GitHubApp) { a.ID = "" }, 0, "", InvalidCredentials, []string{"githubAppID"}},
		"no installation": {func(a *GitHubApp) { a.InstallationID = "../x" }, 0, "", InvalidCredentials, []string{"githubAppInstallationID"}},
		"another one":     {func(a *GitHubApp) { a.InstallationID = "346" }, 0, "", Unauthorized, []string{"githubAppInstallationID", "Not Found"}},
		"in the clear":    {func(a *GitHubApp) { a.BaseURL = "http://api.github.com" }, 0, "", InvalidCredentials, []string{"githubAppBaseURL"}},
		"suspended":       {nil, 403, `{"message":"This installation has been suspended"}`, Forbidden, []string{"suspended"}},
		"too many":        {nil, 429, `{}`, RateLimited, nil},
		"no JSON":         {nil, 201, `<html>`, NotAGitServer, []string{"githubAppBaseURL"}},
		"bad token":       {nil, 201, `{"token":"a\nb"}`, NotAGitServer, nil},
		"outage":          {nil, 502, `oops`, ServerError, nil},
		"repeats":         {nil, 401, `{"message":"you said PROOF"}`, Unauthorized, []string{redacted}},
	} {
		cred := good
		if tt.change != nil {
			tt.change(&cred.GitHubApp)
		}
		g.mu.Lock()
		g.status, g.body = tt.status, tt.body
		g.mu.Unlock()
		t.Run(name, func(t *testing.T) {
			s, err := g.f.cache.Source(g.f.repo.URL, cred)
			if err == nil {
				_, err = s.Resolve(g.f.ctx, Ref{}, time.Time{})
			}
			e := wantCode(t, err, tt.code)
			says(t, e, tt.words...)
			if strings.Contains(e.Error(), "eyJ") || strings.Contains(e.Error(), "PRIVATE KEY") {
				t.Errorf("it tells a secret: %s", e)
			}
		})
	}
}

// TestTokensAreScrubbed has a server repeat a token that it was sent.
func TestTokensAreScrubbed(t *testing.T) {
	t.Parallel()
	g, cred := newGitHub(t)
	g.f.commit(map[string]string{"a.yaml": "1"})
	g.f.server.SetFault(func(githttp.Request) *githttp.Fault {
		return &githttp.Fault{Status: 200, Header: http.Header{"Content-Type": {"application/x-git-upload-pack-advertisement"}},
			Body: string(pkts("ERR you said ghs_t0ken1 and " + basic(installationUser, "ghs_t0ken1")))}
	})
	err := g.f.resolveWith(cred)
	if err == nil || strings.Contains(err.Error(), "t0ken1") || strings.Contains(err.Error(), strings.TrimPrefix(basic(installationUser, "ghs_t0ken1"), "Basic ")) {
		t.Errorf("got %v", err)
	}
}
