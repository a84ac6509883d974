package git

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"nopea.io/nopea/pkg/testing/githttp"
)

// hinted is a fixture whose source has one commit, and knows its server.
func hinted(t *testing.T) (f *fixture, first string) {
	f = newFixture(t)
	first = f.commit(map[string]string{"a.yaml": "1"})
	f.read(Ref{})
	f.server.TakeRequests()
	return f, first
}

// holdFetches holds back what asks for a commit, and tells when it came.
func (f *fixture) holdFetches(commit string) (came, release chan struct{}) {
	came, release = make(chan struct{}), make(chan struct{})
	var once sync.Once
	f.server.SetFault(func(r githttp.Request) *githttp.Fault {
		if r.Command != "fetch" || !strings.Contains(r.Body, "want "+commit) {
			return nil
		}
		once.Do(func() { close(came) })
		return &githttp.Fault{Hang: release}
	})
	return came, release
}

// await waits for a channel as long as the fixture lives.
func await[T any](f *fixture, what string, from <-chan T) (value T) {
	f.t.Helper()
	select {
	case value = <-from:
	case <-f.ctx.Done():
		f.t.Fatalf("waited in vain for: %s", what)
	}
	return value
}

func (f *fixture) anticipate(commit string) <-chan error {
	told := make(chan error, 1)
	go func() { told <- f.source().Anticipate(f.ctx, Revision{Ref: "refs/heads/main", Hash: commit}) }()
	return told
}

// TestHintIsFetchedBesideTheLook holds the look at the ref back until the fetch has come, which nothing but the hint asks for.
func TestHintIsFetchedBesideTheLook(t *testing.T) {
	f, _ := hinted(t)
	commit := f.commit(map[string]string{"a.yaml": "2"})
	fetched := make(chan struct{})
	f.server.SetFault(func(r githttp.Request) *githttp.Fault {
		switch r.Command {
		case "ls-refs":
			return &githttp.Fault{Hang: fetched}
		case "fetch":
			close(fetched)
		}
		return nil
	})
	hint := f.anticipate(commit)
	if got := f.read(Ref{}); got["a.yaml"] != "2" {
		t.Errorf("it reads %v", got)
	}
	f.check(await(f, "the hint", hint))
	if requests := f.server.TakeRequests(); len(requests) != 2 {
		t.Errorf("requests: %s", commands(requests))
	}
	f.check(f.source().Anticipate(f.ctx, Revision{Hash: commit}))
	if requests := f.server.TakeRequests(); len(requests) != 0 {
		t.Errorf("a hint at what is here sent: %s", commands(requests))
	}
}

// TestFetchWaitsForTheSameHint asks for a commit that a hint already fetches.
func TestFetchWaitsForTheSameHint(t *testing.T) {
	f, _ := hinted(t)
	commit := f.commit(map[string]string{"a.yaml": "2"})
	came, release := f.holdFetches(commit)
	hint := f.anticipate(commit)
	await(f, "the hint's fetch", came)
	fetched := make(chan error, 1)
	go func() {
		_, err := f.source().Fetch(f.ctx, Revision{Hash: commit})
		fetched <- err
	}()
	f.waitWanted(commit)
	close(release)
	f.check(await(f, "the fetch", fetched))
	f.check(await(f, "the hint", hint))
	if got := commands(f.server.TakeRequests()); got != "fetch" {
		t.Errorf("requests: %s", got)
	}
}

// waitWanted waits until a Fetch of that commit is under way.
func (f *fixture) waitWanted(commit string) {
	f.t.Helper()
	s := f.source()
	st := s.cache.acquire(s)
	defer s.cache.release(st)
	for f.ctx.Err() == nil {
		st.wanted.mu.Lock()
		known := st.wanted.known[commit]
		st.wanted.mu.Unlock()
		if known > 0 {
			return
		}
	}
	f.t.Fatal("nobody wants the commit")
}

