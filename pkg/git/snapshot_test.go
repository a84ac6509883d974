package git

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestFilesAndTreeID(t *testing.T) {
	f := newFixture(t)
	tree := map[string]string{
		"README.md": "r", "apps/a-b.yaml": "1", "apps/a.yaml": "2", "apps/a/x.yaml": "3", "apps/a/deep/er/y.yaml": "4", "apps/ä.yaml": "5", "other/z.yaml": "6",
		`odd "name"\.yaml`: "7",
	}
	first := f.commit(tree)
	s := f.fetch(f.resolve(Ref{}))
	for _, root := range []string{"", ".", "./", "/"} {
		wantFiles(t, f.files(s, root), tree)
		if id, err := s.TreeID(f.ctx, root); err != nil || id != f.git("rev-parse", first+"^{tree}") {
			t.Errorf("root: %s %v", id, err)
		}
	}
	for _, folder := range []string{"apps", "./apps/", "/apps//"} {
		if got := f.files(s, folder); len(got) != 5 || got["apps/a/x.yaml"] != "3" {
			t.Errorf("%s: %v", folder, got)
		}
	}
	wantFiles(t, f.files(s, "apps/a.yaml"), map[string]string{"apps/a.yaml": "2"})
	var asked []string
	files, err := s.Files(f.ctx, "apps/a", func(p string) bool {
		asked = append(asked, p)
		return path.Base(p) == "y.yaml"
	})
	f.check(err)
	if len(files) != 1 || files[0].Path != "apps/a/deep/er/y.yaml" || files[0].Hash != f.git("rev-parse", "main:apps/a/deep/er/y.yaml") {
		t.Errorf("got %v", files)
	}
	if !slices.Equal(asked, []string{"apps/a/deep/er/y.yaml", "apps/a/x.yaml"}) {
		t.Errorf("asked for %v", asked)
	}
	for _, p := range []string{"nope", "apps/nope", "apps/a.yaml/x", "..", "apps/../../etc", "App", "apps/a/.git"} {
		_, err := s.Files(f.ctx, p, everything)
		hasCode(t, err, PathNotFound)
		_, err = s.TreeID(f.ctx, p)
		hasCode(t, err, PathNotFound)
	}
	before, err := s.TreeID(f.ctx, "apps")
	f.check(err)
	f.commit(map[string]string{"README.md": "changed"})
	later := f.fetch(f.resolve(Ref{}))
	if after, err := later.TreeID(f.ctx, "apps"); err != nil || after != before {
		t.Errorf("%s became %s, %v", before, after, err)
	}
	ctx, cancel := context.WithCancel(f.ctx)
	cancel()
	_, err = s.Files(ctx, "", everything)
	if hasCode(t, err, Canceled); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// entry is a line of a crafted tree object.
type entry struct{ mode, name, id string }

// craft writes a tree without any of git's checks, commits it and makes main point to it.
func (f *fixture) craft(entries ...entry) {
	f.t.Helper()
	tree := f.craftTree(entries...)
	f.check(f.repo.SetRef("refs/heads/main", f.git("commit-tree", tree, "-m", "crafted")))
}

func (f *fixture) craftTree(entries ...entry) string {
	f.t.Helper()
	var raw strings.Builder
	for _, e := range entries {
		id, err := hex.DecodeString(e.id)
		f.check(err)
		fmt.Fprintf(&raw, "%s %s\x00%s", e.mode, e.name, id)
	}
	return f.gitIn(raw.String(), "hash-object", "-t", "tree", "--literally", "-w", "--stdin")
}

func TestHostileTrees(t *testing.T) {
	f := newFixture(t)
	blob := f.gitIn("content", "hash-object", "-w", "--stdin")
	lfs := f.gitIn("version https://git-lfs.github.com/spec/v1\noid sha256:abc\nsize 1\n", "hash-object", "-w", "--stdin")
	folder := f.craftTree(entry{"100644", "x.yaml", blob})
	gone := strings.Repeat("ab", 20)
	file := func(name string) entry { return entry{"100644", name, blob} }
	for _, tt := range []struct {
		name    string
		entries []entry
		code    Code
	}{
		{"dot dot", []entry{{"40000", "..", folder}}, Corrupt},
		{"dot dot file", []entry{file("..")}, Corrupt},
		{"dot", []entry{file(".")}, Corrupt},
		{"empty", []entry{file("")}, Corrupt},
		{"slash", []entry{file("a/b")}, Corrupt},
		{"climbing", []entry{file("../../etc/passwd")}, Corrupt},
		{"backslash", []entry{file(`..\..\x`)}, Corrupt},
		{".git", []entry{{"40000", ".git", folder}}, Corrupt},
		{".GIT", []entry{{"40000", ".GIT", folder}}, Corrupt},
		{"git~1", []entry{{"40000", "GIT~1", folder}}, Corrupt},
		{".git with dots", []entry{{"40000", ".git. .", folder}}, Corrupt},
		{".git stream", []entry{{"40000", ".git::$INDEX", folder}}, Corrupt},
		{"HFS", []entry{{"40000", ".g\u200cit", folder}}, Corrupt},
		{"not UTF-8", []entry{file("a\xff.yaml")}, Unsupported},
		{"control", []entry{file("a\nb.yaml")}, Unsupported},
		{"long", []entry{file(strings.Repeat("a", maxPathLen+1))}, Unsupported},
		{"twice", []entry{file("a"), file("a")}, Corrupt},
		{"file and folder", []entry{file("a"), file("a.b"), {"40000", "a", folder}}, Corrupt},
		{"unsorted", []entry{file("b"), file("a")}, Corrupt},
		{"mode", []entry{{"170000", "a", blob}}, Corrupt},
		{"mode letters", []entry{{"10x644", "a", blob}}, Corrupt},
		{"blob as folder", []entry{{"40000", "a", blob}}, Corrupt},
		{"folder as blob", []entry{{"100644", "a", folder}}, Corrupt},
		{"symlink", []entry{{"120000", "a.yaml", blob}}, Unsupported},
		{"submodule", []entry{{"160000", "lib", gone}}, Unsupported},
		{"LFS", []entry{{"100644", "big.yaml", lfs}}, Unsupported},
		{"executable", []entry{{"100755", "a.yaml", blob}}, ""},
		{"old mode", []entry{{"100664", "a.yaml", blob}}, ""},
		{"padded mode", []entry{{"040000", "a", folder}}, ""},
		{".gitignore", []entry{file(".gitignore")}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f.t = t
			f.craft(tt.entries...)
			s, err := f.source().Fetch(f.ctx, f.resolve(Ref{}))
			if err == nil {
				_, err = s.Files(f.ctx, "", everything)
			}
			if tt.code == "" {
				f.check(err)
			} else {
				hasCode(t, err, tt.code)
			}
			// Elsewhere in the repository the same is nobody's concern, as long as the trees can be read.
			f.craft(entry{"40000", "bad", f.craftTree(tt.entries...)}, entry{"40000", "good", folder})
			if s, err = f.source().Fetch(f.ctx, f.resolve(Ref{})); err == nil {
				wantFiles(t, f.files(s, "good"), map[string]string{"good/x.yaml": "content"})
			} else if CodeOf(err) != Corrupt {
				t.Error(err)
			}
		})
	}
	f.t = t
	f.craft(entry{"120000", "link", blob}, entry{"40000", "ok", folder})
	s := f.fetch(f.resolve(Ref{}))
	files, err := s.Files(f.ctx, "", func(p string) bool { return p != "link" })
	f.check(err)
	if len(files) != 1 {
		t.Errorf("got %v", files)
	}
	_, err = s.Files(f.ctx, "link/x", everything)
	if e := wantCode(t, err, Unsupported); e.Path != "link" {
		t.Error(e.Path)
	}
}

