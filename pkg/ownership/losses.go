package ownership

import (
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
)

// Loss is a field that NOPEA held and does not hold any more.
type Loss struct {
	// Path as Name gives it.
	Path string
	// Manager holds the field now. Empty when nobody does: the field was removed.
	Manager     string
	Subresource string
	Operation   metav1.ManagedFieldsOperationType
	// Time is when that manager last changed its fields; zero when it is not known, or the field was removed.
	Time metav1.Time
}

// Removed tells whether nobody holds the field any more.
func (l *Loss) Removed() bool {
	return l.Manager == ""
}

// Lost compares what NOPEA should hold, as the answer to its apply or to a dry run of it says, with the managedFields as they were found,
// and lists what is missing there and who holds it. Of a list item that is missing as a whole, only that is listed. The list is in order
// of path.
func Lost(should, found []metav1.ManagedFieldsEntry) ([]Loss, error) {
	expected, err := ownFields(should)
	if err != nil {
		return nil, err
	}
	held, err := ownFields(found)
	if err != nil {
		return nil, err
	}
	others := readHolders(found)
	var lost []Loss
	everything := func(fieldpath.Path) bool { return true }
	topmost(expected, held, everything, func(path fieldpath.Path) {
		loss := Loss{Path: Name(path)}
		if holder := holderOf(others, path); holder != nil {
			loss.Manager, loss.Subresource = holder.Manager, holder.Subresource
			loss.Operation, loss.Time = holder.Operation, timeOf(holder)
		}
		lost = append(lost, loss)
	})
	slices.SortFunc(lost, func(a, b Loss) int { return strings.Compare(a.Path, b.Path) })
	return lost, nil
}

// ownFields are the fields that NOPEA applied; none when it applied nothing.
func ownFields(managed []metav1.ManagedFieldsEntry) (*fieldpath.Set, error) {
	entry := applied(managed)
	if entry == nil {
		return &fieldpath.Set{}, nil
	}
	return parse(entry)
}

// holder is an entry of someone else than NOPEA's apply.
type holder struct {
	*metav1.ManagedFieldsEntry
	fields *fieldpath.Set
}

func readHolders(managed []metav1.ManagedFieldsEntry) []holder {
	var holders []holder
	for i := range managed {
		entry := &managed[i]
		if isApplied(entry) {
			continue
		}
		if fields, err := parse(entry); err == nil {
			holders = append(holders, holder{entry, fields})
		}
	}
	return holders
}

// holderOf is who holds a field, or else something in it, or else a field that it is part of: the newest, where there are several.
func holderOf(holders []holder, path fieldpath.Path) *metav1.ManagedFieldsEntry {
	for _, near := range []func(*fieldpath.Set) bool{
		func(fields *fieldpath.Set) bool { return fields.Has(path) },
		func(fields *fieldpath.Set) bool { return holds(fields, path) },
		func(fields *fieldpath.Set) bool { return holdsAround(fields, path) },
	} {
		var newest *metav1.ManagedFieldsEntry
		for _, h := range holders {
			if near(h.fields) && (newest == nil || newest.Time.Before(h.Time)) {
				newest = h.ManagedFieldsEntry
			}
		}
		if newest != nil {
			return newest
		}
	}
	return nil
}

// holdsAround tells whether the set has a field that the path leads through, as one that is not divided further.
func holdsAround(set *fieldpath.Set, path fieldpath.Path) bool {
	for _, element := range path {
		inner, ok := set.Children.Get(element)
		if !ok {
			return set.Members.Has(element)
		}
		set = inner
	}
	return false
}
