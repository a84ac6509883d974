package git

import (
	"bytes"
	"context"
	"errors"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"k8s.io/klog/v2"
)

// Snapshot is the tree of one commit. It is safe for concurrent use and holds no file or connection open; objects are read from disk at each call. If
// they are gone by then, because of a damaged disk or because many newer commits were fetched, they are fetched again.
type Snapshot struct {
	source *Source
	rev    Revision
	commit Commit
	root   plumbing.Hash
	reads  *Reads // where it is noted what is read; or nil
}

// File is a regular file.
type File struct {
	Path string // slash separated, from the root of the repository
	Hash string // id of the blob: equal ids, equal content
	Data []byte
}

func newSnapshot(s *Source, rev Revision, v view) (*Snapshot, error) {
	data, err := v.get(plumbing.NewHash(rev.Hash), plumbing.CommitObject)
	if err != nil {
		return nil, err
	}
	commit, root, err := parseCommit(rev.Hash, data)
	if err != nil {
		return nil, err
	}
	return &Snapshot{source: s, rev: rev, commit: commit, root: root}, nil
}

// Commit is the commit that the tree belongs to.
func (s *Snapshot) Commit() Commit { return s.commit }

// Revision is what was given to Fetch.
func (s *Snapshot) Revision() Revision { return s.rev }

// TreeID is the object id of the folder or file at that path: as long as it is equal, so is everything below. The paths "", "." and "/" are
// the root. Errors: PathNotFound, Unsupported for a symbolic link or a submodule.
func (s *Snapshot) TreeID(ctx context.Context, folder string) (string, error) {
	var id string
	err := s.read(ctx, folder, func(r *reader) error {
		e, err := r.find(s.root, cleanPath(folder))
		id = e.id.String()
		return err
	})
	return s.noted(folder, id, err)
}

// Files reads the regular files below a folder, or the one file at that path, that want asks for by path. They are sorted by path. What is not
// wanted is not read. It fails, rather than leave something out, where anything below the path is missing, damaged, named in an unsafe
// way or larger than the limits; where a wanted path is a symbolic link or a Git LFS pointer; and where there is a submodule anywhere
// below the path, because that may hold wanted files too.
func (s *Snapshot) Files(ctx context.Context, folder string, want func(path string) bool) ([]File, error) {
	return s.Select(ctx, folder, wanting(want))
}

// Select is Files with a selector that learns from files of the tree what it wants. A submodule that it passes over is no error.
func (s *Snapshot) Select(ctx context.Context, folder string, selector Selector) ([]File, error) {
	var (
		files []File
		id    string
	)
	err := s.read(ctx, folder, func(r *reader) error {
		e, err := r.find(s.root, cleanPath(folder))
		if err != nil {
			return err
		}
		id = e.id.String()
		files, err = r.files(e, cleanPath(folder), selector)
		return err
	})
	if _, err := s.noted(folder, id, err); err != nil {
		return nil, err
	}
	return files, nil
}

// File reads the one regular file at that path. Errors: PathNotFound, IsFolder for a folder, Unsupported for a symbolic link, a submodule or
// a Git LFS pointer, TooLarge.
func (s *Snapshot) File(ctx context.Context, path string) (File, error) {
	var file File
	err := s.read(ctx, path, func(r *reader) error {
		e, err := r.find(s.root, cleanPath(path))
		if err != nil {
			return err
		}
		if e.mode == filemode.Dir {
			return at(path, failf(IsFolder, "a folder is where a file is wanted"))
		}
		files, err := r.files(e, cleanPath(path), wanting(func(string) bool { return true }))
		if err == nil {
			file = files[0]
		}
		return err
	})
	if _, err := s.noted(path, file.Hash, err); err != nil {
		return File{}, err
	}
	return file, nil
}

// noted notes what a path that was read held.
func (s *Snapshot) noted(path, id string, err error) (string, error) {
	switch {
	case err == nil:
		s.reads.note(cleanPath(path), id)
	case CodeOf(err) == PathNotFound:
		s.reads.note(cleanPath(path), nothingThere)
	}
	if err != nil {
		return "", err
	}
	return id, nil
}

// read runs fn over the store, and once more after fetching afresh if something is missing there.
func (s *Snapshot) read(ctx context.Context, folder string, fn func(*reader) error) error {
	st := s.source.cache.acquire(s.source)
	defer s.source.cache.release(st)
	run := func() error {
		if !st.store.has(s.rev.Hash) {
			if _, err := st.fetch(ctx, s.source, s.rev); err != nil {
				return err
			}
		}
		return st.view(func(v view) error {
			return guard(func() error { return fn(&reader{ctx: ctx, view: v, limits: st.store.limits}) })
		})
	}
	err := run()
	if errors.Is(err, errDamaged) {
		klog.FromContext(ctx).Info("The local copy of a Git repository is damaged, fetching afresh", "url", s.source.URL(), "commit", s.rev.Hash, "reason", err.Error())
		err = run()
	}
	return s.source.describe("read "+display(cleanPath(folder))+" at", s.rev.Hash, err)
}

// cleanPath is relative to the root, without "." and double slashes. It keeps "..", which is then found in no tree.
func cleanPath(p string) string {
	var parts []string
	for part := range strings.SplitSeq(p, "/") {
		if part != "" && part != "." {
			parts = append(parts, part)
		}
	}
	return strings.Join(parts, "/")
}

