package git

import (
	"path/filepath"

	"github.com/go-git/go-git/v5/plumbing"
)

// view is a set of open segments, seen as one object database. It stays readable when the files are removed.
type view []*segment

func openView(dir string, names []string) (view, error) {
	v := make(view, 0, len(names))
	for _, name := range names {
		s, err := openSegment(filepath.Join(dir, name))
		if err != nil {
			v.close()
			return nil, err
		}
		v = append(v, s)
	}
	return v, nil
}

func (v view) close() {
	for _, s := range v {
		_ = s.file.Close()
	}
}

func (v view) bytes() (sum int64) {
	for _, s := range v {
		sum += s.bytes
	}
	return sum
}

func (v view) find(id plumbing.Hash) (*segment, location, bool) {
	for _, s := range v {
		if l, ok := s.find(id); ok {
			return s, l, true
		}
	}
	return nil, location{}, false
}

// get reads an object that must be there and of that kind.
func (v view) get(id plumbing.Hash, kind plumbing.ObjectType) ([]byte, error) {
	s, l, ok := v.find(id)
	if !ok {
		return nil, damaged("%s %s is missing", kind, id)
	}
	if l.kind != kind {
		return nil, failf(Corrupt, "object %s is a %s where a %s belongs", id, l.kind, kind)
	}
	o, err := l.readAt(s, id)
	return o.data, err
}
