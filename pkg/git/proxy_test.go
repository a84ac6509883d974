package git

import (
	"encoding/base64"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"nopea.io/nopea/pkg/testing/githttp"
	"nopea.io/nopea/pkg/testing/gitssh"
)

// testProxy makes tunnels for who knows its password.
type testProxy struct {
	url     string
	tunnels atomic.Int64
}

func newTestProxy(t *testing.T) *testProxy {
	t.Helper()
	p := &testProxy{}
	server := httptest.NewServer(http.HandlerFunc(p.serve))
	t.Cleanup(server.Close)
	p.url = server.URL
	return p
}

func (p *testProxy) serve(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Proxy-Authorization") != "Basic "+base64.StdEncoding.EncodeToString([]byte("ada:pr0xy-word")) {
		w.Header().Set("Proxy-Authenticate", "Basic realm=proxy")
		w.WriteHeader(http.StatusProxyAuthRequired)
		return
	}
	p.tunnels.Add(1)
	if r.Method != http.MethodConnect {
		r.RequestURI = ""
		resp, err := http.DefaultTransport.RoundTrip(r)
		if err != nil {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		defer func() { _ = resp.Body.Close() }()
		for key, values := range resp.Header {
			w.Header()[key] = values
		}
		w.WriteHeader(resp.StatusCode)
		_, _ = io.Copy(w, resp.Body)
		return
	}
	there, err := net.Dial("tcp", r.Host)
	if err != nil {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	here, buffered, err := w.(http.Hijacker).Hijack()
	if err != nil {
		_ = there.Close()
		return
	}
	_, _ = here.Write([]byte("HTTP/1.1 200 Connection established\r\n\r\n"))
	var group sync.WaitGroup
	for _, pair := range []struct {
		to   net.Conn
		from io.Reader
	}{{there, buffered}, {here, there}} {
		group.Go(func() {
			_, _ = io.Copy(pair.to, pair.from)
			_ = here.Close()
			_ = there.Close()
		})
	}
	group.Wait()
}

// TestProxy goes over a proxy that asks for a password: by TLS, in the clear and by SSH.
func TestProxy(t *testing.T) {
	t.Parallel()
	secure, authority := secureFixture(t, nil)
	plain, ssh := newFixture(t), newSSHFixture(t, gitssh.Options{})
	for name, tt := range map[string]struct {
		f    *fixture
		url  string
		cred Credentials
	}{
		"https": {secure, secure.repo.URL, Credentials{CABundle: authority.PEM}},
		"http":  {plain, plain.repo.URL, Credentials{}},
		"ssh":   {ssh.fixture, ssh.url(), ssh.cred},
	} {
		t.Run(name, func(t *testing.T) {
			p := newTestProxy(t)
			want := map[string]string{"a.yaml": name}
			tt.f.commit(want)
			resolve := func(proxy Proxy) error {
				cred := tt.cred
				cred.Proxy = proxy
				s, err := tt.f.cache.Source(tt.url, cred)
				if err != nil {
					return err
				}
				_, err = s.Resolve(tt.f.ctx, Ref{}, time.Time{})
				return err
			}
			if err := resolve(Proxy{Address: p.url, Username: "ada", Password: "pr0xy-word"}); err != nil || p.tunnels.Load() == 0 {
				t.Errorf("%v, %d tunnels", err, p.tunnels.Load())
			}
			for _, proxy := range []Proxy{{Address: p.url}, {Address: p.url, Username: "ada", Password: "wrong-word"}} {
				e := wantCode(t, resolve(proxy), ProxyUnauthorized)
				says(t, e, "407", "spec.proxySecretRef")
				if strings.Contains(e.Error(), "wrong-word") {
					t.Error(e)
				}
			}
			closed := httptest.NewServer(nil)
			closed.Close()
			says(t, wantCode(t, resolve(Proxy{Address: closed.URL}), Unreachable), "proxy")
			for _, address := range []string{"proxy:3128", "ftp://proxy", "http://", "http://ada:s3cr3t@proxy", "http://proxy/path"} {
				if e := wantCode(t, resolve(Proxy{Address: address}), InvalidCredentials); strings.Contains(e.Error(), "s3cr3t") {
					t.Error(e)
				}
			}
		})
	}
}

// TestSOCKS goes over a SOCKS proxy with a password.
func TestSOCKS(t *testing.T) {
	t.Parallel()
	ssh := newSSHFixture(t, gitssh.Options{})
	ssh.commit(map[string]string{"a.yaml": "1"})
	f := newFixture(t)
	f.commit(map[string]string{"a.yaml": "1"})
	proxy := Proxy{Address: "socks5://" + newSOCKS(t, "ada", "pr0xy-word"), Username: "ada", Password: "pr0xy-word"}
	cred := ssh.cred
	cred.Proxy = proxy
	_, err := ssh.at(ssh.url(), cred).Resolve(f.ctx, Ref{}, time.Time{})
	f.check(err)
	f.check(f.resolveWith(Credentials{Proxy: proxy}))
	proxy.Password = "wrong-word"
	cred.Proxy = proxy
	_, err = ssh.at(ssh.url(), cred).Resolve(f.ctx, Ref{}, time.Time{})
	hasCode(t, err, ProxyUnauthorized)
	hasCode(t, f.resolveWith(Credentials{Proxy: proxy}), ProxyUnauthorized)
}

// newSOCKS is a proxy by RFC 1928 and RFC 1929, for IPv4.
func newSOCKS(t *testing.T, user, password string) string {
	t.Helper()
	listener := githttp.Must(net.Listen("tcp", "127.0.0.1:0"))(t)
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer func() { _ = conn.Close() }()
				serveSOCKS(conn, user, password)
			}()
		}
	}()
	return listener.Addr().String()
}

func serveSOCKS(conn net.Conn, user, password string) {
	take := func(n byte) []byte {
		data := make([]byte, n)
		_, _ = io.ReadFull(conn, data)
		return data
	}
	take(take(2)[1])
	_, _ = conn.Write([]byte{5, 2})
	name := string(take(take(2)[1]))
	word := string(take(take(1)[0]))
	if name != user || word != password {
		_, _ = conn.Write([]byte{1, 1})
		return
	}
	_, _ = conn.Write([]byte{1, 0})
	request := take(10)
	there, err := net.DialTCP("tcp", nil, &net.TCPAddr{IP: request[4:8], Port: int(request[8])<<8 | int(request[9])})
	if err != nil {
		return
	}
	defer func() { _ = there.Close() }()
	_, _ = conn.Write([]byte{5, 0, 0, 1, 0, 0, 0, 0, 0, 0})
	go func() { _, _ = io.Copy(there, conn) }()
	_, _ = io.Copy(conn, there)
}
