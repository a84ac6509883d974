package git

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

func pkts(lines ...string) []byte {
	var b bytes.Buffer
	for _, l := range lines {
		if l == flushPkt || l == delimPkt {
			b.WriteString(l)
		} else {
			fmt.Fprintf(&b, "%04x%s\n", len(l)+5, l)
		}
	}
	return b.Bytes()
}

var someHash = strings.Repeat("0123456789", 4)

// checkAnswer holds for whatever a server says: only well-formed ids and names come out.
func checkAnswer(t *testing.T, a refAnswer) {
	for _, id := range []string{a.hash, a.peeled} {
		if id != "" && validateCommitID(id) != nil || a.found && a.hash == "" {
			t.Errorf("id %q came out", id)
		}
	}
	if a.target != "" && refNameProblem(a.target) != "" {
		t.Errorf("target %q came out", a.target)
	}
}

func FuzzLsRefs(f *testing.F) {
	f.Add(pkts(someHash+" HEAD symref-target:refs/heads/main", someHash+" refs/tags/v1 peeled:"+someHash, flushPkt), "HEAD")
	f.Add(pkts("unborn HEAD symref-target:refs/heads/main", flushPkt), "HEAD")
	f.Add(pkts("ERR no", flushPkt), "HEAD")
	f.Add([]byte("0003ffff"), "")
	f.Fuzz(func(t *testing.T, data []byte, wanted string) {
		a, err := parseLsRefs(newLimitedReader(bytes.NewReader(data), "x", 1<<20), wanted)
		if err == nil {
			checkAnswer(t, a)
		}
		_, _ = anyRef(bytes.NewReader(data))
		versions, err := newVersionSearch("*")
		if err != nil {
			t.Fatal(err)
		}
		if err := readTags(bytes.NewReader(data), versions); err == nil && versions.best != nil {
			checkAnswer(t, versions.best.answer)
		}
	})
}

func FuzzAdvertisement(f *testing.F) {
	f.Add(pkts("# service=git-upload-pack", flushPkt, "version 2", "agent=x", "ls-refs=unborn", "fetch=shallow", "object-format=sha1", flushPkt), "HEAD")
	f.Add(pkts("# service=git-upload-pack", flushPkt, someHash+" HEAD\x00multi_ack side-band-64k shallow symref=HEAD:refs/heads/main", someHash+" refs/tags/v1", someHash+" refs/tags/v1^{}", flushPkt), "refs/tags/v1")
	f.Add(pkts("# service=git-upload-pack", flushPkt, "version 1", zeroHash+" capabilities^{}\x00shallow", flushPkt), "HEAD")
	f.Fuzz(func(t *testing.T, data []byte, wanted string) {
		_, a, err := parseAdvertisement(newLimitedReader(bytes.NewReader(data), "x", 1<<20), search{name: wanted})
		if err == nil {
			checkAnswer(t, a)
		}
		versions, err := newVersionSearch("*")
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := parseAdvertisement(newLimitedReader(bytes.NewReader(data), "x", 1<<20), search{versions: versions}); err == nil && versions.best != nil {
			checkAnswer(t, versions.best.answer)
		}
	})
}

func FuzzTree(f *testing.F) {
	id := strings.Repeat("i", 20)
	f.Add([]byte("100644 a\x00" + id + "40000 b\x00" + id))
	f.Add([]byte("160000 sub\x00" + id))
	f.Add([]byte("120000 ..\x00" + id))
	f.Add([]byte("40000 \x00" + id))
	f.Fuzz(func(t *testing.T, data []byte) {
		seen := map[string]bool{}
		_ = parseTree(data, func(e treeEntry) error {
			if checkName("folder", e.name) == nil && (e.name == "" || strings.ContainsAny(e.name, "/\x00") || e.name == ".." || strings.EqualFold(e.name, ".git")) {
				t.Errorf("name %q came out", e.name)
			}
			if seen[e.name] {
				t.Errorf("name %q came out twice", e.name)
			}
			seen[e.name] = true
			return nil
		})
	})
}

func FuzzUnpack(f *testing.F) {
	var p packBuilder
	p.object(3, nil, []byte("base"))
	p.object(6, []byte{byte(p.Len() - p.offsets[0])}, insertDelta(4, "delta"))
	f.Add(p.done())
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, data []byte) {
		w, err := newSegmentWriter(dir, 1<<20, 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		defer w.abort()
		_ = unpack(bytes.NewReader(data), w, nil, Limits{MaxObjectBytes: 1 << 16}.withDefaults())
	})
}
