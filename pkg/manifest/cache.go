package manifest

import (
	"container/list"
	"context"
	"sync"
)

// Cache remembers what files were decoded to, so that one changed ConfigMap beside ten large CRDs costs one ConfigMap.
// It holds files that parse; the least recently used go first. It is safe for concurrent use. The objects that it gives
// are shared, and read-only like all objects of this package.
//
// The file's Hash stands for its content: the caller vouches that it is a collision-resistant hash of Data.
type Cache struct {
	maxBytes int64

	mu      sync.Mutex
	bytes   int64
	entries map[cacheKey]*list.Element
	recent  *list.List // of *cacheEntry, most recently used first
}

// cacheKey holds the path because objects say where they were written.
type cacheKey struct {
	path, hash string
	limits     Limits
}

type cacheEntry struct {
	key    cacheKey
	result *parsed
}

// NewCache gives a cache bounded to about that many bytes of decoded objects. Decoded objects take about twice the bytes
// of the YAML they came from, more where the values are many and small.
func NewCache(maxBytes int64) *Cache {
	return &Cache{maxBytes: maxBytes, entries: map[cacheKey]*list.Element{}, recent: list.New()}
}

// parseFile decodes a file, or gives what it was decoded to before.
func (c *Cache) parseFile(ctx context.Context, file File, limits Limits) *parsed {
	if c == nil || file.Hash == "" {
		return decode(ctx, file, limits)
	}
	key := cacheKey{path: file.Path, hash: file.Hash, limits: limits}
	if result := c.get(key); result != nil {
		return result
	}
	result := decode(ctx, file, limits)
	if result.errs.Total == 0 {
		c.put(key, result)
	}
	return result
}

func (c *Cache) get(key cacheKey) *parsed {
	c.mu.Lock()
	defer c.mu.Unlock()
	element, ok := c.entries[key]
	if !ok {
		return nil
	}
	c.recent.MoveToFront(element)
	return element.Value.(*cacheEntry).result
}

func (c *Cache) put(key cacheKey, result *parsed) {
	const perEntry = 512
	result.size += perEntry + int64(len(key.path))
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.entries[key]; ok || result.size > c.maxBytes {
		return
	}
	c.entries[key] = c.recent.PushFront(&cacheEntry{key: key, result: result})
	c.bytes += result.size
	for c.bytes > c.maxBytes {
		oldest := c.recent.Remove(c.recent.Back()).(*cacheEntry)
		delete(c.entries, oldest.key)
		c.bytes -= oldest.result.size
	}
}
