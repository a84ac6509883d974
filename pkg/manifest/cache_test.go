package manifest

import (
	"context"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"
)

func cached(name, hash string) File {
	return File{Path: name + ".yaml", Data: []byte(configMap(name)), Hash: hash}
}

func parseCached(t *testing.T, c *Cache, files ...File) []Object {
	t.Helper()
	objects, err := c.Parse(context.Background(), files, Limits{})
	if err != nil {
		t.Fatal(err)
	}
	return objects
}

// same tells that an object was not decoded again.
func same(a, b Object) bool { return a.Unstructured == b.Unstructured }

func TestCacheDecodesOnlyWhatChanged(t *testing.T) {
	c := NewCache(1 << 20)
	first := parseCached(t, c, cached("a", "1"), cached("b", "1"))
	second := parseCached(t, c, cached("a", "1"), cached("b", "2"))
	if !same(first[0], second[0]) {
		t.Error("the unchanged file was decoded again")
	}
	if same(first[1], second[1]) {
		t.Error("the changed file was not decoded")
	}
	if !reflect.DeepEqual(first, second) {
		t.Error("a cached object differs")
	}
}

func TestCacheKeys(t *testing.T) {
	c := NewCache(1 << 20)
	first := parseCached(t, c, cached("a", "1"))
	moved := cached("a", "1")
	moved.Path = "b.yaml"
	if got := parseCached(t, c, moved)[0]; got.Origin.File != "b.yaml" {
		t.Errorf("origin %s of a file that was moved", got.Origin)
	}
	if _, err := c.Parse(context.Background(), []File{cached("a", "1")}, Limits{MaxDepth: 1}); err == nil {
		t.Error("what was decoded under other limits was given")
	}
	without := cached("a", "")
	if same(parseCached(t, c, without)[0], parseCached(t, c, without)[0]) || same(parseCached(t, c, without)[0], first[0]) {
		t.Error("a file without hash was cached")
	}
	broken := File{Path: "c.yaml", Hash: "1", Data: []byte("a: 1")}
	for range 2 {
		if _, err := c.Parse(context.Background(), []File{broken}, Limits{}); err == nil {
			t.Error("a broken file became good")
		}
	}
}

func TestCacheIsBounded(t *testing.T) {
	const limit = 20_000
	c := NewCache(limit)
	hot := cached("hot", "1")
	first := parseCached(t, c, hot)
	for i := range 200 {
		parseCached(t, c, cached("a", fmt.Sprint(i)), hot)
		if c.bytes > limit || c.recent.Len() != len(c.entries) {
			t.Fatalf("%d bytes in %d entries, %d in order", c.bytes, len(c.entries), c.recent.Len())
		}
	}
	if len(c.entries) < 5 {
		t.Errorf("only %d entries", len(c.entries))
	}
	if !same(first[0], parseCached(t, c, hot)[0]) {
		t.Error("the most used entry went")
	}
	large := File{Path: "l.yaml", Hash: "1", Data: []byte(configMap("l") + "x: " + strings.Repeat("a", limit) + "\n")}
	parseCached(t, c, large)
	if !same(first[0], parseCached(t, c, hot)[0]) {
		t.Error("a file larger than the cache emptied it")
	}
}

// TestCacheConcurrently is for the race detector.
func TestCacheConcurrently(t *testing.T) {
	c := NewCache(10_000)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for i := range 50 {
				objects, err := c.Parse(context.Background(), []File{cached("a", "1"), cached("b", fmt.Sprint(i))}, Limits{})
				if err != nil {
					t.Error(err)
					return
				}
				opts := Options{Scope: testScope, DefaultNamespace: "x", Labels: func(Object) map[string]string { return map[string]string{"a": "b"} }}
				if _, err := Normalize(objects, opts); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
}
