package git

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"nopea.io/nopea/pkg/testing/githttp"
)

// waitLimit is how long a test waits for what should happen at once.
const waitLimit = 20 * time.Second

type fixture struct {
	t      testing.TB
	server *githttp.Server
	repo   *githttp.Repo
	cache  *Cache
	ctx    context.Context
}

func newFixture(t testing.TB) *fixture {
	return newFixtureWith(t, Limits{})
}

func newFixtureWith(t testing.TB, limits Limits) *fixture {
	t.Helper()
	f := &fixture{t: t, server: githttp.New(t)}
	f.repo = githttp.Must(f.server.CreateRepo("team/app"))(t)
	f.cache = newTestCache(t, CacheOptions{Dir: t.TempDir(), Limits: limits})
	ctx, cancel := context.WithTimeout(t.Context(), 2*waitLimit)
	t.Cleanup(cancel)
	f.ctx = ctx
	return f
}

func newTestCache(t testing.TB, o CacheOptions) *Cache {
	t.Helper()
	c, err := NewCache(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func (f *fixture) source() *Source { return f.sourceWith(Credentials{}) }

func (f *fixture) sourceWith(cred Credentials) *Source {
	f.t.Helper()
	s, err := f.cache.Source(f.repo.URL, cred)
	if err != nil {
		f.t.Fatal(err)
	}
	return s
}

func (f *fixture) commit(files map[string]string) string {
	f.t.Helper()
	return githttp.Must(f.repo.Commit(files))(f.t)
}

func (f *fixture) git(args ...string) string {
	f.t.Helper()
	return githttp.Must(f.repo.Git(args...))(f.t)
}

func (f *fixture) gitIn(stdin string, args ...string) string {
	f.t.Helper()
	return githttp.Must(f.repo.GitIn(strings.NewReader(stdin), args...))(f.t)
}

func (f *fixture) check(err error) {
	f.t.Helper()
	if err != nil {
		f.t.Fatal(err)
	}
}

func (f *fixture) resolve(ref Ref) Revision {
	f.t.Helper()
	rev, err := f.source().Resolve(f.ctx, ref, time.Time{})
	f.check(err)
	return rev
}

func (f *fixture) fetch(rev Revision) *Snapshot {
	f.t.Helper()
	s, err := f.source().Fetch(f.ctx, rev)
	f.check(err)
	return s
}

// read resolves, fetches and reads all files.
func (f *fixture) read(ref Ref) map[string]string {
	f.t.Helper()
	return f.files(f.fetch(f.resolve(ref)), "")
}

func (f *fixture) files(s *Snapshot, path string) map[string]string {
	f.t.Helper()
	files, err := s.Files(f.ctx, path, everything)
	f.check(err)
	m := map[string]string{}
	for i, file := range files {
		m[file.Path] = string(file.Data)
		if i > 0 && files[i-1].Path >= file.Path {
			f.t.Errorf("files are not sorted: %s before %s", files[i-1].Path, file.Path)
		}
	}
	return m
}

func everything(string) bool { return true }

// wantCode fails unless the error has that code, and shows the text that a user would see.
// hasCode is wantCode where the code says it all.
func hasCode(t testing.TB, err error, code Code) {
	t.Helper()
	_ = wantCode(t, err, code)
}

func wantCode(t testing.TB, err error, code Code) *Error {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) {
		t.Fatalf("got %v (%T), want an Error with code %s", err, err, code)
	}
	if e.Code != code {
		t.Fatalf("got code %s (%v), want %s", e.Code, err, code)
	}
	t.Logf("%s | %s", e, e.Hint())
	return e
}

func commands(requests []githttp.Request) string {
	var names []string
	for _, r := range requests {
		names = append(names, r.Command)
	}
	return strings.Join(names, " ")
}

func manyFiles(n int, salt string) map[string]string {
	m := map[string]string{}
	for i := range n {
		m[fmt.Sprintf("apps/a%02d/file-%04d.yaml", i%25, i)] = fmt.Sprintf("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: c-%d\ndata:\n  value: %q\n%s", i, salt, strings.Repeat(fmt.Sprintf("  k%d: some text that is here to give the file a size\n", i), 20))
	}
	return m
}
