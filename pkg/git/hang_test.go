package git

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"

	"nopea.io/nopea/pkg/testing/githttp"
	"nopea.io/nopea/pkg/testing/gitssh"
)

// hangingServer takes connections and does with each what serve does, which may never end. It counts those that are open.
type hangingServer struct {
	address string
	open    atomic.Int64
	seen    atomic.Int64
}

func newHangingServer(t *testing.T, serve func(net.Conn)) *hangingServer {
	t.Helper()
	listener := githttp.Must(net.Listen("tcp", "127.0.0.1:0"))(t)
	t.Cleanup(func() { _ = listener.Close() })
	s := &hangingServer{address: listener.Addr().String()}
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			s.seen.Add(1)
			s.open.Add(1)
			go func() {
				defer s.open.Add(-1)
				defer func() { _ = conn.Close() }()
				serve(conn)
			}()
		}
	}()
	return s
}

// untilGone reads until the client goes away.
func untilGone(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) }

func slowly(conn net.Conn) {
	for {
		if _, err := conn.Write([]byte("x\r\n")); err != nil {
			return
		}
		time.Sleep(5 * time.Millisecond) // it is the server that is slow
	}
}

// sshPhase is how far a server of SSH goes before it hangs.
type sshPhase int

const (
	hangAuthentication sshPhase = iota
	hangOpen
	hangExec
	hangGreeting
	hangRequest
	hangAnswer
	closeSession
	refuseSession
	refuseExec
)

// sshServer is a server of SSH that hangs in a phase, which a real one can not be made to do.
func sshServer(t *testing.T, phase sshPhase) (serve func(net.Conn), hostKey ssh.PublicKey) {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signer := githttp.Must(ssh.NewSignerFromKey(private))(t)
	over := make(chan struct{})
	t.Cleanup(func() { close(over) })
	config := &ssh.ServerConfig{PublicKeyCallback: func(ssh.ConnMetadata, ssh.PublicKey) (*ssh.Permissions, error) {
		if phase == hangAuthentication {
			<-over
		}
		return nil, nil
	}}
	config.AddHostKey(signer)
	return func(conn net.Conn) {
		if phase == hangAuthentication {
			// The library does not say that the client has gone while it asks the callback.
			watched := &watchedConn{Conn: conn, gone: make(chan struct{})}
			go func() { _, _, _, _ = ssh.NewServerConn(watched, config) }()
			<-watched.gone
			return
		}
		server, channels, requests, err := ssh.NewServerConn(conn, config)
		if err != nil {
			return
		}
		go ssh.DiscardRequests(requests)
		go func() {
			for channel := range channels {
				go serveSession(channel, phase, over)
			}
		}()
		_ = server.Wait()
	}, signer.PublicKey()
}

// watchedConn tells when its other end has gone.
type watchedConn struct {
	net.Conn
	once sync.Once
	gone chan struct{}
}

func (c *watchedConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if err != nil {
		c.once.Do(func() { close(c.gone) })
	}
	return n, err
}

func serveSession(offered ssh.NewChannel, phase sshPhase, over <-chan struct{}) {
	switch phase {
	case hangOpen:
		<-over
		return
	case refuseSession:
		_ = offered.Reject(ssh.ResourceShortage, "no more of them")
		return
	}
	channel, requests, err := offered.Accept()
	if err != nil {
		return
	}
	for request := range requests {
		if request.Type != "exec" {
			continue
		}
		switch phase {
		case hangExec:
			continue
		case refuseExec:
			_ = request.Reply(false, nil)
			continue
		}
		_ = request.Reply(true, nil)
		text := string(pkts("version 2", "ls-refs=unborn", "fetch=shallow")) + flushPkt
		switch phase {
		case closeSession:
			_ = channel.Close()
			return
		case hangGreeting:
			text = text[:10]
		case hangAnswer:
			text += "003d" + strings.Repeat("a", 20)
		}
		_, _ = channel.Write([]byte(text))
	}
}

