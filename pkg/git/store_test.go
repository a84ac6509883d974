package git

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
)

// storeFiles are the files of a source's folder that end so.
func storeFiles(t *testing.T, f *fixture, suffix string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(f.cache.opts.Dir, f.source().key, "*"+suffix))
	f.check(err)
	if len(files) == 0 {
		t.Fatalf("the store has no *%s", suffix)
	}
	return files
}

// restart is what a new process would see.
func (f *fixture) restart() {
	f.t.Helper()
	f.cache = newTestCache(f.t, CacheOptions{Dir: f.cache.opts.Dir})
}

func TestRestartTransfersNothing(t *testing.T) {
	f := newFixture(t)
	want := manyFiles(40, "1")
	f.commit(want)
	f.read(Ref{})
	f.restart()
	f.server.TakeRequests()
	wantFiles(t, f.read(Ref{}), want)
	if got := commands(f.server.TakeRequests()); got != "advertisement ls-refs" {
		t.Errorf("requests: %s", got)
	}
	want["new.yaml"] = "x"
	f.commit(want)
	f.restart()
	wantFiles(t, f.read(Ref{}), want)
	if r := f.server.TakeRequests(); r[len(r)-1].Haves != 1 {
		t.Errorf("the fetch after a restart was not incremental: %+v", r)
	}
}

