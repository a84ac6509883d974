package git

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/go-git/go-git/v5/plumbing"
)

const (
	manifestName    = "manifest.json"
	manifestVersion = 1
	maxManifestSize = 1 << 20

	// maxSnapshots is how many commits one source keeps: room for several refs, and for going back.
	maxSnapshots = 16
	// maxSegments and growth decide when the segments are rewritten as one, without what no kept commit needs.
	maxSegments = 12
	minGrowth   = 4 << 20
)

// manifest is what a store consists of. A file that it does not name is rubbish.
type manifest struct {
	Version   int      `json:"version"`
	Segments  []string `json:"segments"`         // newest first
	Snapshots []kept   `json:"snapshots"`        // commits whose trees are complete, last used last
	Compacted int64    `json:"compacted"`        // bytes after segments were last rewritten
	Served    string   `json:"served,omitempty"` // the repository, for whoever looks into the folder
}

// kept is a commit in a store, with the ref that it was fetched for, if any, and the annotated tag that came with it.
type kept struct {
	Commit string `json:"commit"`
	Ref    string `json:"ref,omitempty"`
	Tag    string `json:"tag,omitempty"`
}

// store is the folder of one source: segments and the manifest. Readers may be many; there is one writer, whoever holds the source's
// fetch slot. Every change becomes visible with the rename of the manifest, so a crash leaves the state before or after it.
type store struct {
	dir    string
	url    string
	limits Limits

	mu         sync.RWMutex
	loaded     bool
	current    manifest
	generation int // changes when everything is thrown away
}

// has says whether the commit's tree is here, and marks it as used.
func (s *store) has(commit string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.load()
	i := slices.IndexFunc(s.current.Snapshots, func(k kept) bool { return k.Commit == commit })
	if i < 0 {
		return false
	}
	k := s.current.Snapshots[i]
	s.current.Snapshots = append(slices.Delete(s.current.Snapshots, i, i+1), k)
	return true
}

// nearest is the commit to build upon when that ref is fetched: what it was before, or else the last one used. To tell the server more
// than one makes it look through the whole tree of each: measured, 16 take three times as long as one.
func (s *store) nearest(ref string) (string, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.load()
	n := len(s.current.Snapshots)
	if n == 0 {
		return "", false
	}
	for _, k := range slices.Backward(s.current.Snapshots) {
		if k.Ref == ref {
			return k.Commit, true
		}
	}
	return s.current.Snapshots[n-1].Commit, true
}

// open gives the objects as they are now, and the generation to discard if they turn out to be damaged.
func (s *store) open() (view, int, error) {
	s.mu.Lock()
	s.load()
	s.mu.Unlock()
	s.mu.RLock()
	defer s.mu.RUnlock()
	v, err := openView(s.dir, s.current.Segments)
	return v, s.generation, err
}

// load reads the manifest once. One that can not be read or trusted is as good as none.
func (s *store) load() {
	if s.loaded {
		return
	}
	s.loaded = true
	m, err := readManifest(filepath.Join(s.dir, manifestName))
	if err == nil {
		s.current = m
	}
}

func readManifest(path string) (manifest, error) {
	info, err := os.Stat(path)
	if err != nil {
		return manifest{}, err
	}
	if info.Size() > maxManifestSize {
		return manifest{}, errors.New("the manifest is too large")
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return manifest{}, err
	}
	var m manifest
	if err := json.Unmarshal(data, &m); err != nil {
		return manifest{}, err
	}
	if m.Version != manifestVersion {
		return manifest{}, fmt.Errorf("the manifest has version %d", m.Version)
	}
	for _, name := range m.Segments {
		if name != filepath.Base(name) || !strings.HasSuffix(name, segmentSuffix) {
			return manifest{}, fmt.Errorf("the manifest names %q", name)
		}
	}
	for _, k := range m.Snapshots {
		if validateRevision(Revision{Hash: k.Commit, Tag: k.Tag}) != nil {
			return manifest{}, fmt.Errorf("the manifest names commit %q and tag %q", k.Commit, k.Tag)
		}
	}
	return m, nil
}

// discard throws everything away, unless somebody did since that generation was opened.
func (s *store) discard(generation int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.generation != generation {
		return nil
	}
	s.generation++
	s.loaded, s.current = true, manifest{}
	if err := os.RemoveAll(s.dir); err != nil {
		return storageError(err)
	}
	return nil
}

