package git

import (
	"net"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"
)

// FuzzKnownHosts: no panic, no time without end, nothing left behind; and a key is accepted only if its text is there.
func FuzzKnownHosts(f *testing.F) {
	key, err := strangersKey()
	if err != nil {
		f.Fatal(err)
	}
	line := knownhosts.Line([]string{"git.example.com:22"}, key)
	authorized := string(ssh.MarshalAuthorizedKey(key))
	for _, seed := range []string{
		line, "# a comment\n\n" + line, "@revoked " + line, "@cert-authority " + line, "*.example.com,!git.example.com " + authorized,
		knownhosts.HashHostname("git.example.com") + " " + authorized, "[git.example.com]:22 " + authorized, "git.example.com ssh-ed25519 AAAA",
		"git.example.com", "|1|a|b " + authorized, "@x " + line, "g*t.*.com " + authorized,
	} {
		f.Add(seed)
	}
	dir := f.TempDir()
	material := strings.Fields(authorized)[1]
	f.Fuzz(func(t *testing.T, text string) {
		began := time.Now()
		keys, err := readKnownHosts(dir, text, "git.example.com:22")
		switch CodeOf(err) {
		case "":
			if err != nil {
				t.Errorf("no Error: %v", err)
			}
		case HostKeyUnknown, InvalidCredentials:
		default:
			t.Errorf("code %s: %v", CodeOf(err), err)
		}
		if err == nil {
			if len(keys.algorithms) == 0 || slices.Contains(keys.algorithms, ssh.KeyAlgoRSA) || slices.Contains(keys.algorithms, "") {
				t.Errorf("algorithms %v", keys.algorithms)
			}
			if err := keys.verify("", &net.TCPAddr{}, key); err == nil && !strings.Contains(text, material) {
				t.Error("a key was accepted that is not there")
			}
		}
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("took %s", took)
		}
		if left, err := filepath.Glob(filepath.Join(dir, knownHostsMark+"*")); err != nil || len(left) != 0 {
			t.Errorf("left behind: %v, %v", left, err)
		}
	})
}
