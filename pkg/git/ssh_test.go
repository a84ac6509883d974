package git

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/ssh/knownhosts"

	"nopea.io/nopea/pkg/testing/gitssh"
)

// sshFixture is a fixture whose repository is read over a real sshd.
type sshFixture struct {
	*fixture
	sshd *gitssh.Server
	key  gitssh.Key
	cred Credentials
}

func newSSHFixture(t testing.TB, o gitssh.Options) *sshFixture {
	t.Helper()
	f := &sshFixture{fixture: newFixture(t), sshd: gitssh.New(t, o), key: gitssh.NewKey(t, "ed25519", "")}
	f.sshd.Authorize(t, f.key)
	f.cred = Credentials{SSHKey: f.key.Private, KnownHosts: f.sshd.KnownHosts(t)}
	return f
}

func (f *sshFixture) at(url string, cred Credentials) *Source {
	f.t.Helper()
	s, err := f.cache.Source(url, cred)
	f.check(err)
	return s
}

func (f *sshFixture) url() string { return f.sshd.URL(f.repo.Dir) }

func (f *sshFixture) pull(s *Source) map[string]string {
	f.t.Helper()
	rev, err := s.Resolve(f.ctx, Ref{}, time.Time{})
	f.check(err)
	snapshot, err := s.Fetch(f.ctx, rev)
	f.check(err)
	return f.files(snapshot, "")
}

// TestSSH polls and fetches over both versions of the protocol, and from tags, commits and branches.
func TestSSH(t *testing.T) {
	t.Parallel()
	for _, v0 := range []bool{false, true} {
		t.Run(fmt.Sprintf("v0=%v", v0), func(t *testing.T) {
			t.Parallel()
			f := newSSHFixture(t, gitssh.Options{V0: v0})
			_, err := f.at(f.url(), f.cred).Resolve(f.ctx, Ref{}, time.Time{})
			hasCode(t, err, EmptyRepository)
			want := manyFiles(200, "one")
			first := f.commit(want)
			s := f.at(f.url(), f.cred)
			wantFiles(t, f.pull(s), want)
			want["more.yaml"] = "2"
			f.commit(map[string]string{"more.yaml": "2"})
			wantFiles(t, f.pull(s), want)
			githttpTag(f.fixture, "v1", first)
			rev, err := s.Resolve(f.ctx, Ref{Tag: "v1"}, time.Time{})
			f.check(err)
			if rev.Hash != first {
				t.Errorf("the tag is %+v", rev)
			}
			_, err = s.Resolve(f.ctx, Ref{Branch: "nowhere"}, time.Time{})
			hasCode(t, err, RefNotFound)
			_, err = s.Fetch(f.ctx, Revision{Hash: strings.Repeat("a", 40)})
			hasCode(t, err, CommitNotFound)
			if n := f.sshd.Connections(); n != 1 {
				t.Errorf("%d connections", n)
			}
			if known := s.cache.acquire(s).remote.known.Load(); known.v2 == v0 {
				t.Errorf("the server speaks v2: %v", known.v2)
			}
			other := f.at(f.sshd.URL(f.repo.Dir+"/nowhere.git"), f.cred)
			_, err = other.Resolve(f.ctx, Ref{}, time.Time{})
			hasCode(t, err, RepositoryNotFound)
		})
	}
}

func githttpTag(f *fixture, name, hash string) {
	f.t.Helper()
	if _, err := f.repo.AnnotatedTag(name, hash, "a tag"); err != nil {
		f.t.Fatal(err)
	}
}

