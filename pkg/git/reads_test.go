package git

import (
	"slices"
	"testing"
)

func TestReads(t *testing.T) {
	f := newFixture(t)
	f.commit(map[string]string{"apps/a/x.yaml": "1", "apps/b/x.yaml": "1", "base/x.yaml": "1", "top.yaml": "1"})
	first := f.fetch(f.resolve(Ref{}))
	reads := &Reads{}
	noting := first.Noting(reads)
	f.files(noting, "/apps/a/")
	f.files(noting, "base/x.yaml")
	_, err := noting.Files(f.ctx, "apps/missing", everything)
	hasCode(t, err, PathNotFound)
	if paths := reads.Paths(); !slices.Equal(paths, []string{"apps/a", "apps/missing", "base/x.yaml"}) {
		t.Errorf("noted %v", paths)
	}
	f.files(first, "top.yaml")
	repeats := func(what string, want bool) {
		t.Helper()
		got, err := f.fetch(f.resolve(Ref{})).Repeats(f.ctx, reads)
		f.check(err)
		if got != want {
			t.Errorf("%s: repeats is %v", what, got)
		}
	}
	repeats("the same commit", true)
	f.commit(map[string]string{"apps/b/x.yaml": "2", "top.yaml": "2", "base/y.yaml": "new"})
	repeats("changes beside what was read", true)
	f.commit(map[string]string{"apps/missing/x.yaml": "2"})
	repeats("what was missing is there", false)
	f.git("update-ref", "refs/heads/main", "main~1")
	repeats("and is gone again", true)
	f.commit(map[string]string{"apps/a/deep/er/x.yaml": "2"})
	repeats("a change below a folder that was read", false)
	f.git("update-ref", "refs/heads/main", "main~1")
	f.commit(map[string]string{"base/x.yaml": "2"})
	repeats("a change of a file that was read", false)
	f.git("update-ref", "refs/heads/main", "main~1")
	if _, err := f.repo.Delete("apps/a"); err != nil {
		t.Fatal(err)
	}
	repeats("a folder that is gone", false)
	if got, err := first.Repeats(f.ctx, &Reads{}); got || err != nil {
		t.Errorf("nothing was read, and repeats is %v, %v", got, err)
	}
}

// TestReadsOfALink turns a file into a symbolic link of the same object id.
func TestReadsOfALink(t *testing.T) {
	f := newFixture(t)
	f.commit(map[string]string{"a.yaml": "b"})
	reads := &Reads{}
	f.files(f.fetch(f.resolve(Ref{})).Noting(reads), "a.yaml")
	id := f.git("rev-parse", "main:a.yaml")
	tree := f.gitIn("120000 blob "+id+"\ta.yaml\n", "mktree")
	f.git("update-ref", "refs/heads/main", f.git("commit-tree", "-p", "main", "-m", "link", tree))
	same, err := f.fetch(f.resolve(Ref{})).Repeats(f.ctx, reads)
	hasCode(t, err, Unsupported)
	if same {
		t.Error("a link repeats a file")
	}
}

// TestReadsOfFiles notes a file alone, and of a folder nothing.
func TestReadsOfFiles(t *testing.T) {
	f := newFixture(t)
	f.commit(map[string]string{"apps/a.yaml": "1", "apps/b.yaml": "1"})
	reads := &Reads{}
	noting := f.fetch(f.resolve(Ref{})).Noting(reads)
	file, err := noting.File(f.ctx, "/apps/a.yaml")
	f.check(err)
	if file.Path != "apps/a.yaml" || string(file.Data) != "1" || file.Hash != f.git("rev-parse", "main:apps/a.yaml") {
		t.Errorf("read %+v", file)
	}
	_, err = noting.File(f.ctx, "apps")
	hasCode(t, err, IsFolder)
	_, err = noting.File(f.ctx, "apps/kustomization.yaml")
	hasCode(t, err, PathNotFound)
	if paths := reads.Paths(); !slices.Equal(paths, []string{"apps/a.yaml", "apps/kustomization.yaml"}) {
		t.Errorf("noted %v", paths)
	}
	f.commit(map[string]string{"apps/b.yaml": "2", "apps/c.yaml": "2"})
	if same, err := f.fetch(f.resolve(Ref{})).Repeats(f.ctx, reads); !same || err != nil {
		t.Errorf("a change beside what was read: %v, %v", same, err)
	}
	f.commit(map[string]string{"apps/kustomization.yaml": "2"})
	if same, err := f.fetch(f.resolve(Ref{})).Repeats(f.ctx, reads); same || err != nil {
		t.Errorf("a file where none was: %v, %v", same, err)
	}
}
