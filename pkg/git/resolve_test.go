package git

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"nopea.io/nopea/pkg/testing/githttp"
)

// versions runs a test against a server of each protocol version.
func versions(t *testing.T, test func(t *testing.T, f *fixture)) {
	for _, v0 := range []bool{false, true} {
		t.Run(map[bool]string{false: "v2", true: "v0"}[v0], func(t *testing.T) {
			f := newFixture(t)
			f.server.SpeakV0(v0)
			test(t, f)
		})
	}
}

func TestResolve(t *testing.T) {
	versions(t, func(t *testing.T, f *fixture) {
		first := f.commit(map[string]string{"a.yaml": "1"})
		second := f.commit(map[string]string{"a.yaml": "2"})
		tag := githttp.Must(f.repo.AnnotatedTag("v1", first, "one"))(t)
		for ref, hash := range map[string]string{
			"refs/tags/light":       first,
			"refs/heads/main2":      first,
			"refs/heads/feature/x":  first,
			"refs/pull/1/head":      first,
			"refs/tags/v1.0":        second,
			"refs/heads/mai":        first,
			"refs/merge-requests/7": second,
		} {
			f.check(f.repo.SetRef(ref, hash))
		}
		for _, tt := range []struct {
			ref  Ref
			want Revision
		}{
			{Ref{}, Revision{Ref: "refs/heads/main", Hash: second}},
			{Ref{Branch: "main"}, Revision{Ref: "refs/heads/main", Hash: second}},
			{Ref{Branch: "mai"}, Revision{Ref: "refs/heads/mai", Hash: first}},
			{Ref{Branch: "feature/x"}, Revision{Ref: "refs/heads/feature/x", Hash: first}},
			{Ref{Tag: "light", Branch: "main"}, Revision{Ref: "refs/tags/light", Hash: first}},
			{Ref{Tag: "v1"}, Revision{Ref: "refs/tags/v1", Hash: first, Tag: tag}},
			{Ref{Tag: "v1.0"}, Revision{Ref: "refs/tags/v1.0", Hash: second}},
			{Ref{Name: "refs/pull/1/head", Tag: "v1"}, Revision{Ref: "refs/pull/1/head", Hash: first}},
			{Ref{Name: "HEAD"}, Revision{Ref: "refs/heads/main", Hash: second}},
			{Ref{Commit: strings.ToUpper(first), Name: "x"}, Revision{Hash: first}},
		} {
			if got := f.resolve(tt.ref); got != tt.want {
				t.Errorf("%v: got %+v, want %+v", tt.ref, got, tt.want)
			}
			if c := f.fetch(f.resolve(tt.ref)).Commit(); c.Hash != tt.want.Hash || c.AuthorName != "" && c.AuthorName != "Ada" {
				t.Errorf("%v: fetched %+v", tt.ref, c)
			}
		}
		for _, ref := range []Ref{{Branch: "ma"}, {Branch: "feature"}, {Tag: "v1."}, {Name: "refs/pull/2/head"}} {
			_, err := f.source().Resolve(f.ctx, ref, time.Time{})
			if ref.Tag == "v1." {
				hasCode(t, err, InvalidRef)
			} else {
				hasCode(t, err, RefNotFound)
			}
		}
	})
}

func TestResolveFollowsTheBranch(t *testing.T) {
	versions(t, func(t *testing.T, f *fixture) {
		first := f.commit(map[string]string{"a.yaml": "1"})
		second := f.commit(map[string]string{"a.yaml": "2"})
		for _, hash := range []string{second, first} { // back: a force push
			f.check(f.repo.SetRef("refs/heads/main", hash))
			if got := f.resolve(Ref{Branch: "main"}).Hash; got != hash {
				t.Fatalf("got %s, want %s", got, hash)
			}
		}
		f.check(f.repo.SetRef("refs/heads/other", first))
		f.check(f.repo.DeleteRef("refs/heads/main"))
		_, err := f.source().Resolve(f.ctx, Ref{Branch: "main"}, time.Time{})
		hasCode(t, err, RefNotFound)
		_, err = f.source().Resolve(f.ctx, Ref{}, time.Time{})
		hasCode(t, err, EmptyRepository)
		f.check(f.repo.SetHead("other"))
		if got, want := f.resolve(Ref{}), (Revision{Ref: "refs/heads/other", Hash: first}); got != want {
			t.Errorf("got %v, want %v", got, want)
		}
	})
}

func TestResolveEmptyRepository(t *testing.T) {
	versions(t, func(t *testing.T, f *fixture) {
		for _, ref := range []Ref{{}, {Branch: "main"}, {Tag: "v1"}} {
			_, err := f.source().Resolve(f.ctx, ref, time.Time{})
			hasCode(t, err, EmptyRepository)
		}
	})
}