// writer starts a segment. What lies in the folder without being named is removed: an earlier process left it.
func (s *store) writer(kept int64) (*segmentWriter, error) {
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return nil, storageError(err)
	}
	if err := s.sweep(); err != nil {
		return nil, err
	}
	return newSegmentWriter(s.dir, s.limits.MaxStoreBytes-kept, s.limits.MaxStoreBytes)
}

func (s *store) sweep() error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		return storageError(err)
	}
	for _, e := range entries {
		if e.Name() == manifestName || slices.Contains(s.current.Segments, e.Name()) {
			continue
		}
		if err := os.Remove(filepath.Join(s.dir, e.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return storageError(err)
		}
	}
	return nil
}

// add makes a commit part of the store after making sure that its tree is complete in the new segment together with those that are
// here. Base is the commit in the store that the segment builds upon; without one the new segment replaces the others.
func (s *store) add(ctx context.Context, w *segmentWriter, commit kept, base string) error {
	name, err := w.finish()
	if err != nil {
		w.abort()
		return err
	}
	s.mu.RLock()
	next := manifest{Version: manifestVersion, Served: s.url, Segments: []string{name}, Snapshots: []kept{commit}, Compacted: s.current.Compacted}
	if base != "" {
		next.Segments = append(next.Segments, s.current.Segments...)
		next.Snapshots = slices.DeleteFunc(slices.Clone(s.current.Snapshots), func(k kept) bool { return k.Commit == commit.Commit })
		next.Snapshots = append(next.Snapshots, commit)
		next.Snapshots = next.Snapshots[max(0, len(next.Snapshots)-maxSnapshots):]
	}
	s.mu.RUnlock()
	if err := s.settle(ctx, &next, commit.Commit, base); err != nil {
		_ = os.Remove(filepath.Join(s.dir, name))
		return err
	}
	return s.publish(next)
}

// settle verifies the commit and, where it is time, rewrites the segments.
func (s *store) settle(ctx context.Context, m *manifest, commit, base string) error {
	v, err := openView(s.dir, m.Segments)
	if err != nil {
		return err
	}
	defer v.close()
	nothing := func(plumbing.Hash) error { return nil }
	walk := &reachableWalk{view: v, limits: s.limits, visit: nothing, seen: map[plumbing.Hash]struct{}{}}
	if err := walk.commit(ctx, plumbing.NewHash(commit), plumbing.NewHash(base)); err != nil {
		return err
	}
	switch {
	case base == "":
		m.Compacted = v.bytes()
	case len(m.Segments) > maxSegments || v.bytes() > 2*m.Compacted+minGrowth:
		return s.compact(ctx, v, m)
	}
	return nil
}

// compact writes what the kept commits need into one segment.
func (s *store) compact(ctx context.Context, v view, m *manifest) error {
	w, err := newSegmentWriter(s.dir, s.limits.MaxStoreBytes, s.limits.MaxStoreBytes)
	if err != nil {
		return err
	}
	defer w.abort()
	keep := func(id plumbing.Hash) error {
		segment, l, ok := v.find(id)
		if !ok {
			return damaged("object %s is missing", id)
		}
		o, err := l.readAt(segment, id)
		if err != nil {
			return err
		}
		return w.add(id, o)
	}
	walk := &reachableWalk{view: v, limits: s.limits, visit: keep, seen: map[plumbing.Hash]struct{}{}}
	for _, k := range m.Snapshots {
		if err := walk.commit(ctx, plumbing.NewHash(k.Commit), plumbing.ZeroHash); err != nil {
			return err
		}
		if k.Tag != "" {
			if err := walk.see(plumbing.NewHash(k.Tag)); err != nil {
				return err
			}
		}
	}
	name, err := w.finish()
	if err != nil {
		return err
	}
	m.Segments, m.Compacted = []string{name}, w.size
	return nil
}

func (s *store) publish(next manifest) error {
	data, err := json.Marshal(next)
	if err != nil {
		return storageError(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	temp := filepath.Join(s.dir, manifestName+tempSuffix)
	if err := os.WriteFile(temp, data, 0o600); err != nil {
		return storageError(err)
	}
	if err := os.Rename(temp, filepath.Join(s.dir, manifestName)); err != nil {
		return storageError(err)
	}
	old := s.current.Segments
	s.current = next
	for _, name := range old {
		if !slices.Contains(next.Segments, name) {
			if err := os.Remove(filepath.Join(s.dir, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return storageError(err)
			}
		}
	}
	return nil
}
