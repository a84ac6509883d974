package git

import (
	"bytes"
	"compress/zlib"
	"crypto/sha1"
	"encoding/binary"
	"os"
	"strings"
	"testing"

	"github.com/go-git/go-git/v5/plumbing"
)

// packBuilder writes packs that git would not.
type packBuilder struct {
	bytes.Buffer
	z       *zlib.Writer
	count   uint32
	offsets []int
}

func (p *packBuilder) object(kind plumbing.ObjectType, base, data []byte) {
	if p.Len() == 0 {
		p.WriteString("PACK\x00\x00\x00\x02\x00\x00\x00\x00")
	}
	p.offsets = append(p.offsets, p.Len())
	p.count++
	size := len(data)
	c := byte(kind)<<4 | byte(size&15)
	for size >>= 4; size > 0; size >>= 7 {
		p.WriteByte(c | 0x80)
		c = byte(size & 0x7f)
	}
	p.WriteByte(c)
	p.Write(base)
	if p.z == nil {
		p.z, _ = zlib.NewWriterLevel(p, zlib.BestSpeed)
	}
	p.z.Reset(p)
	_, _ = p.z.Write(data)
	_ = p.z.Close()
}

func (p *packBuilder) done() []byte {
	b := p.Bytes()
	binary.BigEndian.PutUint32(b[8:], p.count)
	sum := sha1.Sum(b)
	return append(b, sum[:]...)
}

func leb(n uint64) (out []byte) {
	for ; n >= 0x80; n >>= 7 {
		out = append(out, byte(n)|0x80)
	}
	return append(out, byte(n))
}

// insertDelta makes text of a base of that size.
func insertDelta(base int, text string) []byte {
	return append(append(append(leb(uint64(base)), leb(uint64(len(text)))...), byte(len(text))), text...)
}

func unpackBytes(t *testing.T, pack []byte, limits Limits) (*segmentWriter, error) {
	t.Helper()
	w, err := newSegmentWriter(t.TempDir(), 1<<30, 1<<30)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.abort)
	return w, unpack(bytes.NewReader(pack), w, nil, limits.withDefaults())
}

// TestUnpackBaseAfterDelta has chains whose base comes last.
func TestUnpackBaseAfterDelta(t *testing.T) {
	one, two, three := "first", "second!", "third one"
	id := func(s string) plumbing.Hash { return plumbing.ComputeHash(plumbing.BlobObject, []byte(s)) }
	a, b := id(one), id(two)
	var p packBuilder
	p.object(plumbing.REFDeltaObject, b[:], insertDelta(len(two), three))
	p.object(plumbing.REFDeltaObject, a[:], insertDelta(len(one), two))
	p.object(plumbing.OFSDeltaObject, []byte{byte(p.Len() - p.offsets[1])}, insertDelta(len(two), "fourth"))
	p.object(plumbing.BlobObject, nil, []byte(one))
	w, err := unpackBytes(t, p.done(), Limits{})
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{one, two, three, "fourth"} {
		if o, ok, err := w.get(id(text)); !ok || err != nil || string(o.data) != text || o.kind != plumbing.BlobObject {
			t.Errorf("%s: %v %v %q", text, ok, err, o.data)
		}
	}
}

func TestUnpackHostilePacks(t *testing.T) {
	blob := func(p *packBuilder) { p.object(plumbing.BlobObject, nil, []byte("base")) }
	base := plumbing.ComputeHash(plumbing.BlobObject, []byte("base"))
	gone := bytes.Repeat([]byte{7}, 20)
	build := func(fill func(*packBuilder)) []byte {
		var p packBuilder
		fill(&p)
		return p.done()
	}
	good := build(blob)
	for name, tt := range map[string]struct {
		pack []byte
		code Code
	}{
		"empty":            {nil, ""},
		"no pack":          {[]byte("<html>"), Corrupt},
		"truncated":        {good[:len(good)-5], ""},
		"wrong checksum":   {append(bytes.Clone(good[:len(good)-1]), 0xff^good[len(good)-1]), Corrupt},
		"base left out":    {build(func(p *packBuilder) { p.object(plumbing.REFDeltaObject, gone, insertDelta(4, "x")) }), Corrupt},
		"delta of nothing": {build(func(p *packBuilder) { blob(p); p.object(plumbing.OFSDeltaObject, []byte{1}, insertDelta(4, "x")) }), Corrupt},
		"delta garbage":    {build(func(p *packBuilder) { blob(p); p.object(plumbing.REFDeltaObject, base[:], []byte{4, 9, 0}) }), Corrupt},
		"delta header": {build(func(p *packBuilder) {
			blob(p)
			p.object(plumbing.REFDeltaObject, base[:], bytes.Repeat([]byte{0xff}, 30))
		}), Corrupt},
		"unknown type": {build(func(p *packBuilder) { p.object(5, nil, []byte("x")) }), Corrupt},
		"delta bomb": {build(func(p *packBuilder) {
			blob(p)
			p.object(plumbing.REFDeltaObject, base[:], append(append(leb(4), leb(1<<40)...), bytes.Repeat([]byte{0x90, 4}, 100)...))
		}), TooLarge},
		"object count": {append([]byte("PACK\x00\x00\x00\x02\xff\xff\xff\xff"), good[12:]...), TooLarge},
		"deltas that wait": {build(func(p *packBuilder) {
			for i := range 70 {
				p.object(plumbing.REFDeltaObject, bytes.Repeat([]byte{byte(i)}, 20), bytes.Repeat([]byte{1}, 1<<20))
			}
		}), Corrupt},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := unpackBytes(t, tt.pack, Limits{})
			if err == nil {
				t.Fatal("no error")
			}
			if tt.code != "" {
				hasCode(t, err, tt.code)
			}
		})
	}
}

// TestLongDeltaChain would overflow a recursion or hold thousands of objects in memory.
func TestLongDeltaChain(t *testing.T) {
	var p packBuilder
	text := func(i int) string { return strings.Repeat("x", 1+i%100) }
	const n = 1000
	for i := n; i > 0; i-- {
		base := plumbing.ComputeHash(plumbing.BlobObject, []byte(text(i-1)+string(rune('A'+(i-1)/100))))
		p.object(plumbing.REFDeltaObject, base[:], insertDelta(len(text(i-1))+1, text(i)+string(rune('A'+i/100))))
	}
	p.object(plumbing.BlobObject, nil, []byte(text(0)+"A"))
	w, err := unpackBytes(t, p.done(), Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if len(w.index) < n/2 {
		t.Errorf("%d objects", len(w.index))
	}
}

func TestSegmentIsRemovedOnAbort(t *testing.T) {
	dir := t.TempDir()
	w, err := newSegmentWriter(dir, 100, 100)
	if err != nil {
		t.Fatal(err)
	}
	w.abort()
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 0 {
		t.Errorf("%v %v", entries, err)
	}
}