// TestWrongHintGivesWay lets the fetch of a stale hint hang for ever.
func TestWrongHintGivesWay(t *testing.T) {
	f, _ := hinted(t)
	stale := f.commit(map[string]string{"a.yaml": "2"})
	f.commit(map[string]string{"a.yaml": "3"})
	came, release := f.holdFetches(stale)
	defer close(release)
	hint := f.anticipate(stale)
	await(f, "the hint's fetch", came)
	if got := f.read(Ref{}); got["a.yaml"] != "3" {
		t.Errorf("it reads %v", got)
	}
	if err := await(f, "the end of the hint", hint); !errors.Is(err, context.Canceled) {
		t.Errorf("the hint ended with %v", err)
	}
	if f.source().Has(stale) {
		t.Error("what did not arrive is in the store")
	}
	if got := commands(f.server.TakeRequests()); strings.Count(got, "fetch") != 2 || strings.Count(got, "ls-refs") != 1 {
		t.Errorf("requests: %s", got)
	}
}

// TestHintEndsWithItsCaller lets the fetch of a hint hang; whoever gave it gives up.
func TestHintEndsWithItsCaller(t *testing.T) {
	f, _ := hinted(t)
	commit := f.commit(map[string]string{"a.yaml": "2"})
	came, release := f.holdFetches(commit)
	defer close(release)
	ctx, cancel := context.WithCancel(f.ctx)
	told := make(chan error, 1)
	go func() { told <- f.source().Anticipate(ctx, Revision{Hash: commit}) }()
	await(f, "the hint's fetch", came)
	cancel()
	hasCode(t, await(f, "the end of the hint", told), Canceled)
	f.server.SetFault(nil)
	f.fetch(Revision{Hash: commit})
}

func TestBadHints(t *testing.T) {
	f, first := hinted(t)
	blob := strings.Fields(f.git("ls-tree", "main"))[2]
	tree := f.git("rev-parse", "main^{tree}")
	for name, test := range map[string]struct {
		commit string
		code   Code
		sent   string
	}{
		"an unknown commit": {strings.Repeat("1", 40), CommitNotFound, "fetch"},
		"no object id":      {"refs/heads/main", InvalidRef, ""},
		"empty":             {"", InvalidRef, ""},
		"SHA-256":           {strings.Repeat("1", 64), Unsupported, ""},
		"a blob":            {blob, Corrupt, "fetch"},
		"a tree":            {tree, Corrupt, "fetch"},
	} {
		t.Run(name, func(t *testing.T) {
			err := f.source().Anticipate(f.ctx, Revision{Ref: "refs/heads/main", Hash: test.commit})
			if code := CodeOf(err); code != test.code && !(test.code == Corrupt && code != "" && code != Canceled) {
				t.Errorf("got %v, want code %s", err, test.code)
			}
			if got := commands(f.server.TakeRequests()); got != test.sent {
				t.Errorf("requests: %s", got)
			}
			if f.source().Has(test.commit) {
				t.Error("the store says that it has it")
			}
			if !f.source().Has(first) {
				t.Error("what was in the store is gone")
			}
		})
	}
	f.commit(map[string]string{"a.yaml": "2"})
	if got := f.read(Ref{}); got["a.yaml"] != "2" {
		t.Errorf("it reads %v", got)
	}
}

// TestRefusedHint is fetched in earnest when the remote says the same.
func TestRefusedHint(t *testing.T) {
	f, _ := hinted(t)
	commit := f.commit(map[string]string{"a.yaml": "2"})
	var once sync.Once
	f.server.SetFault(func(r githttp.Request) (fault *githttp.Fault) {
		if r.Command == "fetch" {
			once.Do(func() { fault = &githttp.Fault{Status: 503} })
		}
		return fault
	})
	hasCode(t, await(f, "the hint", f.anticipate(commit)), ServerError)
	if got := f.read(Ref{}); got["a.yaml"] != "2" {
		t.Errorf("it reads %v", got)
	}
	if got := commands(f.server.TakeRequests()); got != "fetch ls-refs fetch" {
		t.Errorf("requests: %s", got)
	}
}

