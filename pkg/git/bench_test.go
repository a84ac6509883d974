package git

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"
)

func BenchmarkPollUnchanged(b *testing.B) {
	f := newFixture(b)
	f.ctx = b.Context()
	f.commit(map[string]string{"a.yaml": "1"})
	s := f.source()
	f.resolve(Ref{})
	for b.Loop() {
		_, err := s.Resolve(f.ctx, Ref{Branch: "main"}, time.Time{})
		f.check(err)
	}
}

// BenchmarkFetchIncrement is from a known commit id to all files in memory; 20 of 1,000 files changed.
func BenchmarkFetchIncrement(b *testing.B) {
	f := newFixture(b)
	f.ctx = b.Context()
	f.commit(manyFiles(1000, "base"))
	f.git("repack", "-adb")
	f.fetch(f.resolve(Ref{}))
	n := 0
	for b.Loop() {
		b.StopTimer()
		n++
		change := map[string]string{}
		for i := range 20 {
			change[fmt.Sprintf("apps/a%02d/file-%04d.yaml", (i*37)%25, (i*37)%1000)] = strings.Repeat(fmt.Sprintf("changed: %d %d\n", i, n), 60)
		}
		hash := f.commit(change)
		b.StartTimer()
		s, err := f.source().Fetch(f.ctx, Revision{Hash: hash})
		f.check(err)
		files, err := s.Files(f.ctx, "", everything)
		f.check(err)
		if len(files) != 1000 {
			b.Fatalf("%d files", len(files))
		}
	}
}

func BenchmarkFetchFresh(b *testing.B) {
	f := newFixture(b)
	f.ctx = b.Context()
	hash := f.commit(manyFiles(1000, "base"))
	f.git("repack", "-adb")
	for b.Loop() {
		f.cache = newTestCache(b, CacheOptions{Dir: b.TempDir()})
		s, err := f.source().Fetch(f.ctx, Revision{Hash: hash})
		f.check(err)
		_, err = s.Files(f.ctx, "", everything)
		f.check(err)
	}
}

func BenchmarkReadFiles(b *testing.B) {
	f := newFixture(b)
	f.ctx = b.Context()
	f.commit(manyFiles(1000, "base"))
	s := f.fetch(f.resolve(Ref{}))
	b.ReportAllocs()
	for b.Loop() {
		files, err := s.Files(f.ctx, "", everything)
		f.check(err)
		if len(files) != 1000 {
			b.Fatalf("%d files", len(files))
		}
	}
}

func BenchmarkTreeID(b *testing.B) {
	f := newFixture(b)
	f.ctx = b.Context()
	f.commit(manyFiles(1000, "base"))
	s := f.fetch(f.resolve(Ref{}))
	for b.Loop() {
		_, err := s.TreeID(f.ctx, "apps/a03")
		f.check(err)
	}
}

// farTransport is a network whose round trip takes a while. The benchmarks with it count round trips.
type farTransport struct {
	http.RoundTripper
	roundTrip time.Duration
}

func (f farTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	select {
	case <-time.After(f.roundTrip):
	case <-req.Context().Done():
		return nil, req.Context().Err()
	}
	return f.RoundTripper.RoundTrip(req)
}

// BenchmarkPushSeen is from a push to its files in memory, over a network with a round trip of 20 ms: without a hint, with the right one,
// with a stale one.
func BenchmarkPushSeen(b *testing.B) {
	for _, kind := range []string{"none", "right", "stale", "unknown"} {
		b.Run("hint="+kind, func(b *testing.B) {
			f := newFixture(b)
			f.ctx = b.Context()
			f.cache = newTestCache(b, CacheOptions{Dir: b.TempDir(), Transport: farTransport{newHTTPTransport(), 20 * time.Millisecond}})
			f.commit(manyFiles(100, "base"))
			f.read(Ref{})
			n := 0
			for b.Loop() {
				b.StopTimer()
				n++
				hint := ""
				switch kind {
				case "right":
					hint = f.commit(map[string]string{"apps/a00/file-0000.yaml": fmt.Sprint("changed: ", n)})
				case "stale":
					hint = f.commit(map[string]string{"apps/a00/file-0000.yaml": fmt.Sprint("stale: ", n)})
					f.commit(map[string]string{"apps/a00/file-0000.yaml": fmt.Sprint("changed: ", n)})
				default:
					f.commit(map[string]string{"apps/a00/file-0000.yaml": fmt.Sprint("changed: ", n)})
				}
				if kind == "unknown" {
					hint = fmt.Sprintf("%040x", n)
				}
				b.StartTimer()
				f.seePush(hint)
			}
		})
	}
}

// seePush does what a run does with a push.
func (f *fixture) seePush(hint string) {
	ctx, cancel := context.WithCancel(f.ctx)
	over := make(chan struct{})
	go func() {
		defer close(over)
		if hint != "" {
			_ = f.source().Anticipate(ctx, Revision{Ref: "refs/heads/main", Hash: hint}) // any end will do
		}
	}()
	f.read(Ref{Branch: "main"})
	cancel()
	<-over
}

// BenchmarkRepeats compares one folder of a commit, as each GitRepository of a large repository does at each push.
func BenchmarkRepeats(b *testing.B) {
	f := newFixture(b)
	f.ctx = b.Context()
	f.commit(manyFiles(1000, "base"))
	reads := &Reads{}
	s := f.fetch(f.resolve(Ref{}))
	f.files(s.Noting(reads), "apps/a03")
	for b.Loop() {
		if same, err := s.Repeats(f.ctx, reads); err != nil || !same {
			b.Fatal(same, err)
		}
	}
}

// TestIdleMemory holds 100 sources of 300 files each: their objects must be on disk only, with no file left open.
func TestIdleMemory(t *testing.T) {
	f := newFixture(t)
	f.commit(manyFiles(300, "x"))
	heap := func() uint64 {
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	f.read(Ref{})
	before := heap()
	openBefore := openFiles()
	for i := range 100 {
		s := f.sourceWith(Credentials{Username: "u", Password: fmt.Sprint(i)})
		rev, err := s.Resolve(f.ctx, Ref{}, time.Time{})
		f.check(err)
		snapshot, err := s.Fetch(f.ctx, rev)
		f.check(err)
		_, err = snapshot.Files(f.ctx, "", everything)
		f.check(err)
	}
	grown := int64(heap()) - int64(before)
	t.Logf("100 idle sources: %d KiB of heap, %d more open files", grown/1024, openFiles()-openBefore)
	if grown > 10<<20 {
		t.Errorf("100 idle sources take %d bytes", grown)
	}
	if more := openFiles() - openBefore; more > 10 {
		t.Errorf("%d files are left open", more)
	}
}

func openFiles() int {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return 0
	}
	return len(entries)
}
