package git

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/packfile"
)

// maxPendingBytes bounds the deltas that wait for a base that comes later in the pack. Servers write bases first, so nearly none do.
const maxPendingBytes = 64 << 20

// unpack reads a pack and writes its objects, deltas resolved, into w. Bases that the pack leaves out come from bases. At most a few
// objects are in memory at a time. Every object gets the id of its content: a server can not put content under an id of its choice.
func unpack(pack io.Reader, w *segmentWriter, bases view, limits Limits) error {
	u := &unpacker{
		w: w, bases: bases, limits: limits,
		scanner:  packfile.NewScanner(io.MultiReader(pack)), // hides any Seek
		ids:      map[int64]plumbing.Hash{},
		byOffset: map[int64][]pendingDelta{},
		byID:     map[plumbing.Hash][]pendingDelta{},
	}
	if err := guard(u.run); err != nil {
		return packError(err)
	}
	return nil
}

// packError keeps what is known already, and says of anything else that the pack is at fault.
func packError(err error) error {
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	if isTransport(err) {
		return err
	}
	return &Error{Code: Corrupt, Err: fmt.Errorf("the server's pack can not be read: %w", err)}
}

type unpacker struct {
	w       *segmentWriter
	bases   view
	limits  Limits
	scanner *packfile.Scanner

	ids      map[int64]plumbing.Hash // by offset in the pack
	byOffset map[int64][]pendingDelta
	byID     map[plumbing.Hash][]pendingDelta
	pending  int64 // bytes in the two
}

// pendingDelta waits for its base.
type pendingDelta struct {
	offset int64
	delta  []byte
}

func (u *unpacker) run() error {
	_, count, err := u.scanner.Header()
	if err != nil {
		return err
	}
	if int64(count) > int64(u.limits.MaxObjects) {
		return tooLarge("MaxObjects", u.limits.MaxObjects, "the server sends %d objects", count)
	}
	var buf bytes.Buffer
	for range count {
		if err := u.next(&buf); err != nil {
			return unexpectedEOF(err)
		}
	}
	if _, err := u.scanner.Checksum(); err != nil {
		return unexpectedEOF(err)
	}
	if len(u.byOffset)+len(u.byID) > 0 {
		return failf(Corrupt, "the server's pack leaves out the base of a delta")
	}
	return nil
}

func (u *unpacker) next(buf *bytes.Buffer) error {
	h, err := u.scanner.NextObjectHeader()
	if err != nil {
		return err
	}
	if h.Length > u.limits.MaxObjectBytes {
		return u.objectTooLarge(h.Length)
	}
	buf.Reset()
	n, _, err := u.scanner.NextObject(buf)
	if err != nil {
		return err
	}
	if n != h.Length {
		return failf(Corrupt, "an object in the server's pack has another size than it says")
	}
	switch h.Type {
	case plumbing.CommitObject, plumbing.TreeObject, plumbing.BlobObject, plumbing.TagObject:
		return u.put(h.Offset, object{h.Type, buf.Bytes()})
	case plumbing.OFSDeltaObject:
		id, ok := u.ids[h.OffsetReference]
		if !ok {
			return wait(u, u.byOffset, h.OffsetReference, h.Offset, buf.Bytes())
		}
		return u.apply(id, pendingDelta{h.Offset, buf.Bytes()})
	case plumbing.REFDeltaObject:
		if !u.has(h.Reference) {
			return wait(u, u.byID, h.Reference, h.Offset, buf.Bytes())
		}
		return u.apply(h.Reference, pendingDelta{h.Offset, buf.Bytes()})
	}
	return failf(Corrupt, "the server's pack has an object of unknown type")
}

func (u *unpacker) objectTooLarge(size int64) error {
	return tooLarge("MaxObjectBytes", u.limits.MaxObjectBytes, "the repository has an object of %d bytes", size)
}

func wait[K comparable](u *unpacker, m map[K][]pendingDelta, base K, offset int64, delta []byte) error {
	if u.pending += int64(len(delta)); u.pending > maxPendingBytes {
		return failf(Corrupt, "the server's pack has too many deltas before their bases")
	}
	m[base] = append(m[base], pendingDelta{offset, bytes.Clone(delta)})
	return nil
}

func (u *unpacker) has(id plumbing.Hash) bool {
	if _, ok := u.w.index[id]; ok {
		return true
	}
	_, _, ok := u.bases.find(id)
	return ok
}

func (u *unpacker) get(id plumbing.Hash) (object, error) {
	if o, ok, err := u.w.get(id); ok || err != nil {
		return o, err
	}
	s, l, ok := u.bases.find(id)
	if !ok {
		return object{}, failf(Corrupt, "the base %s of a delta is missing", id)
	}
	return l.readAt(s, id)
}

// waiting pairs a delta with its base, which is stored by now.
type waiting struct {
	base plumbing.Hash
	pendingDelta
}

func (u *unpacker) put(offset int64, o object) error {
	queue, err := u.store(nil, offset, o)
	if err != nil {
		return err
	}
	return u.drain(queue)
}

func (u *unpacker) apply(base plumbing.Hash, d pendingDelta) error {
	return u.drain([]waiting{{base, d}})
}

// drain resolves deltas, and those that wait for them, without recursion: a chain may be long.
func (u *unpacker) drain(queue []waiting) error {
	for len(queue) > 0 {
		d := queue[len(queue)-1]
		queue = queue[:len(queue)-1]
		base, err := u.get(d.base)
		if err != nil {
			return err
		}
		size, err := deltaTargetSize(d.delta)
		if err != nil {
			return err
		}
		if size > uint64(u.limits.MaxObjectBytes) {
			return u.objectTooLarge(int64(min(size, 1<<62)))
		}
		data, err := packfile.PatchDelta(base.data, d.delta)
		if err != nil {
			return err
		}
		if queue, err = u.store(queue, d.offset, object{base.kind, data}); err != nil {
			return err
		}
	}
	return nil
}

// store writes an object and adds to the queue what waited for it.
func (u *unpacker) store(queue []waiting, offset int64, o object) ([]waiting, error) {
	id := plumbing.ComputeHash(o.kind, o.data)
	if err := u.w.add(id, o); err != nil {
		return nil, err
	}
	u.ids[offset] = id
	for _, d := range u.byOffset[offset] {
		queue = append(queue, waiting{id, d})
		u.pending -= int64(len(d.delta))
	}
	for _, d := range u.byID[id] {
		queue = append(queue, waiting{id, d})
		u.pending -= int64(len(d.delta))
	}
	delete(u.byOffset, offset)
	delete(u.byID, id)
	return queue, nil
}

// deltaTargetSize reads the size of a delta's result from its header, gitformat-pack(5).
func deltaTargetSize(delta []byte) (uint64, error) {
	var size uint64
	for range 2 { // the base's size comes first
		size = 0
		for shift := uint(0); ; shift += 7 {
			if len(delta) == 0 || shift > 56 {
				return 0, packfile.ErrInvalidDelta
			}
			b := delta[0]
			delta = delta[1:]
			size |= uint64(b&0x7f) << shift
			if b&0x80 == 0 {
				break
			}
		}
	}
	return size, nil
}