// TestHintWaitsForNothing gives hints where they would have to wait, get to know the server, or take the place of what is there.
func TestHintWaitsForNothing(t *testing.T) {
	f := newFixture(t)
	first := f.commit(map[string]string{"a.yaml": "1"})
	if err := f.source().Anticipate(f.ctx, Revision{Hash: first}); err == nil {
		t.Error("a server that nobody knows was asked")
	}
	f.read(Ref{})
	slow := f.commit(map[string]string{"a.yaml": "2"})
	came, release := f.holdFetches(slow)
	fetched := make(chan error, 1)
	go func() {
		_, err := f.source().Fetch(f.ctx, Revision{Hash: slow})
		fetched <- err
	}()
	await(f, "the fetch", came)
	f.server.TakeRequests()
	next := f.commit(map[string]string{"a.yaml": "3"})
	if err := f.source().Anticipate(f.ctx, Revision{Hash: next}); !errors.Is(err, errBusy) {
		t.Errorf("a hint while a transfer goes on: %v", err)
	}
	if got := commands(f.server.TakeRequests()); got != "" {
		t.Errorf("requests: %s", got)
	}
	close(release)
	f.check(await(f, "the fetch", fetched))

	f.server.SetFault(nil)
	f.server.SpeakV0(true)
	f.server.DisableShallow(true)
	f.cache = newTestCache(t, CacheOptions{Dir: t.TempDir()})
	f.read(Ref{Commit: slow})
	f.server.TakeRequests()
	hasCode(t, f.source().Anticipate(f.ctx, Revision{Hash: next}), Unsupported)
	if got := commands(f.server.TakeRequests()); got != "" || !f.source().Has(slow) {
		t.Errorf("requests: %s", got)
	}
}

func TestHintWithinLimits(t *testing.T) {
	f := newFixtureWith(t, Limits{MaxPackBytes: 4 << 10})
	f.commit(map[string]string{"a.yaml": "1"})
	f.read(Ref{})
	noise := make([]byte, 64<<10)
	_, _ = rand.Read(noise) // never fails, by its documentation
	large := f.commit(map[string]string{"b.yaml": hex.EncodeToString(noise)})
	if e := wantCode(t, f.source().Anticipate(f.ctx, Revision{Hash: large}), TooLarge); e.Limit != "MaxPackBytes" {
		t.Errorf("limit %s", e.Limit)
	}
	if f.source().Has(large) {
		t.Error("it is in the store")
	}
}

// TestPushHookPushHook pushes again and again and runs for each, with the push as a hint: every run ends with a commit that is not older
// than the push that it was told of.
func TestPushHookPushHook(t *testing.T) {
	f, _ := hinted(t)
	var runs sync.WaitGroup
	order := make(map[string]int)
	var mu sync.Mutex
	for i := range 40 {
		commit := f.commit(map[string]string{"a.yaml": fmt.Sprint("push ", i)})
		mu.Lock()
		order[commit] = i
		mu.Unlock()
		began := time.Now()
		runs.Go(func() {
			ctx, cancel := context.WithCancel(f.ctx)
			hint := make(chan struct{})
			go func() {
				defer close(hint)
				_ = f.source().Anticipate(ctx, Revision{Ref: "refs/heads/main", Hash: commit}) // any end will do
			}()
			defer func() { cancel(); <-hint }()
			rev, err := f.source().Resolve(f.ctx, Ref{Branch: "main"}, began)
			if err != nil {
				t.Error(err)
				return
			}
			s, err := f.source().Fetch(f.ctx, rev)
			if err != nil {
				t.Error(err)
				return
			}
			files, err := s.Files(f.ctx, "", everything)
			if err != nil {
				t.Error(err)
				return
			}
			mu.Lock()
			got := order[rev.Hash]
			mu.Unlock()
			if got < i || string(files[0].Data) != fmt.Sprint("push ", got) {
				t.Errorf("the run for push %d got push %d: %q", i, got, files[0].Data)
			}
		})
	}
	runs.Wait()
}

// TestHintOfVersion0 is given of a commit that was pushed away: such a server gives out only what refs reach, and says so.
func TestHintOfVersion0(t *testing.T) {
	f := newFixture(t)
	f.server.SpeakV0(true)
	f.commit(map[string]string{"a.yaml": "1"})
	f.read(Ref{})
	lost := f.commit(map[string]string{"a.yaml": "2"})
	f.git("update-ref", "refs/heads/main", "main~1")
	commit := f.commit(map[string]string{"a.yaml": "3"})
	f.server.TakeRequests()
	hasCode(t, await(f, "the hint", f.anticipate(lost)), CommitNotFound)
	f.check(await(f, "the next hint", f.anticipate(commit)))
	if got := commands(f.server.TakeRequests()); got != "fetch fetch" {
		t.Errorf("requests: %s", got)
	}
	if got := f.read(Ref{}); got["a.yaml"] != "3" {
		t.Errorf("it reads %v", got)
	}
	if got := commands(f.server.TakeRequests()); got != "advertisement" {
		t.Errorf("requests: %s", got)
	}
}