// TestSSHHangs has a server of SSH stop in each phase: the caller's deadline holds, and what was begun is cleaned up.
func TestSSHHangs(t *testing.T) {
	t.Parallel()
	client := gitssh.NewKey(t, "ed25519", "")
	foreign := func(serve func(net.Conn)) func(*testing.T) (func(net.Conn), ssh.PublicKey) {
		return func(t *testing.T) (func(net.Conn), ssh.PublicKey) {
			t.Helper()
			_, key := sshServer(t, hangOpen)
			return serve, key
		}
	}
	at := func(phase sshPhase) func(*testing.T) (func(net.Conn), ssh.PublicKey) {
		return func(t *testing.T) (func(net.Conn), ssh.PublicKey) { t.Helper(); return sshServer(t, phase) }
	}
	for name, tt := range map[string]struct {
		server func(*testing.T) (func(net.Conn), ssh.PublicKey)
		proxy  bool
		code   Code
		// kept: the server itself answers, so that the connection is kept when a conversation is broken off.
		kept bool
	}{
		"nothing":               {foreign(untilGone), false, Timeout, false},
		"slow greeting":         {foreign(slowly), false, "", false},
		"key exchange":          {foreign(func(c net.Conn) { _, _ = c.Write([]byte("SSH-2.0-x\r\n")); untilGone(c) }), false, Timeout, false},
		"proxy, nothing":        {foreign(untilGone), true, Timeout, false},
		"authentication":        {at(hangAuthentication), false, Timeout, false},
		"channel":               {at(hangOpen), false, Timeout, false},
		"command":               {at(hangExec), false, Timeout, false},
		"Git's greeting":        {at(hangGreeting), false, Timeout, true},
		"answer":                {at(hangRequest), false, Timeout, true},
		"middle of the answer":  {at(hangAnswer), false, Timeout, true},
		"session closed":        {at(closeSession), false, Unreachable, false},
		"session refused":       {at(refuseSession), false, Forbidden, false},
		"command refused":       {at(refuseExec), false, NotAGitServer, false},
		"hangs up":              {foreign(func(net.Conn) {}), false, Unreachable, false},
		"another protocol":      {foreign(func(c net.Conn) { _, _ = c.Write([]byte(strings.Repeat("no SSH\r\n", 10000))) }), false, Unreachable, false},
		"garbage key exchange":  {foreign(func(c net.Conn) { _, _ = c.Write([]byte("SSH-2.0-x\r\n" + strings.Repeat("\xff", 4096))) }), false, Unreachable, false},
		"endless version":       {foreign(func(c net.Conn) { _, _ = c.Write([]byte("SSH-2.0-" + strings.Repeat("x", 1<<20))) }), false, Unreachable, false},
		"hangs up over a proxy": {foreign(func(net.Conn) {}), true, Unreachable, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			serve, hostKey := tt.server(t)
			server := newHangingServer(t, serve)
			f := &fixture{t: t, ctx: t.Context(), cache: newTestCache(t, CacheOptions{Dir: t.TempDir()})}
			cred := Credentials{SSHKey: client.Private, KnownHosts: knownhosts.Line([]string{server.address}, hostKey)}
			if tt.proxy {
				cred.Proxy = Proxy{Address: "http://" + server.address}
			}
			s := githttp.Must(f.cache.Source("ssh://git@"+server.address+"/a.git", cred))(t)
			ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
			defer cancel()
			began := time.Now()
			_, err := s.Resolve(ctx, Ref{}, time.Time{})
			if tt.code == "" && err == nil {
				t.Error("it succeeded")
			} else if tt.code != "" {
				hasCode(t, err, tt.code)
			}
			if took := time.Since(began); took > 5*time.Second {
				t.Errorf("took %s", took)
			}
			if server.seen.Load() == 0 {
				t.Error("nobody came")
			}
			if tt.code == Timeout {
				if tt.kept {
					f.cache.Close()
				}
				f.ctx = context.Background()
				f.eventually("the connection is closed", func() error {
					if n := server.open.Load(); n != 0 {
						return fmt.Errorf("%d are open", n)
					}
					return nil
				})
			}
		})
	}
}

// TestHTTPHangsBefore has what is before the answer hang: TLS, a proxy, GitHub's API. What comes later is for TestHang.
func TestHTTPHangsBefore(t *testing.T) {
	t.Parallel()
	silent := newHangingServer(t, untilGone)
	app := GitHubApp{ID: "1", InstallationID: "2", PrivateKey: newRSAKey(t), BaseURL: "https://" + silent.address}
	for name, tt := range map[string]struct {
		url  string
		cred Credentials
	}{
		"answer":    {"http://" + silent.address + "/a.git", Credentials{}},
		"TLS":       {"https://" + silent.address + "/a.git", Credentials{}},
		"proxy":     {"https://git.example.com/a.git", Credentials{Proxy: Proxy{Address: "http://" + silent.address}}},
		"TLS proxy": {"https://git.example.com/a.git", Credentials{Proxy: Proxy{Address: "https://" + silent.address}}},
		"SOCKS":     {"https://git.example.com/a.git", Credentials{Proxy: Proxy{Address: "socks5://" + silent.address}}},
		"API":       {"https://git.example.com/a.git", Credentials{GitHubApp: app}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newTestCache(t, CacheOptions{Dir: t.TempDir()})
			s := githttp.Must(c.Source(tt.url, tt.cred))(t)
			ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
			defer cancel()
			began := time.Now()
			_, err := s.Resolve(ctx, Ref{}, time.Time{})
			hasCode(t, err, Timeout)
			if took := time.Since(began); took > 5*time.Second {
				t.Errorf("took %s", took)
			}
		})
	}
}
