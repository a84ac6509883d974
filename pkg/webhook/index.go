package webhook

import (
	"cmp"
	"maps"
	"slices"
	"sync"
)

// Index finds who is known by a URL, in any of its spellings. The zero value is empty; any number of goroutines may use it.
type Index[N comparable] struct {
	mu    sync.RWMutex
	names map[N]indexed
	keys  map[string]map[N]struct{}
	next  uint64
}

// indexed is what the index knows of a name.
type indexed struct {
	order uint64
	keys  []string
}

// Set says by which URLs a name is known, in place of those it had. URLs that have no Key are left out.
func (x *Index[N]) Set(name N, urls []string) {
	keys := keysOf(urls)
	x.mu.Lock()
	defer x.mu.Unlock()
	was, known := x.names[name]
	if known && slices.Equal(was.keys, keys) {
		return
	}
	x.remove(name, was.keys)
	if !known {
		was.order = x.next
		x.next++
	}
	if x.names == nil {
		x.names, x.keys = map[N]indexed{}, map[string]map[N]struct{}{}
	}
	x.names[name] = indexed{order: was.order, keys: keys}
	for _, key := range keys {
		if x.keys[key] == nil {
			x.keys[key] = map[N]struct{}{}
		}
		x.keys[key][name] = struct{}{}
	}
}

// Delete forgets a name.
func (x *Index[N]) Delete(name N) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.remove(name, x.names[name].keys)
	delete(x.names, name)
}

func (x *Index[N]) remove(name N, keys []string) {
	for _, key := range keys {
		delete(x.keys[key], name)
		if len(x.keys[key]) == 0 {
			delete(x.keys, key)
		}
	}
}

// Find gives all names that are known by one of the URLs, each once, in the order in which they came into the index.
func (x *Index[N]) Find(urls []string) []N {
	keys, found := keysOf(urls), map[N]struct{}{}
	x.mu.RLock()
	defer x.mu.RUnlock()
	for _, key := range keys {
		maps.Copy(found, x.keys[key])
	}
	return slices.SortedFunc(maps.Keys(found), func(a, b N) int {
		return cmp.Compare(x.names[a].order, x.names[b].order)
	})
}

// keysOf are sorted, each once.
func keysOf(urls []string) []string {
	var keys []string
	for _, u := range urls {
		if key, err := Key(u); err == nil {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}
