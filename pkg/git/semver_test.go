package git

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"nopea.io/nopea/pkg/testing/githttp"
)

// TestVersionSearch has the tags come in any order.
func TestVersionSearch(t *testing.T) {
	tags := strings.Fields("v1.0.0 1.2.0 v1.2.0 v1.9.9 v1.10.0 v2.0.0-rc.1 v2.0.0-rc.2 v2.0.0 3.0.0+build.9 3.0.0+build.10 3.0.0 v1 1.2 v01.2.3 app/v9.9.9 V9.9.9 nightly v99.0.0-alpha")
	for text, want := range map[string]string{
		"*":                        "3.0.0+build.10",
		"1.x":                      "v1.10.0",
		"~1.2":                     "v1.2.0",
		"1.2.0":                    "v1.2.0",
		">=1.0.0 <1.10.0":          "v1.9.9",
		"^1 || ^2":                 "v2.0.0",
		">1.10.0 <2.0.0":           "",
		">1.10.0-0 <2.0.0":         "v2.0.0-rc.2",
		">=2.0.0-rc.0 <2.0.0-rc.2": "v2.0.0-rc.1",
		">=4.0.0":                  "",
		">=4.0.0-0":                "v99.0.0-alpha",
		"^3":                       "3.0.0+build.10",
	} {
		for range 20 {
			rand.Shuffle(len(tags), func(i, j int) { tags[i], tags[j] = tags[j], tags[i] })
			v, err := newVersionSearch(text)
			if err != nil {
				t.Fatal(err)
			}
			for _, name := range tags {
				v.see(tagPrefix+name, refAnswer{found: true, hash: someHash})
			}
			rev, err := v.revision()
			if want == "" {
				hasCode(t, err, RefNotFound)
			} else if err != nil || rev.Ref != tagPrefix+want {
				t.Errorf("%s: %v, %v, want %s", text, rev, err, want)
			}
		}
	}
	for _, text := range []string{"x.y.z.", ">>1", strings.Repeat("1 || ", 100) + "1", "[1.0,2.0]"} {
		hasCode(t, Ref{Semver: text}.Validate(), InvalidRef)
	}
}

func TestResolveSemver(t *testing.T) {
	versions(t, func(t *testing.T, f *fixture) {
		first := f.commit(map[string]string{"a.yaml": "1"})
		_, err := f.source().Resolve(f.ctx, Ref{Semver: "1.x"}, time.Time{})
		if e := wantCode(t, err, RefNotFound); !strings.Contains(e.Error(), "no tags") {
			t.Error(e)
		}
		f.check(f.repo.SetRef("refs/tags/nightly", first))
		_, err = f.source().Resolve(f.ctx, Ref{Semver: "1.x"}, time.Time{})
		if e := wantCode(t, err, RefNotFound); !strings.Contains(e.Error(), "1 tags is a version") {
			t.Error(e)
		}
		for i := range 12 {
			f.check(f.repo.SetRef(fmt.Sprintf("refs/tags/v0.%d.0", i), first))
		}
		_, err = f.source().Resolve(f.ctx, Ref{Semver: "1.x"}, time.Time{})
		if e := wantCode(t, err, RefNotFound); !strings.Contains(e.Error(), "are v0.11.0, v0.10.0, v0.9.0, v0.8.0, v0.7.0") {
			t.Error(e)
		}
		second := f.commit(map[string]string{"a.yaml": "2"})
		tag := githttp.Must(f.repo.AnnotatedTag("v1.1.0", second, "one"))(t)
		f.check(f.repo.SetRef("refs/tags/v1.0.0", first))
		want := Revision{Ref: "refs/tags/v1.1.0", Hash: second, Tag: tag}
		ref := Ref{Semver: "1.x", Tag: "v1.0.0", Branch: "main"}
		if got := f.resolve(ref); got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
		f.server.TakeRequests()
		if got := f.fetch(f.resolve(ref)).Commit().Hash; got != second {
			t.Errorf("fetched %s", got)
		}
		data, err := f.source().Tag(f.ctx, want)
		if err != nil || !strings.HasPrefix(string(data), "object "+second+"\n") {
			t.Errorf("%q, %v", data, err)
		}
		if sent := commands(f.server.TakeRequests()); strings.Count(sent, "fetch")+strings.Count(sent, "upload-pack") > 2 {
			t.Errorf("requests: %s", sent)
		}
		f.check(f.repo.SetRef("refs/tags/v1.2.0", first))
		if got := f.resolve(ref); got.Ref != "refs/tags/v1.2.0" || got.Hash != first || got.Tag != "" {
			t.Errorf("got %+v", got)
		}
	})
}

// TestTagObjects finds the object of a tag that came with its commit, later, or not at all, and keeps it.
func TestTagObjects(t *testing.T) {
	versions(t, func(t *testing.T, f *fixture) {
		first := f.commit(map[string]string{"a.yaml": "1"})
		f.fetch(f.resolve(Ref{}))
		if _, _, err := f.source().CachedTag(first); CodeOf(err) != CommitNotFound {
			t.Errorf("a tag where there is none: %v", err)
		}
		id := githttp.Must(f.repo.AnnotatedTag("v1", first, "one"))(t)
		rev := f.resolve(Ref{Tag: "v1"})
		f.fetch(rev)
		want := f.git("cat-file", "tag", "v1") + "\n"
		if data, err := f.source().Tag(f.ctx, rev); err != nil || string(data) != want {
			t.Fatalf("%q, %v", data, err)
		}
		if raw, err := f.fetch(rev).Raw(f.ctx); err != nil || string(raw) != f.git("cat-file", "commit", first) {
			t.Errorf("%q, %v", raw, err)
		}
		for i := range 2 * maxSegments {
			f.commit(map[string]string{"a.yaml": fmt.Sprint(i)})
			if i < maxSnapshots-2 {
				f.fetch(f.resolve(Ref{}))
			}
		}
		f.server.TakeRequests()
		got, data, err := f.source().CachedTag(first)
		if err != nil || got != id || string(data) != want {
			t.Errorf("%s, %q, %v", got, data, err)
		}
		if _, err := f.source().Tag(f.ctx, rev); err != nil || len(f.server.TakeRequests()) > 0 {
			t.Errorf("it was fetched again: %v", err)
		}
		_, err = f.source().Tag(f.ctx, Revision{Hash: first})
		hasCode(t, err, CommitNotFound)
	})
}
