package git

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"nopea.io/nopea/pkg/testing/githttp"
)

// TestContains asks about commits before, beside, after and merged into the one that a ref points to, with one request each.
func TestContains(t *testing.T) {
	versions(t, func(t *testing.T, f *fixture) {
		first := f.commit(map[string]string{"a.yaml": "1"})
		f.check(f.repo.SetRef("refs/heads/side", first))
		side := githttp.Must(f.repo.CommitTo("side", "Side", map[string]string{"b.yaml": "1"}))(t)
		f.check(f.repo.SetRef("refs/heads/merged", first))
		merged := githttp.Must(f.repo.CommitTo("merged", "Merged", map[string]string{"c.yaml": "1"}))(t)
		second := f.commit(map[string]string{"a.yaml": "2"})
		tree := f.git("rev-parse", second+"^{tree}")
		tip := f.git("commit-tree", "-m", "Merge", "-p", second, "-p", merged, tree)
		f.check(f.repo.SetRef("refs/heads/main", tip))
		after := githttp.Must(f.repo.CommitTo("main", "After", map[string]string{"a.yaml": "3"}))(t)
		rev := f.resolve(Ref{Branch: "main"})
		f.server.TakeRequests()
		for name, test := range map[string]struct {
			tip, commit string
			want        bool
		}{
			"itself": {after, after, true}, "its parent": {after, tip, true}, "the first": {after, first, true}, "merged": {after, merged, true},
			"beside": {after, side, false}, "later": {second, after, false}, "a child of an ancestor": {second, merged, false},
		} {
			got, err := f.source().Contains(f.ctx, Revision{Hash: test.tip, Ref: rev.Ref}, test.commit)
			if err != nil || got != test.want {
				t.Errorf("%s: %t, %v; want %t", name, got, err, test.want)
			}
			asked := f.server.TakeRequests()
			if len(asked) > 1 || name == "itself" && len(asked) > 0 {
				t.Errorf("%s: %d requests", name, len(asked))
			}
		}
		_, err := f.source().Contains(f.ctx, Revision{Hash: after}, strings.Repeat("12", 20))
		hasCode(t, err, CommitNotFound)
		_, err = f.source().Contains(f.ctx, Revision{Hash: after}, "main")
		hasCode(t, err, InvalidRef)
	})
}

// TestContainsInLongHistory moves next to nothing, whatever the history and the other branch hold.
func TestContainsInLongHistory(t *testing.T) {
	f := newFixture(t)
	var stream bytes.Buffer
	const commits = 3000
	for i := range commits {
		fmt.Fprintf(&stream, "commit refs/heads/main\ncommitter A <a@example.com> %d +0000\ndata 1\nx\n", 1_700_000_000+i)
		fmt.Fprintf(&stream, "M 644 inline f%d\ndata 4\n%04d\n", i%50, i)
	}
	f.gitIn(stream.String(), "fast-import", "--quiet")
	first := f.git("rev-list", "--max-parents=0", "main")
	f.check(f.repo.SetRef("refs/heads/side", first))
	side := githttp.Must(f.repo.CommitTo("side", "Side", map[string]string{"big": strings.Repeat("0123456789abcdef", 1<<16)}))(t)
	rev := f.resolve(Ref{Branch: "main"})
	for commit, want := range map[string]bool{first: true, side: false} {
		got, err := f.source().Contains(f.ctx, rev, commit)
		if err != nil || got != want {
			t.Errorf("%s: %t, %v; want %t", commit, got, err, want)
		}
	}
}

func FuzzPackedObjects(f *testing.F) {
	f.Add([]byte("PACK\x00\x00\x00\x02\x00\x00\x00\x00"))
	f.Add([]byte("PACK"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if n, err := packedObjects(bytes.NewReader(data)); err != nil && n != 0 {
			t.Errorf("%d, %v", n, err)
		}
	})
}