// TestParseTree has what git's own server would not even send.
func TestParseTree(t *testing.T) {
	id := strings.Repeat("i", 20)
	for raw, code := range map[string]Code{
		"":                                   "",
		"100644 a\x00" + id:                  "",
		"100644 a\x00" + id[1:]:              Corrupt,
		"100644 a":                           Corrupt,
		"100644\x00" + id:                    Corrupt,
		"100644 \x00" + id:                   Corrupt,
		" a\x00" + id:                        Corrupt,
		"10x644 a\x00" + id:                  Corrupt,
		"0100000644 a\x00" + id:              Corrupt,
		"0 a\x00" + id:                       Corrupt,
		"100644 a\x00" + id + "\x00":         Corrupt,
		"100644 b\x00" + id + "100644 a\x00": Corrupt,
	} {
		if err := parseTree([]byte(raw), func(treeEntry) error { return nil }); CodeOf(err) != code {
			t.Errorf("%q: got %v, want %s", raw, err, code)
		}
	}
}

func TestLimits(t *testing.T) {
	incompressible := func(n int) string {
		var b strings.Builder
		for i := uint64(1); b.Len() < n; i++ {
			fmt.Fprintf(&b, "%x\n", i*0x9e3779b97f4a7c15)
		}
		return b.String()
	}
	for _, tt := range []struct {
		limits Limits
		limit  string
		files  map[string]string
	}{
		{Limits{MaxAdvertisementBytes: 60}, "MaxAdvertisementBytes", map[string]string{"a": "1"}},
		{Limits{MaxPackBytes: 2000}, "MaxPackBytes", map[string]string{"a": incompressible(20000)}},
		{Limits{MaxObjects: 10}, "MaxObjects", manyFiles(20, "x")},
		{Limits{MaxObjectBytes: 5000}, "MaxObjectBytes", map[string]string{"a": strings.Repeat("0", 6000)}},
		{Limits{MaxStoreBytes: 5000}, "MaxStoreBytes", manyFiles(20, "x")},
		{Limits{MaxTreeDepth: 3}, "MaxTreeDepth", map[string]string{"a/b/c/d/e": "1"}},
		{Limits{MaxEntries: 10}, "MaxEntries", manyFiles(20, "x")},
		{Limits{MaxFiles: 10}, "MaxFiles", manyFiles(20, "x")},
		{Limits{MaxFileBytes: 100}, "MaxFileBytes", map[string]string{"a": strings.Repeat("x", 101)}},
		{Limits{MaxTotalBytes: 100}, "MaxTotalBytes", map[string]string{"a": strings.Repeat("x", 60), "b": strings.Repeat("y", 60)}},
	} {
		t.Run(tt.limit, func(t *testing.T) {
			f := newFixtureWith(t, tt.limits)
			f.commit(tt.files)
			s := f.source()
			rev, err := s.Resolve(f.ctx, Ref{}, time.Time{})
			var snapshot *Snapshot
			if err == nil {
				snapshot, err = s.Fetch(f.ctx, rev)
			}
			if err == nil {
				_, err = snapshot.Files(f.ctx, "", everything)
			}
			e := wantCode(t, err, TooLarge)
			if e.Limit != tt.limit || e.Max == 0 || !strings.Contains(e.Hint(), tt.limit) || !strings.Contains(e.Error(), fmt.Sprint(e.Max)) {
				t.Errorf("limit %s, max %d: %v", e.Limit, e.Max, e)
			}
		})
	}
}

