package verify

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// workshop is a repository and the tools that people sign with.
type workshop struct {
	t    *testing.T
	dir  string
	home string
}

func newWorkshop(t *testing.T) *workshop {
	t.Helper()
	// gpg-agent wants a short path for its socket.
	home := must(os.MkdirTemp("", "gpg"))(t)
	w := &workshop{t: t, dir: t.TempDir(), home: home}
	t.Cleanup(func() {
		w.run("gpgconf", "--kill", "all")
		_ = os.RemoveAll(home)
	})
	w.git("init", "--quiet")
	return w
}

func (w *workshop) run(name string, args ...string) string {
	w.t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir = w.dir
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + w.home, "GNUPGHOME=" + w.home, "GIT_CONFIG_NOSYSTEM=1", "LC_ALL=C"}
	var out, problems bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &problems
	if err := cmd.Run(); err != nil {
		w.t.Fatalf("%s %s: %v: %s", name, strings.Join(args, " "), err, problems.String())
	}
	return out.String()
}

func (w *workshop) git(args ...string) string {
	w.t.Helper()
	return w.run("git", append([]string{"-c", "user.name=Ada", "-c", "user.email=ada@example.com"}, args...)...)
}

// object is the id and the raw content of what a revision names.
func (w *workshop) object(kind, revision string) (string, []byte) {
	w.t.Helper()
	return strings.TrimSpace(w.git("rev-parse", revision)), []byte(w.git("cat-file", kind, revision))
}

// TestRealGit verifies what git, gpg and ssh-keygen really make: commits, merges of signed tags, and tags.
func TestRealGit(t *testing.T) {
	w := newWorkshop(t)
	w.run("gpg", "--batch", "--passphrase", "", "--quick-gen-key", "Ada <ada@example.com>", "ed25519", "cert", "1d")
	fingerprint := strings.Split(strings.Split(w.run("gpg", "--list-keys", "--with-colons"), "\nfpr:")[1], ":")[8]
	w.run("gpg", "--batch", "--passphrase", "", "--quick-add-key", fingerprint, "rsa3072", "sign")
	sshKey := filepath.Join(w.home, "id")
	w.run("ssh-keygen", "-q", "-t", "ecdsa", "-N", "", "-C", "ada@laptop", "-f", sshKey)
	public := must(os.ReadFile(sshKey + ".pub"))(t)
	keys := keysOf(t, w.run("gpg", "--armor", "--export"), string(public))
	others := keysOf(t, sshPublic(sshSigner(t)))
	byGPG := []string{"-c", "user.signingKey=" + fingerprint}
	bySSH := []string{"-c", "gpg.format=ssh", "-c", "user.signingKey=" + sshKey}
	for how, config := range map[string][]string{"OpenPGP 0x" + fingerprint: byGPG, "SSH SHA256:": bySSH} {
		name := "v-" + how[:3]
		git := func(args ...string) {
			w.git(append(config[:2:len(config)], append(config[2:len(config):len(config)], args...)...)...)
		}
		git("commit", "--quiet", "--allow-empty", "-S", "-m", "one\n\nwith more lines")
		git("tag", "-s", "-m", "Release\n\nof much", name)
		git("checkout", "--quiet", "-b", "side-"+name, "HEAD")
		git("commit", "--quiet", "--allow-empty", "-S", "-m", "two")
		git("tag", "-s", "-m", "On the side", "side-of-"+name)
		git("checkout", "--quiet", "master")
		git("commit", "--quiet", "--allow-empty", "-S", "-m", "three")
		git("merge", "--quiet", "--no-ff", "-S", "-m", "merged", "side-of-"+name)
		for _, revision := range []string{"HEAD", "HEAD^1", "HEAD^2"} {
			id, data := w.object("commit", revision)
			signer, err := Commit(id, data, keys, time.Now())
			if err != nil || !strings.HasPrefix(signer.String(), how) {
				t.Errorf("%s of %s: %q, %v", how, revision, signer, err)
			}
			_, err = Commit(id, data, others, time.Now())
			wantReason(t, err, UnknownKey)
		}
		id, data := w.object("tag", name)
		target := strings.TrimSpace(w.git("rev-parse", name+"^{commit}"))
		if signer, err := Tag(id, data, name, target, keys, time.Now()); err != nil || !strings.HasPrefix(signer.String(), how) {
			t.Errorf("tag %s: %q, %v", name, signer, err)
		}
	}
	w.git("merge", "--quiet", "--no-ff", "-m", "holds a signed tag, and is not signed", "side-of-v-Ope", "--allow-unrelated-histories")
	w.git("commit", "--quiet", "--allow-empty", "-m", "not signed")
	id, data := w.object("commit", "HEAD")
	_, err := Commit(id, data, keys, time.Now())
	wantReason(t, err, NoSignature)
	_, err = Commit(id, data, keys, time.Now())
	wantReason(t, err, NoSignature)

	file := filepath.Join(w.home, "payload")
	must(0, os.WriteFile(file, []byte(unsigned), 0o600))(t)
	sha1 := w.run("gpg", "--batch", "--armor", "--detach-sign", "--digest-algo", "SHA1", "--output", "-", file)
	_, err = commit(withHeader(unsigned, "gpgsig", sha1), keys, time.Now())
	wantReason(t, err, Unsupported, "SHA-1")

	id, data = w.object("commit", "side-v-Ope")
	_, err = Commit(id, data, keys, time.Now().Add(48*time.Hour))
	wantReason(t, err, ExpiredKey)
}
