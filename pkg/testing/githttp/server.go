package githttp

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"net/http/cgi"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// Options configure a Server.
type Options struct {
	// Dir holds the bare repositories; those that are there already are served too.
	Dir string
	// Address to listen on; default a free port of 127.0.0.1.
	Address string
	// TLS, if not nil, makes the server speak HTTPS.
	TLS *tls.Config
}

// Server serves the bare repositories of a folder.
type Server struct {
	env     environment
	dir     string
	backend string
	home    string
	http    *http.Server
	address string
	scheme  string
	served  chan error
	// closeOnce is close, the first time.
	closeOnce func() error

	mu          sync.Mutex
	credentials map[string][]Credentials
	requests    []Request
	fault       func(Request) *Fault
	v0          bool
	noShallow   bool
}

// Credentials open a repository: a bearer token, or else user name and password.
type Credentials struct {
	Username, Password string
	BearerToken        string
}

// Start starts to serve. Close ends it.
func Start(o Options) (*Server, error) {
	if o.Address == "" {
		o.Address = "127.0.0.1:0"
	}
	if err := os.MkdirAll(o.Dir, 0o755); err != nil {
		return nil, err
	}
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return nil, err
	}
	home, err := os.MkdirTemp("", "githttp-")
	if err != nil {
		return nil, err
	}
	s := &Server{dir: dir, home: home, credentials: map[string][]Credentials{}, served: make(chan error, 1)}
	s.closeOnce = sync.OnceValue(s.close)
	if err := s.listen(o.Address, o.TLS); err != nil {
		return nil, errors.Join(err, os.RemoveAll(home))
	}
	return s, nil
}

func (s *Server) listen(address string, secure *tls.Config) (err error) {
	if s.env, err = newEnvironment(s.home); err != nil {
		return err
	}
	if s.backend, err = s.env.findBackend(context.Background()); err != nil {
		return err
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	s.address = listener.Addr().String()
	s.http = &http.Server{Handler: http.HandlerFunc(s.serve), ReadHeaderTimeout: 10 * time.Second}
	s.scheme = "http"
	if secure != nil {
		s.scheme = "https"
		listener = tls.NewListener(listener, secure)
		// Clients that refuse the certificate, or are refused, are no news.
		s.http.ErrorLog = log.New(discard{}, "", 0)
	}
	go func() { s.served <- s.http.Serve(listener) }()
	return nil
}

// Close stops the server and removes its temporary files; the repositories stay. Requests under way are cut off. Closing it again does
// nothing.
func (s *Server) Close() error {
	return s.closeOnce()
}

func (s *Server) close() error {
	err := s.http.Close()
	if served := <-s.served; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	return errors.Join(err, os.RemoveAll(s.home))
}

// Address is host and port.
func (s *Server) Address() string { return s.address }

// URL of a repository, to clone from.
func (s *Server) URL(name string) string {
	return s.scheme + "://" + s.address + "/" + repoName(name)
}

func repoName(name string) string { return strings.TrimSuffix(name, ".git") + ".git" }

// CreateRepo makes an empty bare repository; its name may have folders.
func (s *Server) CreateRepo(name string) (*Repo, error) {
	if !filepath.IsLocal(name) {
		return nil, fmt.Errorf("repository name %q leads out of the folder", name)
	}
	dir := filepath.Join(s.dir, filepath.FromSlash(repoName(name)))
	if _, err := s.env.git(context.Background(), s.dir, nil, "init", "--quiet", "--bare", "--initial-branch="+DefaultBranch, dir); err != nil {
		return nil, err
	}
	return s.Repo(name), nil
}

// Repo is an existing repository.
func (s *Server) Repo(name string) *Repo {
	name = repoName(name)
	return &Repo{Name: name, Dir: filepath.Join(s.dir, filepath.FromSlash(name)), URL: s.URL(name), env: s.env}
}

// Protect makes a repository private: it answers 401 to all but these.
func (s *Server) Protect(name string, credentials ...Credentials) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.credentials[repoName(name)] = credentials
}

// SpeakV0 makes the server ignore the wish for protocol version 2.
func (s *Server) SpeakV0(on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.v0 = on
}

// DisableShallow makes the server neither offer nor accept shallow fetches.
func (s *Server) DisableShallow(on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.noShallow = on
}

func (s *Server) serve(w http.ResponseWriter, req *http.Request) {
	s.mu.Lock()
	v0, noShallow := s.v0, s.noShallow
	s.mu.Unlock()
	if v0 {
		req.Header.Del("Git-Protocol")
	}
	record, body, err := readRequest(req)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	req.Body = body
	fault := s.record(record)
	if !s.allowed(record.Repo, req) {
		w.Header().Set("WWW-Authenticate", `Basic realm="git"`)
		http.Error(w, "authentication required", http.StatusUnauthorized)
		return
	}
	if fault.before(w, req) {
		return
	}
	var rewrite func([]byte) []byte
	if fault != nil {
		rewrite = fault.Rewrite
	}
	if noShallow {
		if record.Shallow {
			refuseShallow(w)
			return
		}
		rewrite = hideShallow
	}
	if rewrite != nil {
		answer := &bufferedWriter{header: w.Header()}
		defer answer.copyTo(w, rewrite)
		w = answer
	}
	s.handler(req).ServeHTTP(fault.wrap(w, req), req)
}

func (s *Server) handler(req *http.Request) http.Handler {
	env := append([]string{
		"GIT_PROJECT_ROOT=" + s.dir,
		"GIT_HTTP_EXPORT_ALL=1",
		"REMOTE_USER=",
	}, s.env...)
	if v := req.Header.Get("Git-Protocol"); v != "" {
		env = append(env, "GIT_PROTOCOL="+v)
	}
	return &cgi.Handler{Path: s.backend, Root: "/", Dir: s.dir, Env: env, Stderr: discard{}}
}

// discard takes what git writes to standard error: clients that go away are no news.
type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }

func (s *Server) allowed(repo string, req *http.Request) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	accepted, private := s.credentials[repo]
	if !private {
		return true
	}
	for _, c := range accepted {
		if c.BearerToken != "" {
			if req.Header.Get("Authorization") == "Bearer "+c.BearerToken {
				return true
			}
		} else if user, password, ok := req.BasicAuth(); ok && user == c.Username && password == c.Password {
			return true
		}
	}
	return false
}
