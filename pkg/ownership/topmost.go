package ownership

import (
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
)

// topmost visits the fields of which one set has all and the other has nothing, neither the field nor anything in it. Of a field and
// what is in it, only the field is visited: a list item or a map that is there as a whole counts once. A path for which whole is false
// is looked into rather than taken as one. Paths are good during the visit only.
func topmost(of, less *fieldpath.Set, whole func(fieldpath.Path) bool, visit func(fieldpath.Path)) {
	t := &difference{whole: whole, visit: visit}
	t.descend(nil, of, less)
}

type difference struct {
	whole func(fieldpath.Path) bool
	visit func(fieldpath.Path)
}

func (d *difference) descend(prefix fieldpath.Path, of, less *fieldpath.Set) {
	of.Members.Iterate(func(element fieldpath.PathElement) { d.member(append(prefix, element), of, less) })
	of.Children.Iterate(func(element fieldpath.PathElement) { d.child(append(prefix, element), of, less) })
}

func (d *difference) member(path fieldpath.Path, of, less *fieldpath.Set) {
	element := path[len(path)-1]
	if _, divided := of.Children.Get(element); !touches(less, element) && (!divided || d.whole(path)) {
		d.visit(path)
	}
}

func (d *difference) child(path fieldpath.Path, of, less *fieldpath.Set) {
	element := path[len(path)-1]
	if of.Members.Has(element) && !touches(less, element) && d.whole(path) {
		return // visited as a member
	}
	inner, _ := of.Children.Get(element)
	other, ok := less.Children.Get(element)
	if !ok {
		other = &fieldpath.Set{}
	}
	d.descend(path, inner, other)
}

// touches tells whether the set has the element or anything in it.
func touches(set *fieldpath.Set, element fieldpath.PathElement) bool {
	if set.Members.Has(element) {
		return true
	}
	inner, ok := set.Children.Get(element)
	return ok && !inner.Empty()
}

// holds tells whether the set has the field at the path or anything in it.
func holds(set *fieldpath.Set, path fieldpath.Path) bool {
	for i, element := range path {
		if i == len(path)-1 {
			return touches(set, element)
		}
		inner, ok := set.Children.Get(element)
		if !ok {
			return false
		}
		set = inner
	}
	return false
}
