package git

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"nopea.io/nopea/pkg/testing/githttp"
)

func wantFiles(t *testing.T, got, want map[string]string) {
	t.Helper()
	if !maps.Equal(got, want) {
		t.Fatalf("got %d files, want %d: %.300v", len(got), len(want), got)
	}
}

func TestFetchIncrements(t *testing.T) {
	versions(t, func(t *testing.T, f *fixture) {
		want := manyFiles(200, "base")
		base := f.commit(want)
		wantFiles(t, f.read(Ref{}), want)
		f.git("repack", "-adb")
		for i := range 5 {
			change := map[string]string{}
			for j := range 10 {
				change[fmt.Sprintf("apps/a%02d/file-%04d.yaml", (i+j)%25, (i+j)%25)] = strings.Repeat(fmt.Sprintf("changed: %d %d\n", i, j), 30)
			}
			maps.Copy(want, change)
			f.commit(change)
			f.server.TakeRequests()
			wantFiles(t, f.read(Ref{}), want)
			if requests := f.server.TakeRequests(); requests[len(requests)-1].Haves != 1 || len(requests) != 2 {
				t.Errorf("requests: %+v", requests)
			}
		}
		// A revert, with bitmaps on the server, is where shallow fetches of others lose objects.
		f.git("repack", "-adb")
		tree := f.git("rev-parse", base+"^{tree}")
		revert := f.git("commit-tree", tree, "-p", "main", "-m", "Revert everything")
		f.check(f.repo.SetRef("refs/heads/main", revert))
		wantFiles(t, f.read(Ref{}), manyFiles(200, "base"))
		// A force push to an unrelated history.
		orphan := f.git("commit-tree", tree, "-m", "No parents")
		f.check(f.repo.SetRef("refs/heads/main", orphan))
		wantFiles(t, f.read(Ref{}), manyFiles(200, "base"))
		gone := githttp.Must(f.repo.Delete("apps/a00"))(t)
		if files := f.read(Ref{}); len(files) != 192 {
			t.Errorf("got %d files", len(files))
		}
		// What is here needs no request.
		f.server.TakeRequests()
		f.fetch(Revision{Hash: base})
		s := f.fetch(Revision{Hash: gone})
		if got := f.server.TakeRequests(); len(got) != 0 {
			t.Errorf("requests: %v", commands(got))
		}
		if c := s.Commit(); c.Message != "Delete apps/a00" || time.Since(c.CommitTime) > time.Hour || c.Hash != gone {
			t.Errorf("commit: %+v", c)
		}
	})
}

func TestFetchCommitThatIsNoTip(t *testing.T) {
	versions(t, func(t *testing.T, f *fixture) {
		first := f.commit(map[string]string{"a.yaml": "1"})
		f.commit(map[string]string{"a.yaml": "2"})
		wantFiles(t, f.read(Ref{Commit: first}), map[string]string{"a.yaml": "1"})
		_, err := f.source().Fetch(f.ctx, Revision{Hash: strings.Repeat("ab", 20)})
		hasCode(t, err, CommitNotFound)
		blob := f.gitIn("x", "hash-object", "-w", "--stdin")
		f.check(f.repo.SetRef("refs/tags/blob", blob))
		_, err = f.source().Fetch(f.ctx, f.resolve(Ref{Tag: "blob"}))
		if err == nil {
			t.Fatal("a blob was taken for a commit")
		}
		t.Log(err)
	})
}

func TestFetchManyRefsOfOneSource(t *testing.T) {
	f := newFixture(t)
	f.commit(manyFiles(50, "x"))
	base := f.git("rev-parse", "main")
	for i := range 2 * maxSnapshots {
		f.check(f.repo.SetRef(fmt.Sprintf("refs/heads/b%d", i), base))
		githttp.Must(f.repo.CommitTo(fmt.Sprintf("b%d", i), "own", map[string]string{"own.yaml": fmt.Sprint(i)}))(t)
	}
	var snapshots []*Snapshot
	for i := range 2 * maxSnapshots {
		snapshots = append(snapshots, f.fetch(f.resolve(Ref{Branch: fmt.Sprintf("b%d", i)})))
	}
	st := f.cache.sources[f.source().key]
	if n := len(st.store.current.Snapshots); n != maxSnapshots {
		t.Errorf("%d snapshots are kept", n)
	}
	if n := len(st.store.current.Segments); n > maxSegments {
		t.Errorf("%d segments are kept", n)
	}
	// The first is not kept any more; who still holds it gets it all the same.
	for i, s := range snapshots {
		if got := f.files(s, "")["own.yaml"]; got != fmt.Sprint(i) {
			t.Errorf("b%d: got %q", i, got)
		}
	}
}

