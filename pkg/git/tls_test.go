package git

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"nopea.io/nopea/pkg/testing/githttp"
)

// secureFixture is a fixture whose server speaks TLS with a certificate of an authority of its own.
func secureFixture(t testing.TB, clients *githttp.Authority) (*fixture, *githttp.Authority) {
	t.Helper()
	authority := githttp.NewAuthority(t)
	f := newFixture(t)
	f.server = githttp.NewWith(t, githttp.Options{Dir: t.TempDir(), TLS: authority.Server(t, clients)})
	f.repo = githttp.Must(f.server.CreateRepo("team/app"))(t)
	return f, authority
}

func (f *fixture) resolveWith(cred Credentials) error {
	_, err := f.sourceWith(cred).Resolve(f.ctx, Ref{}, time.Time{})
	return err
}

func TestTLS(t *testing.T) {
	t.Parallel()
	clients := githttp.NewAuthority(t)
	certificate, key := clients.Issue(t)
	foreignCertificate, foreignKey := githttp.NewAuthority(t).Issue(t)
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		t.Run(tls.VersionName(version), func(t *testing.T) {
			authority := githttp.NewAuthority(t)
			config := authority.Server(t, clients)
			config.MaxVersion = version
			f := newFixture(t)
			f.server = githttp.NewWith(t, githttp.Options{Dir: t.TempDir(), TLS: config})
			f.repo = githttp.Must(f.server.CreateRepo("team/app"))(t)
			f.commit(map[string]string{"a.yaml": "1"})
			good := Credentials{CABundle: authority.PEM, ClientCertificate: certificate, ClientKey: key}
			f.check(f.resolveWith(good))
			with := func(change func(*Credentials)) error {
				cred := good
				change(&cred)
				return f.resolveWith(cred)
			}
			says(t, wantCode(t, with(func(c *Credentials) { c.CABundle = "" }), CertificateUntrusted), "ca.crt")
			says(t, wantCode(t, with(func(c *Credentials) { c.CABundle = clients.PEM }), CertificateUntrusted), "ca.crt")
			says(t, wantCode(t, with(func(c *Credentials) { c.CABundle = "none" }), InvalidCredentials), "ca.crt", "BEGIN CERTIFICATE")
			// Before version 1.3 there is no word for it.
			missing := ClientCertificateRefused
			if version == tls.VersionTLS12 {
				missing = Unreachable
			}
			says(t, wantCode(t, with(func(c *Credentials) { c.ClientCertificate, c.ClientKey = "", "" }), missing), "client certificate", "tls.crt", "tls.key")
			says(t, wantCode(t, with(func(c *Credentials) { c.ClientCertificate, c.ClientKey = foreignCertificate, foreignKey }), ClientCertificateRefused), "tls.crt")
			says(t, wantCode(t, with(func(c *Credentials) { c.ClientKey = foreignKey }), InvalidCredentials), "tls.key")
			says(t, wantCode(t, with(func(c *Credentials) { c.ClientKey = "" }), InvalidCredentials), "tls.key")
		})
	}
}

// TestClientCertificateStays has a server that asks for a client certificate redirect to another.
func TestClientCertificateStays(t *testing.T) {
	t.Parallel()
	clients := githttp.NewAuthority(t)
	f, authority := secureFixture(t, clients)
	front := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, f.server.URL("team/app")+"/info/refs?"+r.URL.RawQuery, http.StatusFound)
	}))
	front.TLS = authority.Server(t, clients)
	front.StartTLS()
	defer front.Close()
	certificate, key := clients.Issue(t)
	s, err := f.cache.Source(front.URL+"/team/app.git", Credentials{CABundle: authority.PEM, ClientCertificate: certificate, ClientKey: key})
	f.check(err)
	_, err = s.Resolve(f.ctx, Ref{}, time.Time{})
	says(t, wantCode(t, err, Unreachable), "client certificate", "spec.url")
}