func TestPollIsOneSmallRequest(t *testing.T) {
	f := newFixture(t)
	hash := f.commit(map[string]string{"a.yaml": "1"})
	var refs strings.Builder
	for i := range 5000 {
		fmt.Fprintf(&refs, "create refs/heads/b%d %s\n", i, hash)
	}
	f.gitIn(refs.String(), "update-ref", "--stdin")
	counting := &countingTransport{base: newHTTPTransport()}
	f.cache = newTestCache(t, CacheOptions{Dir: t.TempDir(), Transport: counting})
	f.resolve(Ref{Branch: "main"})
	f.server.TakeRequests()
	counting.bytes.Store(0)
	if got := f.resolve(Ref{Branch: "main"}).Hash; got != hash {
		t.Fatalf("got %s", got)
	}
	if got := commands(f.server.TakeRequests()); got != "ls-refs" {
		t.Errorf("requests: %s", got)
	}
	if n := counting.bytes.Load(); n == 0 || n > 200 {
		t.Errorf("the poll's answer took %d bytes", n)
	}
	f.server.SpeakV0(true) // the server was replaced: what is remembered is wrong now
	if got := f.resolve(Ref{Branch: "main"}).Hash; got != hash {
		t.Fatalf("got %s", got)
	}
}

// countingTransport counts the bytes of bodies that were read.
type countingTransport struct {
	base  http.RoundTripper
	bytes atomic.Int64
}

func (c *countingTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := c.base.RoundTrip(req)
	if err == nil {
		resp.Body = &countingBody{resp.Body, c}
	}
	return resp, err
}

type countingBody struct {
	io.ReadCloser
	c *countingTransport
}

func (b *countingBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.c.bytes.Add(int64(n))
	return n, err
}

func TestResolveSharesRequests(t *testing.T) {
	f := newFixture(t)
	hash := f.commit(map[string]string{"a.yaml": "1"})
	f.resolve(Ref{})
	f.server.TakeRequests()
	since := time.Now()
	var group sync.WaitGroup
	for range 30 {
		group.Go(func() {
			rev, err := f.source().Resolve(f.ctx, Ref{Branch: "main"}, since)
			if err != nil || rev.Hash != hash {
				t.Errorf("got %v, %v", rev, err)
			}
		})
	}
	group.Wait()
	if got := commands(f.server.TakeRequests()); got != "ls-refs" {
		t.Errorf("requests: %s", got)
	}
}

// TestResolveAfterSince lets a request that began too early hang: a later caller must not get its answer.
func TestResolveAfterSince(t *testing.T) {
	f := newFixture(t)
	f.commit(map[string]string{"a.yaml": "1"})
	f.resolve(Ref{})
	release, entered := make(chan struct{}), make(chan struct{})
	var once atomic.Bool
	f.server.SetFault(func(githttp.Request) *githttp.Fault {
		if once.CompareAndSwap(false, true) {
			close(entered)
			return &githttp.Fault{Hang: release}
		}
		return nil
	})
	early := make(chan error)
	go func() {
		_, err := f.source().Resolve(f.ctx, Ref{}, time.Time{})
		early <- err
	}()
	<-entered
	want := f.commit(map[string]string{"a.yaml": "2"})
	if got := f.resolve(Ref{}).Hash; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	close(release)
	f.check(<-early)
}

func TestOneCallerGivingUpLeavesTheOthers(t *testing.T) {
	f := newFixture(t)
	hash := f.commit(map[string]string{"a.yaml": "1"})
	release, entered := make(chan struct{}), make(chan struct{}, 10)
	f.server.SetFault(func(githttp.Request) *githttp.Fault {
		entered <- struct{}{}
		return &githttp.Fault{Hang: release}
	})
	since := time.Now()
	ctx, cancel := context.WithCancel(f.ctx)
	gone, stays := make(chan error), make(chan error)
	go func() {
		_, err := f.source().Resolve(ctx, Ref{}, since)
		gone <- err
	}()
	<-entered
	go func() {
		rev, err := f.source().Resolve(f.ctx, Ref{}, since)
		if err == nil && rev.Hash != hash {
			err = errors.New("wrong hash " + rev.Hash)
		}
		stays <- err
	}()
	cancel()
	err := <-gone
	hasCode(t, err, Canceled)
	if !errors.Is(err, context.Canceled) {
		t.Error("the error hides that the context was cancelled")
	}
	close(release)
	f.check(<-stays)
}

// TestOtherRepositoriesOfAHost are asked as the first was, and one that wants something else is found out.
func TestOtherRepositoriesOfAHost(t *testing.T) {
	f := newFixture(t)
	f.commit(map[string]string{"a.yaml": "1"})
	f.resolve(Ref{})
	other := githttp.Must(f.server.CreateRepo("team/other"))(t)
	hash := githttp.Must(other.Commit(map[string]string{"b.yaml": "2"}))(t)
	source, err := f.cache.Source(other.URL, Credentials{})
	f.check(err)
	f.server.TakeRequests()
	revision, err := source.Resolve(f.ctx, Ref{}, time.Time{})
	f.check(err)
	if requests := f.server.TakeRequests(); revision.Hash != hash || len(requests) != 1 || requests[0].Command != "ls-refs" {
		t.Errorf("%v by %+v", revision, requests)
	}
	f.server.SpeakV0(true)
	third := githttp.Must(f.server.CreateRepo("team/third"))(t)
	hash = githttp.Must(third.Commit(map[string]string{"c.yaml": "3"}))(t)
	source, err = f.cache.Source(third.URL, Credentials{})
	f.check(err)
	if revision, err = source.Resolve(f.ctx, Ref{}, time.Time{}); err != nil || revision.Hash != hash {
		t.Errorf("a repository that speaks another version: %v, %v", revision, err)
	}
}