func display(p string) string {
	if p == "" {
		return "/"
	}
	return p
}

// reader walks one tree. Its own recursion fails on anything missing: go-git's TreeWalker and FileIter end as if the tree ended there.
type reader struct {
	ctx    context.Context
	view   view
	limits Limits
	Selector
	entries int
	total   int64
	out     []File
}

// find goes down to a path.
func (r *reader) find(root plumbing.Hash, p string) (treeEntry, error) {
	e := treeEntry{mode: filemode.Dir, id: root}
	if p == "" {
		return e, nil
	}
	walked := ""
	for name := range strings.SplitSeq(p, "/") {
		if e.mode != filemode.Dir {
			return e, at(p, failf(PathNotFound, "%s is a file, not a folder", walked))
		}
		next, ok, err := r.lookup(e.id, walked, name)
		if err != nil {
			return e, err
		}
		walked = strings.TrimPrefix(walked+"/"+name, "/")
		if !ok {
			return e, at(p, failf(PathNotFound, "there is no such file or folder in this commit"))
		}
		if err := supported(next, walked); err != nil {
			return e, err
		}
		e = next
	}
	return e, nil
}

func (r *reader) lookup(tree plumbing.Hash, folder, name string) (found treeEntry, ok bool, err error) {
	data, err := r.view.get(tree, plumbing.TreeObject)
	if err != nil {
		return found, false, at(display(folder), err)
	}
	err = parseTree(data, func(e treeEntry) error {
		if e.name == name {
			found, ok = e, true
		}
		return nil
	})
	if err == nil && ok {
		err = checkName(display(folder), name)
	}
	return found, ok, at(display(folder), err)
}

func supported(e treeEntry, p string) error {
	switch e.mode {
	case filemode.Symlink:
		return at(p, failf(Unsupported, "symbolic links are not followed"))
	case filemode.Submodule:
		return at(p, failf(Unsupported, "submodules are not fetched, and this one may hold files that are wanted"))
	}
	return nil
}

func (r *reader) files(e treeEntry, p string, selector Selector) (_ []File, err error) {
	r.Selector = selector
	if e.mode != filemode.Dir {
		err = r.file(e, p)
	} else {
		err = r.folder(e.id, p, 0)
	}
	return r.out, err
}

func (r *reader) folder(tree plumbing.Hash, p string, depth int) error {
	if err := r.ctx.Err(); err != nil {
		return err
	}
	if depth > r.limits.MaxTreeDepth {
		return at(p, tooLarge("MaxTreeDepth", r.limits.MaxTreeDepth, "folders are nested too deeply"))
	}
	data, err := r.view.get(tree, plumbing.TreeObject)
	if err != nil {
		return at(display(p), err)
	}
	if err := r.guides(data, p); err != nil {
		return err
	}
	return at(display(p), parseTree(data, func(e treeEntry) error { return r.entry(e, p, depth) }))
}

func (r *reader) entry(e treeEntry, folder string, depth int) error {
	if r.entries++; r.entries > r.limits.MaxEntries {
		return at(display(folder), tooLarge("MaxEntries", r.limits.MaxEntries, "the tree has too many files and folders"))
	}
	if err := checkName(display(folder), e.name); err != nil {
		return err
	}
	p := e.name
	if folder != "" {
		p = folder + "/" + e.name
	}
	switch e.mode {
	case filemode.Dir:
		return r.folder(e.id, p, depth+1)
	case filemode.Submodule:
		if r.PassesOver(p) {
			return nil
		}
		return supported(e, p)
	}
	return r.file(e, p)
}

// lfsPrefix starts a Git LFS pointer file.
var lfsPrefix = []byte("version https://git-lfs.github.com/spec/v1")

func (r *reader) file(e treeEntry, p string) error {
	if !r.Wants(p) {
		return nil
	}
	data, err := r.content(e, p)
	if err != nil {
		return err
	}
	r.out = append(r.out, File{Path: p, Hash: e.id.String(), Data: data})
	return nil
}

// content reads a file, within the limits.
func (r *reader) content(e treeEntry, p string) ([]byte, error) {
	if err := supported(e, p); err != nil {
		return nil, err
	}
	if len(r.out) >= r.limits.MaxFiles {
		return nil, at(p, tooLarge("MaxFiles", r.limits.MaxFiles, "there are too many files"))
	}
	if err := r.ctx.Err(); err != nil {
		return nil, err
	}
	// The size is known before anything is read.
	if _, l, ok := r.view.find(e.id); ok {
		if int64(l.size) > r.limits.MaxFileBytes {
			return nil, at(p, tooLarge("MaxFileBytes", r.limits.MaxFileBytes, "the file has %d bytes", l.size))
		}
		if r.total += int64(l.size); r.total > r.limits.MaxTotalBytes {
			return nil, at(p, tooLarge("MaxTotalBytes", r.limits.MaxTotalBytes, "the files together have too many bytes"))
		}
	}
	data, err := r.view.get(e.id, plumbing.BlobObject)
	if err != nil {
		return nil, at(p, err)
	}
	if bytes.HasPrefix(data, lfsPrefix) {
		return nil, at(p, failf(Unsupported, "the file is a Git LFS pointer, and LFS is not supported"))
	}
	return data, nil
}