// TestHTTPClientsAreBounded uses many settings, and counts the connections that stay.
func TestHTTPClientsAreBounded(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.commit(map[string]string{"a.yaml": "1"})
	var open atomic.Int64
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "nothing here", http.StatusNotFound)
	}))
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		switch state {
		case http.StateNew:
			open.Add(1)
		case http.StateClosed:
			open.Add(-1)
		}
	}
	authority := githttp.NewAuthority(t)
	server.TLS = authority.Server(t, nil)
	server.StartTLS()
	defer server.Close()
	try := func(n int) {
		// A comment beside the certificate makes another setting of it.
		s, err := f.cache.Source(server.URL+"/a.git", Credentials{CABundle: fmt.Sprintf("%d\n%s", n, authority.PEM)})
		f.check(err)
		_, err = s.Resolve(f.ctx, Ref{}, time.Time{})
		hasCode(t, err, RepositoryNotFound)
	}
	for n := range 3 * maxHTTPClients / 2 {
		try(n)
	}
	try(3*maxHTTPClients/2 - 1)
	if n := len(f.cache.clients.own); n != maxHTTPClients {
		t.Errorf("%d clients", n)
	}
	f.eventually("what is not kept is closed", func() error {
		if n := open.Load(); n > maxHTTPClients {
			return fmt.Errorf("%d connections are open", n)
		}
		return nil
	})
	f.cache.Close()
	f.eventually("all is closed", func() error {
		if n := open.Load(); n != 0 {
			return fmt.Errorf("%d connections are open", n)
		}
		return nil
	})
}

// TestDifferentSettingsShareNothing: who trusts less, or comes another way, is given nothing that another fetched.
func TestDifferentSettingsShareNothing(t *testing.T) {
	t.Parallel()
	c := newTestCache(t, CacheOptions{Dir: t.TempDir()})
	app := GitHubApp{ID: "1", InstallationID: "2", PrivateKey: "x"}
	keys := map[string]Credentials{}
	for _, cred := range []Credentials{{}, {CABundle: "a"}, {ClientCertificate: "a"}, {ClientKey: "a"}, {Proxy: Proxy{Address: "http://a"}},
		{Proxy: Proxy{Address: "http://a", Username: "b"}}, {Proxy: Proxy{Address: "http://a", Password: "b"}}, {GitHubApp: app},
		{GitHubApp: GitHubApp{ID: "1", InstallationID: "3", PrivateKey: "x"}}, {GitHubApp: GitHubApp{ID: "1", InstallationID: "2", PrivateKey: "y"}},
	} {
		s, err := c.Source("https://host/a", cred)
		if err != nil {
			t.Fatal(err)
		}
		if other, ok := keys[s.key]; ok {
			t.Errorf("%+v shares with %+v", cred.content(), other.content())
		}
		keys[s.key] = cred
	}
	for _, change := range []func(*Credentials){func(*Credentials) {}, func(c *Credentials) { c.SSHKey += "x" },
		func(c *Credentials) { c.SSHPassphrase = "x" }, func(c *Credentials) { c.KnownHosts += "x" }} {
		cred := Credentials{SSHKey: "k", KnownHosts: "h"}
		change(&cred)
		for _, url := range []string{"ssh://git@host/a", "git@host:a", "kim@host:a"} {
			s, err := c.Source(url, cred)
			if err != nil {
				t.Fatal(err)
			}
			if _, ok := keys[s.key]; ok {
				t.Errorf("%s with %+v shares", url, cred.content())
			}
			keys[s.key] = cred
		}
	}
	for _, spellings := range [][]string{{"git@host:a/b.git", "git@HOST:a//b.git/"}, {"git@host:/a", "ssh://host/a", "ssh://git@host:22/a/"}, {"git@[::1]:a"}} {
		for _, url := range spellings {
			s, err := c.Source(url, Credentials{SSHKey: "k", KnownHosts: "h"})
			if err != nil {
				t.Fatal(err)
			}
			if want := strings.Replace(spellings[0], "git@host:/", "ssh://git@host/", 1); s.URL() != want {
				t.Errorf("%s became %s, want %s", url, s.URL(), want)
			}
		}
	}
}