func TestDamagedStoreIsHealed(t *testing.T) {
	write := func(change func([]byte) []byte) func(*testing.T, string) {
		return func(t *testing.T, path string) {
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, change(data), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	flipAt := func(place func(int) int) func(*testing.T, string) {
		return write(func(b []byte) []byte { b[place(len(b))] ^= 1; return b })
	}
	for _, tt := range []struct {
		name, suffix string
		damage       func(*testing.T, string)
	}{
		{"segment gone", segmentSuffix, func(t *testing.T, p string) {
			if err := os.Remove(p); err != nil {
				t.Fatal(err)
			}
		}},
		{"segment empty", segmentSuffix, write(func([]byte) []byte { return nil })},
		{"segment cut", segmentSuffix, write(func(b []byte) []byte { return b[:len(b)/2] })},
		{"object changed", segmentSuffix, flipAt(func(n int) int { return n / 3 })},
		{"index changed", segmentSuffix, flipAt(func(n int) int { return n - footerSize - 40 })},
		{"footer changed", segmentSuffix, flipAt(func(n int) int { return n - footerSize + 3 })},
		{"manifest garbage", manifestName, write(func([]byte) []byte { return []byte("{") })},
		{"manifest leads out", manifestName, write(func(b []byte) []byte {
			return []byte(strings.Replace(string(b), `"segments":["`, `"segments":["../../`, 1))
		})},
		{"manifest lies", manifestName, write(func(b []byte) []byte {
			return []byte(strings.Replace(string(b), `"snapshots":[`, `"snapshots":[{"commit":"`+strings.Repeat("ab", 20)+`"},`, 1))
		})},
	} {
		for _, restart := range []bool{true, false} {
			f := newFixture(t)
			want := manyFiles(40, "1")
			hash := f.commit(want)
			held := f.fetch(f.resolve(Ref{}))
			tt.damage(t, storeFiles(t, f, tt.suffix)[0])
			if restart {
				f.restart()
				wantFiles(t, f.read(Ref{}), want)
			}
			wantFiles(t, f.files(held, ""), want)
			if id, err := held.TreeID(f.ctx, "apps/a00"); err != nil || id != f.git("rev-parse", hash+":apps/a00") {
				t.Errorf("%s: %s %v", tt.name, id, err)
			}
			want["new.yaml"] = "1"
			f.commit(want)
			wantFiles(t, f.read(Ref{}), want)
		}
	}
}

// TestDamagedBaseIsHealed damages what the next increment builds upon.
func TestDamagedBaseIsHealed(t *testing.T) {
	f := newFixture(t)
	want := manyFiles(40, "1")
	f.commit(want)
	f.fetch(f.resolve(Ref{}))
	path := storeFiles(t, f, segmentSuffix)[0]
	data, err := os.ReadFile(path)
	f.check(err)
	for i := len(segmentMagic); i < len(data)-footerSize-34*indexEntrySize*3; i += 50 {
		data[i] ^= 1
	}
	f.check(os.WriteFile(path, data, 0o600))
	want["apps/a00/file-0000.yaml"] += "# one more line\n"
	f.commit(want)
	wantFiles(t, f.read(Ref{}), want)
}

// TestMissingSubtree makes a store, and then a server, that lacks a tree: it must be an error, not a shorter list.
func TestMissingSubtree(t *testing.T) {
	f := newFixture(t)
	want := manyFiles(40, "1")
	hash := f.commit(want)
	f.fetch(f.resolve(Ref{}))
	subtree := f.git("rev-parse", hash+":apps/a03")
	st := f.cache.acquire(f.source())
	defer f.cache.release(st)
	v, generation, err := st.store.open()
	f.check(err)
	f.check(st.store.discard(generation))
	w, err := st.store.writer(0)
	f.check(err)
	for _, s := range v {
		for i := 0; i < len(s.table); i += indexEntrySize {
			var id [20]byte
			copy(id[:], s.table[i:])
			_, l, _ := v.find(id)
			o, err := l.readAt(s.file, id)
			f.check(err)
			if plumbing.Hash(id).String() == subtree {
				continue
			}
			f.check(w.add(id, o))
		}
	}
	v.close()
	err = st.store.add(f.ctx, w, kept{Commit: hash}, "")
	hasCode(t, err, Corrupt)
	if st.store.has(hash) {
		t.Error("an incomplete commit was taken into the store")
	}
	wantFiles(t, f.read(Ref{}), want)

	// A small commit lies loose on the server.
	f.cache = newTestCache(t, CacheOptions{Dir: t.TempDir()})
	f.check(os.Remove(filepath.Join(f.repo.Dir, "objects", subtree[:2], subtree[2:])))
	_, err = f.source().Fetch(f.ctx, Revision{Hash: hash})
	if err == nil {
		t.Fatal("a commit was fetched without one of its trees")
	}
	t.Log(err)
}

func TestUnfinishedFilesAreRemoved(t *testing.T) {
	f := newFixture(t)
	f.commit(map[string]string{"a.yaml": "1"})
	f.fetch(f.resolve(Ref{}))
	left := filepath.Join(f.cache.opts.Dir, f.source().key, "left"+tempSuffix)
	f.check(os.WriteFile(left, []byte("x"), 0o600))
	f.commit(map[string]string{"a.yaml": "2"})
	f.fetch(f.resolve(Ref{}))
	if _, err := os.Stat(left); !os.IsNotExist(err) {
		t.Errorf("it is still there: %v", err)
	}
}

func TestPrune(t *testing.T) {
	f := newFixture(t)
	want := map[string]string{"a.yaml": "1"}
	f.commit(want)
	snapshot := f.fetch(f.resolve(Ref{}))
	dir := filepath.Join(f.cache.opts.Dir, f.source().key)
	exists := func() bool { _, err := os.Stat(dir); return err == nil }
	f.check(f.cache.Prune(context.Background(), time.Now().Add(f.cache.opts.IdleTTL/2)))
	if !exists() {
		t.Fatal("removed too early")
	}
	f.check(f.cache.Prune(context.Background(), time.Now().Add(2*f.cache.opts.IdleTTL)))
	if exists() || len(f.cache.sources) != 0 {
		t.Fatal("not removed")
	}
	wantFiles(t, f.files(snapshot, ""), want)
	f.restart()
	f.check(f.cache.Prune(context.Background(), time.Now()))
	if !exists() {
		t.Fatal("removed right after a restart")
	}
	f.check(f.cache.Prune(context.Background(), time.Now().Add(2*f.cache.opts.IdleTTL)))
	if exists() {
		t.Fatal("not removed after a restart")
	}
}
