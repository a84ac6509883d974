package git

import (
	"context"
	"maps"
	"slices"
	"sync"

	"github.com/go-git/go-git/v5/plumbing"
)

// Reads notes what was read of a commit's tree: at each path the object id, which stands for everything below it. The zero value is
// empty. It is safe for concurrent use.
type Reads struct {
	mu  sync.Mutex
	ids map[string]string
}

// nothingThere is noted of a path at which nothing was.
const nothingThere = ""

// Paths that were read, sorted.
func (r *Reads) Paths() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Sorted(maps.Keys(r.ids))
}

func (r *Reads) note(path, id string) {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ids == nil {
		r.ids = make(map[string]string)
	}
	r.ids[path] = id
}

func (r *Reads) all() map[string]string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return maps.Clone(r.ids)
}

// Noting is the same snapshot, and all that is read through it is noted.
func (s *Snapshot) Noting(reads *Reads) *Snapshot {
	noting := *s
	noting.reads = reads
	return &noting
}

// Repeats tells whether reading this commit's tree would give what was noted of another: at each path the same object, or again nothing.
// It is false for a Reads that is empty. Only the folders on the way are read.
func (s *Snapshot) Repeats(ctx context.Context, reads *Reads) (same bool, err error) {
	ids := reads.all()
	if len(ids) == 0 {
		return false, nil
	}
	err = s.read(ctx, "", func(r *reader) error {
		same = true
		for path, id := range ids {
			found, err := r.identify(s.root, path)
			if err != nil {
				return err
			}
			if found != id {
				same = false
				return nil
			}
		}
		return nil
	})
	return same && err == nil, err
}

// identify is the id of what is at a path, if anything.
func (r *reader) identify(root plumbing.Hash, p string) (string, error) {
	e, err := r.find(root, p)
	switch {
	case CodeOf(err) == PathNotFound:
		return nothingThere, nil
	case err != nil:
		return "", err
	}
	return e.id.String(), nil
}