func TestCompaction(t *testing.T) {
	f := newFixture(t)
	want := map[string]string{"stays.yaml": "s"}
	f.commit(want)
	for i := range 3 * maxSegments {
		want[fmt.Sprintf("f%d.yaml", i%7)] = fmt.Sprint(i)
		f.commit(want)
		f.fetch(f.resolve(Ref{}))
	}
	wantFiles(t, f.read(Ref{}), want)
	entries, err := os.ReadDir(filepath.Join(f.cache.opts.Dir, f.source().key))
	f.check(err)
	if len(entries) > maxSegments+1 {
		t.Errorf("%d files are left", len(entries))
	}
}

func TestFetchWithoutShallow(t *testing.T) {
	versions(t, func(t *testing.T, f *fixture) {
		f.server.DisableShallow(true)
		f.commit(map[string]string{"a.yaml": "1"})
		wantFiles(t, f.read(Ref{}), map[string]string{"a.yaml": "1"})
		f.commit(map[string]string{"a.yaml": "2"})
		wantFiles(t, f.read(Ref{}), map[string]string{"a.yaml": "2"})
	})
}

func TestFetchFallsBack(t *testing.T) {
	versions(t, func(t *testing.T, f *fixture) {
		want := manyFiles(30, "1")
		f.commit(want)
		f.read(Ref{})
		refuse := func(when func(githttp.Request) bool, fault githttp.Fault) {
			f.server.TakeRequests()
			f.server.SetFault(func(r githttp.Request) *githttp.Fault {
				if when(r) {
					return &fault
				}
				return nil
			})
		}
		incremental := func(r githttp.Request) bool { return r.Haves > 0 }
		shallow := func(r githttp.Request) bool { return r.Shallow }
		report := githttp.Fault{Status: 200, Header: map[string][]string{"Content-Type": {"application/x-git-upload-pack-result"}}, Body: "0022ERR upload-pack: i do not like"}
		for i, tt := range []struct {
			name  string
			when  func(githttp.Request) bool
			fault githttp.Fault
			want  string
		}{
			{"incremental refused", incremental, report, "fetch fetch"},
			{"incremental truncated", incremental, githttp.Fault{TruncateAt: 200}, "fetch fetch"},
			{"shallow refused", shallow, report, "fetch fetch fetch"},
		} {
			want["new.yaml"] = fmt.Sprint(i)
			f.commit(want)
			refuse(tt.when, tt.fault)
			wantFiles(t, f.read(Ref{}), want)
			got := commands(f.server.TakeRequests())
			if !strings.HasSuffix(got, " "+tt.want) || strings.Count(got, "fetch") != strings.Count(tt.want, "fetch") {
				t.Errorf("%s: requests %q", tt.name, got)
			}
		}
		// Every answer cut: an error, and nothing half-done stays.
		f.commit(map[string]string{"last.yaml": "x"})
		refuse(func(r githttp.Request) bool { return r.Command == "fetch" }, githttp.Fault{TruncateAt: 300})
		_, err := f.source().Fetch(f.ctx, f.resolve(Ref{}))
		t.Log(err)
		if code := CodeOf(err); code != Unreachable && code != Corrupt {
			t.Errorf("got %v", err)
		}
		f.server.SetFault(nil)
		want["last.yaml"] = "x"
		wantFiles(t, f.read(Ref{}), want)
	})
}

func TestFetchRefusesDamagedPacks(t *testing.T) {
	f := newFixture(t)
	f.commit(manyFiles(30, "1"))
	rev := f.resolve(Ref{})
	f.server.SetFault(func(r githttp.Request) *githttp.Fault {
		if r.Command != "fetch" {
			return nil
		}
		return &githttp.Fault{Rewrite: func(b []byte) []byte {
			b[len(b)/2] ^= 0x40
			return b
		}}
	})
	_, err := f.source().Fetch(f.ctx, rev)
	hasCode(t, err, Corrupt)
}

func TestConcurrentUse(t *testing.T) {
	f := newFixture(t)
	f.commit(manyFiles(50, "1"))
	var group sync.WaitGroup
	for worker := range 8 {
		group.Go(func() {
			for range 5 {
				s := f.source()
				rev, err := s.Resolve(f.ctx, Ref{}, time.Now())
				if err != nil {
					t.Error(err)
					return
				}
				snapshot, err := s.Fetch(f.ctx, rev)
				if err != nil {
					t.Error(err)
					return
				}
				files, err := snapshot.Files(f.ctx, "apps", everything)
				if err != nil || len(files) < 50 {
					t.Errorf("worker %d: %d files, %v", worker, len(files), err)
				}
			}
		})
	}
	for i := range 10 {
		f.commit(map[string]string{fmt.Sprintf("apps/new-%d.yaml", i): "x"})
	}
	group.Wait()
}