// TestStoreLimitMakesRoom lets old commits go rather than fail.
func TestStoreLimitMakesRoom(t *testing.T) {
	f := newFixtureWith(t, Limits{MaxStoreBytes: 40_000})
	for i := range 6 {
		want := map[string]string{"a": strings.Repeat(fmt.Sprintln(i), 6000)}
		f.commit(want)
		wantFiles(t, f.read(Ref{}), want)
	}
}

// TestTreeBomb is ten folders, each of which holds the next ten times: linear to fetch, refused to read.
func TestTreeBomb(t *testing.T) {
	f := newFixtureWith(t, Limits{MaxEntries: 5000})
	tree := f.craftTree(entry{"100644", "x", f.gitIn("x", "hash-object", "-w", "--stdin")})
	for range 10 {
		var entries []entry
		for i := range 10 {
			entries = append(entries, entry{"40000", fmt.Sprint(i), tree})
		}
		tree = f.craftTree(entries...)
	}
	f.check(f.repo.SetRef("refs/heads/main", f.git("commit-tree", tree, "-m", "bomb")))
	s := f.fetch(f.resolve(Ref{}))
	_, err := s.Files(f.ctx, "", everything)
	if e := wantCode(t, err, TooLarge); e.Limit != "MaxEntries" {
		t.Error(e)
	}
}

func TestParseCommit(t *testing.T) {
	tree := strings.Repeat("ab", 20)
	c, root, err := parseCommit("id", []byte("tree "+tree+"\nparent x\nauthor A\xff B <a@b> 1700000000 +0100\ncommitter C <c@d> 1700000001 +0000\ngpgsig -----\n tree x\n\nSubject\n\nBody "+strings.Repeat("é", maxMessageLen)))
	if err != nil || root.String() != tree {
		t.Fatal(root, err)
	}
	if c.AuthorName != "A\uFFFD B" || c.AuthorEmail != "a@b" || c.AuthorTime.Unix() != 1700000000 || c.CommitTime.Unix() != 1700000001 {
		t.Errorf("got %+v", c)
	}
	if len(c.Message) > maxMessageLen || !strings.HasPrefix(c.Message, "Subject\n\nBody é") {
		t.Errorf("message of %d bytes", len(c.Message))
	}
	for _, bad := range []string{"", "tree x\n\n", "author A <a> 1 +0\n\ntree " + tree} {
		if _, _, err := parseCommit("id", []byte(bad)); CodeOf(err) != Corrupt {
			t.Errorf("%q: %v", bad, err)
		}
	}
}
