package git

import (
	"bufio"
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"testing"
	"time"
)

// TestManyRefs reads a version 0 advertisement of half a million refs without keeping them, and refuses one of a million, which is
// larger than the limit, in words.
func TestManyRefs(t *testing.T) {
	serve := func(refs int) *Source {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/x-git-upload-pack-advertisement")
			out := bufio.NewWriter(w)
			line := func(text string) { fmt.Fprintf(out, "%04x%s", len(text)+4, text) }
			line("# service=git-upload-pack\n")
			fmt.Fprint(out, "0000")
			line(someHash + " HEAD\x00multi_ack side-band-64k shallow symref=HEAD:refs/heads/main\n")
			for i := range refs {
				line(fmt.Sprintf("%s refs/pull/%09d/head\n", someHash, i))
			}
			line(someHash + " refs/tags/v1\n")
			fmt.Fprint(out, "0000")
			if err := out.Flush(); err != nil {
				return // the client has read enough
			}
		}))
		t.Cleanup(server.Close)
		source, err := newTestCache(t, CacheOptions{Dir: t.TempDir()}).Source(server.URL+"/many.git", Credentials{})
		if err != nil {
			t.Fatal(err)
		}
		return source
	}
	var before, after runtime.MemStats
	half := serve(500_000)
	runtime.GC()
	runtime.ReadMemStats(&before)
	revision, err := half.Resolve(t.Context(), Ref{Tag: "v1"}, time.Time{})
	if err != nil || revision.Hash != someHash {
		t.Fatalf("%v, %v", revision, err)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if kept := int64(after.HeapAlloc) - int64(before.HeapAlloc); kept > 4<<20 {
		t.Errorf("%d bytes are kept of a list of refs", kept)
	}
	_, err = serve(1_000_000).Resolve(t.Context(), Ref{Tag: "v1"}, time.Time{})
	if e := wantCode(t, err, TooLarge); e.Limit != "MaxAdvertisementBytes" {
		t.Errorf("limit %q", e.Limit)
	}
}
