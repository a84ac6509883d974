package git

import (
	"context"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
)

// reachableWalk visits commits and everything below their trees, each object once, and fails if anything is missing. Blobs are
// looked up, not read.
type reachableWalk struct {
	view   view
	limits Limits
	visit  func(plumbing.Hash) error

	seen  map[plumbing.Hash]struct{}
	trees []treePair
	known map[string]treeEntry // what the folder held before
}

// treePair is a tree to walk and the one that was in its place before, if any.
type treePair struct{ tree, before plumbing.Hash }

// commit walks one commit. What is the same in a commit that was verified before, if one is given, is not walked again: the cost of a
// fetch follows the change.
func (w *reachableWalk) commit(ctx context.Context, commit, verified plumbing.Hash) error {
	root, err := w.root(commit)
	if err != nil {
		return err
	}
	var before plumbing.Hash
	if !verified.IsZero() {
		if before, err = w.root(verified); err != nil {
			return err
		}
	}
	if err := w.see(commit); err != nil {
		return err
	}
	if err := w.push(root, before); err != nil {
		return err
	}
	for len(w.trees) > 0 {
		if err := ctx.Err(); err != nil {
			return err
		}
		next := w.trees[len(w.trees)-1]
		w.trees = w.trees[:len(w.trees)-1]
		if err := w.folder(next); err != nil {
			return err
		}
	}
	return nil
}

func (w *reachableWalk) root(commit plumbing.Hash) (plumbing.Hash, error) {
	data, err := w.view.get(commit, plumbing.CommitObject)
	if err != nil {
		return plumbing.ZeroHash, err
	}
	_, root, err := parseCommit(commit.String(), data)
	return root, err
}

func (w *reachableWalk) folder(p treePair) error {
	w.known = map[string]treeEntry{}
	if !p.before.IsZero() {
		data, err := w.view.get(p.before, plumbing.TreeObject)
		if err != nil {
			return err
		}
		if err := parseTree(data, func(e treeEntry) error {
			w.known[e.name] = e
			return nil
		}); err != nil {
			return err
		}
	}
	data, err := w.view.get(p.tree, plumbing.TreeObject)
	if err != nil {
		return err
	}
	return parseTree(data, w.entry)
}

func (w *reachableWalk) entry(e treeEntry) error {
	before := w.known[e.name]
	if before == e {
		return nil
	}
	switch e.mode {
	case filemode.Dir:
		if before.mode != filemode.Dir {
			before.id = plumbing.ZeroHash
		}
		return w.push(e.id, before.id)
	case filemode.Submodule: // its commit is in another repository
		return nil
	}
	if _, ok := w.seen[e.id]; ok {
		return nil
	}
	_, l, ok := w.view.find(e.id)
	if !ok {
		return damaged("blob %s is missing", e.id)
	}
	if l.kind != plumbing.BlobObject {
		return failf(Corrupt, "object %s is a %s where a blob belongs", e.id, l.kind)
	}
	return w.see(e.id)
}

func (w *reachableWalk) push(tree, before plumbing.Hash) error {
	if _, ok := w.seen[tree]; ok || tree == before {
		return nil
	}
	w.trees = append(w.trees, treePair{tree, before})
	return w.see(tree)
}

func (w *reachableWalk) see(id plumbing.Hash) error {
	if _, ok := w.seen[id]; ok {
		return nil
	}
	if len(w.seen) >= w.limits.MaxObjects {
		return tooLarge("MaxObjects", w.limits.MaxObjects, "the repository has too many objects")
	}
	w.seen[id] = struct{}{}
	return w.visit(id)
}
