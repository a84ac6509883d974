package gitssh

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Options configure a Server.
type Options struct {
	// V0 makes sshd drop what asks for version 2 of Git's protocol, as it does where nobody configured it.
	V0 bool
	// HostKeys are the types of its host keys, as ssh-keygen calls them; default ed25519, ecdsa and rsa.
	HostKeys []string
	// MaxSessions over one connection; default 10.
	MaxSessions int
}

// Server is an sshd.
type Server struct {
	// Address is host and port; User is who logs in.
	Address, User string

	dir     string
	command *exec.Cmd
	ended   chan struct{} // closed when it has, with why in reason
	reason  error
}

// patience is how long a server may take to start or to stop.
const patience = 20 * time.Second

// New starts a server that ends with the test. Where OpenSSH is not installed the test is skipped, but in CI it fails.
func New(tb testing.TB, o Options) *Server {
	tb.Helper()
	sshd, err := find()
	if err != nil {
		if os.Getenv("CI") == "true" {
			tb.Fatal(err)
		}
		tb.Skip(err)
	}
	s, err := start(sshd, tb.TempDir(), o)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := s.stop(); err != nil {
			tb.Error(err)
		}
		if tb.Failed() {
			tb.Logf("sshd's log ends with:\n%s", s.log())
		}
	})
	return s
}

// find locates sshd, which has to be started by its whole path.
func find() (string, error) {
	for _, path := range []string{"/usr/sbin/sshd", "/usr/local/sbin/sshd", "/usr/bin/sshd", "/opt/homebrew/sbin/sshd"} {
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
			return path, nil
		}
	}
	return "", errors.New("sshd is not installed: on Debian it is in the package openssh-server")
}

func start(sshd, dir string, o Options) (*Server, error) {
	if len(o.HostKeys) == 0 {
		o.HostKeys = []string{"ed25519", "ecdsa", "rsa"}
	}
	if o.MaxSessions == 0 {
		o.MaxSessions = 10
	}
	if os.Getuid() == 0 {
		// Of root sshd demands an empty folder for the part of it that has no rights.
		if err := os.MkdirAll("/run/sshd", 0o755); err != nil {
			return nil, err
		}
	}
	current, err := user.Current()
	if err != nil {
		return nil, err
	}
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	s := &Server{Address: address, User: current.Username, dir: dir, ended: make(chan struct{})}
	config, err := s.config(o)
	if err != nil {
		return nil, err
	}
	s.command = exec.Command(sshd, "-D", "-e", "-f", config)
	out, err := os.Create(s.logFile())
	if err != nil {
		return nil, err
	}
	s.command.Stderr = out
	if err := errors.Join(s.command.Start(), out.Close()); err != nil {
		return nil, err
	}
	go func() {
		defer close(s.ended)
		s.reason = s.command.Wait()
	}()
	return s, s.ready()
}

func freeAddress() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return listener.Addr().String(), listener.Close()
}

// config writes all that sshd reads.
func (s *Server) config(o Options) (string, error) {
	var text strings.Builder
	host, port, err := net.SplitHostPort(s.Address)
	if err != nil {
		return "", err
	}
	gitConfig := filepath.Join(s.dir, "gitconfig")
	for name, content := range map[string]string{gitConfig: "[safe]\n\tdirectory = *\n", s.authorizedKeys(): ""} {
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			return "", err
		}
	}
	fmt.Fprintf(&text, "ListenAddress %s\nPort %s\nAuthorizedKeysFile %s\nPidFile none\nMaxSessions %d\n", host, port, s.authorizedKeys(), o.MaxSessions)
	// bash reads the start-up file of the home folder when sshd runs it. What is in there is none of the tests' business.
	fmt.Fprintf(&text, "SetEnv HOME=%s GIT_CONFIG_GLOBAL=%s GIT_CONFIG_NOSYSTEM=1\n", s.dir, gitConfig)
	text.WriteString("UsePAM no\nStrictModes no\nPasswordAuthentication no\nKbdInteractiveAuthentication no\nPermitRootLogin yes\nLogLevel VERBOSE\nMaxStartups 100\n")
	if !o.V0 {
		text.WriteString("AcceptEnv GIT_PROTOCOL\n")
	}
	for _, kind := range o.HostKeys {
		key := filepath.Join(s.dir, "host_"+kind)
		if err := keygen(key, kind, ""); err != nil {
			return "", err
		}
		fmt.Fprintf(&text, "HostKey %s\n", key)
	}
	path := filepath.Join(s.dir, "sshd_config")
	return path, os.WriteFile(path, []byte(text.String()), 0o600)
}

func (s *Server) authorizedKeys() string { return filepath.Join(s.dir, "authorized_keys") }

// ready waits until it listens.
func (s *Server) ready() error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for {
		var dialer net.Dialer
		conn, err := dialer.DialContext(ctx, "tcp", s.Address)
		if err == nil {
			return conn.Close()
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("sshd does not listen: %w", err)
		case <-s.ended:
			return fmt.Errorf("sshd ended: %w: %s", s.reason, s.log())
		case <-time.After(10 * time.Millisecond):
		}
	}
}

func (s *Server) stop() error {
	if err := s.command.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	select {
	case <-s.ended:
		return nil
	case <-time.After(patience):
		return errors.New("sshd does not end")
	}
}

// URL of a bare repository in a folder of this machine.
func (s *Server) URL(dir string) string { return "ssh://" + s.User + "@" + s.Address + dir }

// Connections is how many connections have authenticated so far.
func (s *Server) Connections() int { return strings.Count(s.log(), "Accepted publickey for") }

// Sessions is how many commands were run so far.
func (s *Server) Sessions() int {
	return strings.Count(s.log(), "Starting session: command for")
}

// log is what sshd has said so far. It goes to a file, because a pipe would be held open by what it started.
func (s *Server) log() string {
	text, err := os.ReadFile(s.logFile())
	if err != nil {
		return err.Error()
	}
	return string(text)
}

func (s *Server) logFile() string { return filepath.Join(s.dir, "log") }
