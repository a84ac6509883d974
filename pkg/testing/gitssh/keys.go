package gitssh

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Key is a pair of keys.
type Key struct {
	// Private is in PEM, Public a line of authorized_keys.
	Private, Public string
}

// NewKey makes a key by ssh-keygen: of a type that it knows, such as "ed25519", and encrypted if there is a passphrase. More arguments go
// to ssh-keygen.
func NewKey(tb testing.TB, kind, passphrase string, arguments ...string) Key {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), "key")
	if err := keygen(path, kind, passphrase, arguments...); err != nil {
		tb.Fatal(err)
	}
	return Key{Private: read(tb, path), Public: strings.TrimSpace(read(tb, path+".pub"))}
}

func read(tb testing.TB, path string) string {
	tb.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		tb.Fatal(err)
	}
	return string(data)
}

func keygen(path, kind, passphrase string, arguments ...string) error {
	// The cheapest derivation there is: what it protects ends with the test.
	out, err := exec.Command("ssh-keygen", append([]string{"-q", "-t", kind, "-N", passphrase, "-C", "test", "-a", "1", "-f", path}, arguments...)...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("ssh-keygen -t %s: %w: %s", kind, err, bytes.TrimSpace(out))
	}
	return nil
}

// Authorize lets these keys in, and no other. It holds from the next connection on.
func (s *Server) Authorize(tb testing.TB, keys ...Key) {
	tb.Helper()
	var text strings.Builder
	for _, key := range keys {
		fmt.Fprintln(&text, key.Public)
	}
	if err := os.WriteFile(s.authorizedKeys(), []byte(text.String()), 0o600); err != nil {
		tb.Fatal(err)
	}
}

// KnownHosts are lines of known_hosts for the server's keys of these types; default all.
func (s *Server) KnownHosts(tb testing.TB, kinds ...string) string {
	tb.Helper()
	if len(kinds) == 0 {
		kinds = []string{"*"}
	}
	var text strings.Builder
	for _, kind := range kinds {
		files, err := filepath.Glob(filepath.Join(s.dir, "host_"+kind+".pub"))
		if err != nil {
			tb.Fatal(err)
		}
		for _, file := range files {
			fmt.Fprintf(&text, "%s %s\n", s.knownName(), strings.TrimSpace(read(tb, file)))
		}
	}
	return text.String()
}

// ForeignHosts are lines of known_hosts with another key for the server.
func (s *Server) ForeignHosts(tb testing.TB) string {
	tb.Helper()
	return s.knownName() + " " + NewKey(tb, "ed25519", "").Public + "\n"
}

func (s *Server) knownName() string {
	host, port, err := net.SplitHostPort(s.Address)
	if err != nil {
		return s.Address
	}
	return "[" + host + "]:" + port
}