// TestSSHQuoting reads a repository whose path a shell would take apart.
func TestSSHQuoting(t *testing.T) {
	t.Parallel()
	f := newSSHFixture(t, gitssh.Options{})
	want := map[string]string{"a.yaml": "1"}
	f.commit(want)
	hostile := filepath.Join(filepath.Dir(f.repo.Dir), "it's $(touch hacked) `x` ! \\ é.git")
	if out, err := exec.Command("cp", "-r", f.repo.Dir, hostile).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	escaped := strings.NewReplacer(" ", "%20", "`", "%60", `\`, "%5C").Replace(hostile)
	wantFiles(t, f.pull(f.at(f.sshd.URL(escaped), f.cred)), want)
}

// TestSSHKeys logs in with every type of key, and fails with those that do not fit.
func TestSSHKeys(t *testing.T) {
	t.Parallel()
	f := newSSHFixture(t, gitssh.Options{})
	want := map[string]string{"a.yaml": "1"}
	f.commit(want)
	keys := map[string]gitssh.Key{
		"ed25519": gitssh.NewKey(t, "ed25519", ""), "ecdsa": gitssh.NewKey(t, "ecdsa", ""), "rsa": gitssh.NewKey(t, "rsa", "", "-b", "2048"),
		"rsa pem": gitssh.NewKey(t, "rsa", "", "-b", "2048", "-m", "PEM"), "encrypted": gitssh.NewKey(t, "ed25519", "open sesame"),
		"encrypted pem": gitssh.NewKey(t, "rsa", "open sesame", "-b", "2048", "-m", "PEM"),
	}
	var all []gitssh.Key
	for _, key := range keys {
		all = append(all, key)
	}
	f.sshd.Authorize(t, all...)
	for name, key := range keys {
		cred := f.cred
		cred.SSHKey = key.Private
		if strings.HasPrefix(name, "encrypted") {
			_, err := f.at(f.url(), cred).Resolve(f.ctx, Ref{}, time.Time{})
			says(t, wantCode(t, err, InvalidCredentials), "encrypted", "password")
			cred.SSHPassphrase = "wrong words"
			_, err = f.at(f.url(), cred).Resolve(f.ctx, Ref{}, time.Time{})
			says(t, wantCode(t, err, InvalidCredentials), "does not open", "password")
			cred.SSHPassphrase = "open sesame"
		}
		t.Run(name, func(t *testing.T) { wantFiles(t, f.pull(f.at(f.url(), cred)), want) })
	}
	for text, words := range map[string][]string{
		"no key": {"PEM"}, keys["ed25519"].Public: {"public key"}, "PuTTY-User-Key-File-3: ssh-ed25519\n": {"puttygen"},
		"-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIIB\n-----END ENCRYPTED PRIVATE KEY-----\n":   {"PKCS #8", "ssh-keygen -p"},
		"-----BEGIN OPENSSH PRIVATE KEY-----\nMIIB\n-----END OPENSSH PRIVATE KEY-----\n":       {"ssh-keygen -t ed25519"},
		"-----BEGIN OPENSSH PRIVATE KEY-----\n" + strings.Repeat("QUFB", 30000) + "\n-----END": {"longer"},
	} {
		cred := f.cred
		cred.SSHKey = text
		_, err := f.at(f.url(), cred).Resolve(f.ctx, Ref{}, time.Time{})
		says(t, wantCode(t, err, InvalidCredentials), words...)
	}
	stranger := f.cred
	stranger.SSHKey = gitssh.NewKey(t, "ed25519", "").Private
	_, err := f.at(f.url(), stranger).Resolve(f.ctx, Ref{}, time.Time{})
	says(t, wantCode(t, err, Unauthorized), "ssh-ed25519", "SHA256:", f.sshd.User, "deploy key")
}

// says fails unless an error and its hint together have all the words.
func says(t testing.TB, e *Error, words ...string) {
	t.Helper()
	for _, word := range words {
		if text := e.Error() + " " + e.Hint(); !strings.Contains(text, word) {
			t.Errorf("%q does not say %q", text, word)
		}
	}
}

// TestSSHHostKeys checks the host's key in every case, with the server's keys of all types.
func TestSSHHostKeys(t *testing.T) {
	t.Parallel()
	f := newSSHFixture(t, gitssh.Options{})
	want := map[string]string{"a.yaml": "1"}
	f.commit(want)
	with := func(known string) *Source {
		cred := f.cred
		cred.KnownHosts = known
		return f.at(f.url(), cred)
	}
	hashed := ""
	for line := range strings.Lines(f.sshd.KnownHosts(t, "ed25519")) {
		hashed += knownhosts.HashHostname(knownhosts.Normalize(f.sshd.Address)) + " " + strings.SplitN(line, " ", 2)[1]
	}
	foreign := f.sshd.ForeignHosts(t)
	// Whatever type of key known_hosts has, the server is asked for that one.
	for name, known := range map[string]string{
		"ed25519": f.sshd.KnownHosts(t, "ed25519"), "ecdsa": f.sshd.KnownHosts(t, "ecdsa"), "rsa": f.sshd.KnownHosts(t, "rsa"),
		"hashed": hashed, "comments": "# a comment\n\n" + f.sshd.KnownHosts(t, "rsa"),
		"other hosts": strings.Replace(foreign, f.sshd.Address[strings.LastIndex(f.sshd.Address, ":"):], ":1", 1) + f.sshd.KnownHosts(t, "ecdsa"),
		"old and new": foreign + f.sshd.KnownHosts(t, "ed25519"),
	} {
		t.Run(name, func(t *testing.T) { wantFiles(t, f.pull(with(known)), want) })
	}
	connections := f.sshd.Connections()
	_, port, _ := strings.Cut(f.sshd.Address, ":")
	for name, tt := range map[string]struct {
		known string
		code  Code
		words []string
	}{
		"another key":  {foreign, HostKeyMismatch, []string{"[127.0.0.1]:" + port, "SHA256:", "ssh-ed25519", "another"}},
		"other host":   {"example.com " + strings.SplitN(foreign, " ", 2)[1], HostKeyUnknown, []string{"[127.0.0.1]:" + port, "ssh-keyscan -p " + port + " 127.0.0.1"}},
		"not a line":   {"# fine\nnonsense\n", InvalidCredentials, []string{"line 2", "ssh-keyscan"}},
		"revoked":      {"@revoked " + f.sshd.KnownHosts(t, "ed25519") + f.sshd.KnownHosts(t, "ed25519"), HostKeyMismatch, []string{"@revoked"}},
		"an authority": {"@cert-authority " + f.sshd.KnownHosts(t, "ed25519"), HostKeyMismatch, []string{"certificate"}},
		"stars":        {"*a*b*c " + strings.SplitN(foreign, " ", 2)[1], InvalidCredentials, []string{"*"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := with(tt.known).Resolve(f.ctx, Ref{}, time.Time{})
			e := wantCode(t, err, tt.code)
			says(t, e, tt.words...)
			if strings.Contains(e.Error(), f.cache.opts.Dir) {
				t.Errorf("the message names a file: %s", e)
			}
		})
	}
	if f.sshd.Connections() != connections {
		t.Error("the key was shown to a host that is not known")
	}
	left, err := filepath.Glob(filepath.Join(f.cache.opts.Dir, knownHostsMark+"*"))
	if err != nil || len(left) != 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
	_, err = f.cache.Source(f.url(), Credentials{SSHKey: f.cred.SSHKey})
	says(t, wantCode(t, err, InvalidCredentials), "known_hosts", "ssh-keyscan -p "+port)
	_, err = f.cache.Source(f.url(), Credentials{Password: "x"})
	says(t, wantCode(t, err, InvalidCredentials), "identity")
}

// TestSSHSharesConnections has many ask at once, and one after the other: few connections, and a fetch in the conversation of the look.
func TestSSHSharesConnections(t *testing.T) {
	t.Parallel()
	f := newSSHFixture(t, gitssh.Options{MaxSessions: 3})
	f.commit(map[string]string{"a.yaml": "1"})
	s := f.at(f.url(), f.cred)
	f.pull(s)
	f.commit(map[string]string{"a.yaml": "2"})
	before := f.sshd.Sessions()
	f.pull(s)
	if n := f.sshd.Sessions() - before; n != 1 {
		t.Errorf("a look and a fetch took %d sessions", n)
	}
	if n := f.sshd.Connections(); n != 1 {
		t.Errorf("%d connections", n)
	}
	// More than a connection takes, by the limit of the server.
	var group sync.WaitGroup
	errs := make(chan error, 12)
	for i := range cap(errs) {
		githttpTag(f.fixture, fmt.Sprintf("v%d", i), "main")
	}
	for i := range cap(errs) {
		group.Go(func() {
			_, err := s.Resolve(f.ctx, Ref{Tag: fmt.Sprintf("v%d", i)}, time.Time{})
			errs <- err
		})
	}
	group.Wait()
	close(errs)
	for err := range errs {
		f.check(err)
	}
	t.Logf("%d connections, %d sessions", f.sshd.Connections(), f.sshd.Sessions())
	// Another key shares nothing.
	connections := f.sshd.Connections()
	other := gitssh.NewKey(t, "ed25519", "")
	f.sshd.Authorize(t, f.key, other)
	cred := f.cred
	cred.SSHKey = other.Private
	f.pull(f.at(f.url(), cred))
	if n := f.sshd.Connections() - connections; n != 1 {
		t.Errorf("another key made %d connections", n)
	}
}

// TestSSHConnectionsEnd closes what nobody uses, and finds another way when the server closed it.
func TestSSHConnectionsEnd(t *testing.T) {
	t.Parallel()
	f := newSSHFixture(t, gitssh.Options{})
	f.commit(map[string]string{"a.yaml": "1"})
	f.cache.ssh.every, f.cache.ssh.keep = 20*time.Millisecond, time.Hour
	s := f.at(f.url(), f.cred)
	f.pull(s)
	f.cache.ssh.mu.Lock()
	conn := f.cache.ssh.conns[s.cache.sshKey(s.at, s.cred)][0]
	f.cache.ssh.mu.Unlock()
	if err := conn.client.Close(); err != nil {
		t.Fatal(err)
	}
	f.pull(s)
	if n := f.sshd.Connections(); n != 2 {
		t.Errorf("%d connections", n)
	}
	f.cache.ssh.close()
	f.eventually("no connection is left", func() error {
		f.cache.ssh.mu.Lock()
		defer f.cache.ssh.mu.Unlock()
		if n := len(f.cache.ssh.conns); n != 0 {
			return fmt.Errorf("%d are", n)
		}
		return nil
	})
	f.cache = newTestCache(t, CacheOptions{Dir: t.TempDir()})
	f.cache.ssh.every, f.cache.ssh.keep = 20*time.Millisecond, time.Millisecond
	s = f.at(f.url(), f.cred)
	f.pull(s)
	f.eventually("an idle connection is closed", func() error {
		f.cache.ssh.mu.Lock()
		defer f.cache.ssh.mu.Unlock()
		if n := len(f.cache.ssh.conns); n != 0 {
			return fmt.Errorf("%d are left", n)
		}
		return nil
	})
	f.pull(s)
}

func (f *fixture) eventually(what string, check func() error) {
	f.t.Helper()
	ctx, cancel := context.WithTimeout(f.ctx, waitLimit)
	defer cancel()
	var err error
	for ctx.Err() == nil {
		if err = check(); err == nil {
			return
		}
		select {
		case <-ctx.Done():
		case <-time.After(5 * time.Millisecond):
		}
	}
	f.t.Fatalf("waited in vain for: %s: %v", what, errors.Join(ctx.Err(), err))
}

// BenchmarkPollSSH is a poll over a connection that was kept, and over one that is made for it.
func BenchmarkPollSSH(b *testing.B) {
	f := newSSHFixture(b, gitssh.Options{})
	f.ctx = b.Context()
	f.commit(map[string]string{"a.yaml": "1"})
	s := f.at(f.url(), f.cred)
	f.pull(s)
	b.Run("kept", func(b *testing.B) {
		for b.Loop() {
			_, err := s.Resolve(f.ctx, Ref{Branch: "main"}, time.Time{})
			f.check(err)
		}
	})
	b.Run("new", func(b *testing.B) {
		for b.Loop() {
			f.cache.ssh.close()
			f.cache.ssh = newSSHPool()
			st := f.cache.acquire(s)
			st.remote.transport.(*sshTransport).pool = f.cache.ssh
			f.cache.release(st)
			_, err := s.Resolve(f.ctx, Ref{Branch: "main"}, time.Time{})
			f.check(err)
		}
	})
}
