package git

import (
	"bufio"
	"bytes"
	"cmp"
	"crypto/sha1"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"sort"

	"github.com/go-git/go-git/v5/plumbing"
)

// A segment is a file of objects, written once: header, objects inflated and back to back, index sorted by id, footer. Objects lie
// inflated because they are read at every sync and sent never.

const (
	segmentMagic   = "NOPEAS1\n"
	indexEntrySize = 20 + 1 + 8 + 4 // id, type, offset, size
	footerSize     = 8 + 4 + 4 + 8  // index offset, count, checksum of the index, magic
	segmentSuffix  = ".seg"
	tempSuffix     = ".tmp"
)

// errDamaged marks what is wrong with the store rather than with the repository: fetching afresh repairs it.
var errDamaged = errors.New("the local copy is incomplete or damaged")

var crcTable = crc32.MakeTable(crc32.Castagnoli)

func damaged(format string, args ...any) *Error {
	return &Error{Code: Corrupt, Err: fmt.Errorf("%w: %w", errDamaged, fmt.Errorf(format, args...))}
}

func storageError(err error) *Error {
	return &Error{Code: Storage, Err: fmt.Errorf("write the local copy: %w", err)}
}

// location is where an object lies in its segment.
type location struct {
	kind   plumbing.ObjectType
	offset int64
	size   uint32
}

// object is an inflated object.
type object struct {
	kind plumbing.ObjectType
	data []byte
}

// readAt checks the content against its id, so that no damage of a disk is ever taken for what Git says.
func (l location) readAt(r io.ReaderAt, id plumbing.Hash) (object, error) {
	data := make([]byte, l.size)
	if _, err := r.ReadAt(data, l.offset); err != nil {
		return object{}, damaged("object %s: %w", id, err)
	}
	h := sha1.New()
	fmt.Fprintf(h, "%s %d\x00", l.kind, l.size)
	h.Write(data)
	if !bytes.Equal(h.Sum(nil), id[:]) {
		return object{}, damaged("object %s has another content", id)
	}
	return object{kind: l.kind, data: data}, nil
}

// segmentWriter collects objects in a temporary file. It is used by one goroutine.
type segmentWriter struct {
	file    *os.File
	w       *bufio.Writer
	size    int64
	index   map[plumbing.Hash]location
	maximum int64 // bytes of objects that this segment may take
	limit   int64 // the configured limit, to say
}

func newSegmentWriter(dir string, maximum, limit int64) (*segmentWriter, error) {
	f, err := os.CreateTemp(dir, "*"+tempSuffix)
	if err != nil {
		return nil, storageError(err)
	}
	s := &segmentWriter{file: f, w: bufio.NewWriterSize(f, 64<<10), index: map[plumbing.Hash]location{}, maximum: maximum, limit: limit}
	if err := s.write([]byte(segmentMagic)); err != nil {
		s.abort()
		return nil, err
	}
	return s, nil
}

func (s *segmentWriter) write(p []byte) error {
	n, err := s.w.Write(p)
	s.size += int64(n)
	if err != nil {
		return storageError(err)
	}
	return nil
}

// add stores an object under the id computed from its content by the caller.
func (s *segmentWriter) add(id plumbing.Hash, o object) error {
	if _, ok := s.index[id]; ok {
		return nil
	}
	if int64(len(o.data)) > math.MaxUint32 || s.size+int64(len(o.data)) > s.maximum {
		return tooLarge("MaxStoreBytes", s.limit, "the repository takes too many bytes on disk")
	}
	l := location{kind: o.kind, offset: s.size, size: uint32(len(o.data))}
	if err := s.write(o.data); err != nil {
		return err
	}
	s.index[id] = l
	return nil
}

func (s *segmentWriter) get(id plumbing.Hash) (object, bool, error) {
	l, ok := s.index[id]
	if !ok {
		return object{}, false, nil
	}
	if s.size-int64(s.w.Buffered()) < l.offset+int64(l.size) {
		if err := s.w.Flush(); err != nil {
			return object{}, false, storageError(err)
		}
	}
	o, err := l.readAt(s.file, id)
	return o, err == nil, err
}

// finish writes the index and gives the file its name, which it returns.
func (s *segmentWriter) finish() (string, error) {
	ids := make([]plumbing.Hash, 0, len(s.index))
	for id := range s.index {
		ids = append(ids, id)
	}
	slices.SortFunc(ids, func(a, b plumbing.Hash) int { return bytes.Compare(a[:], b[:]) })
	table := make([]byte, 0, len(ids)*indexEntrySize)
	for _, id := range ids {
		l := s.index[id]
		table = append(table, id[:]...)
		table = append(table, byte(l.kind))
		table = binary.BigEndian.AppendUint64(table, uint64(l.offset))
		table = binary.BigEndian.AppendUint32(table, l.size)
	}
	footer := binary.BigEndian.AppendUint64(nil, uint64(s.size))
	footer = binary.BigEndian.AppendUint32(footer, uint32(len(ids)))
	footer = binary.BigEndian.AppendUint32(footer, crc32.Checksum(table, crcTable))
	footer = append(footer, segmentMagic...)
	if err := cmp.Or(s.write(table), s.write(footer)); err != nil {
		return "", err
	}
	if err := cmp.Or(s.w.Flush(), s.file.Close()); err != nil {
		return "", storageError(err)
	}
	temp := s.file.Name()
	name := temp[:len(temp)-len(tempSuffix)] + segmentSuffix
	if err := os.Rename(temp, name); err != nil {
		return "", storageError(err)
	}
	return filepath.Base(name), nil
}

// abort removes what was written. After finish it does nothing.
func (s *segmentWriter) abort() {
	_ = s.file.Close()
	_ = os.Remove(s.file.Name())
}

// segment is an open segment file, for one goroutine.
type segment struct {
	file  *os.File
	table []byte
	bytes int64

	window       []byte // part of the file, from windowOffset on
	windowOffset int64
}

// windowSize is how much is read ahead: objects that are read one after the other mostly lie so.
const windowSize = 32 << 10

// ReadAt implements io.ReaderAt, small pieces through the window.
func (s *segment) ReadAt(p []byte, offset int64) (int, error) {
	if len(p) > windowSize/2 {
		return s.file.ReadAt(p, offset)
	}
	if offset < s.windowOffset || offset+int64(len(p)) > s.windowOffset+int64(len(s.window)) {
		if s.window == nil {
			s.window = make([]byte, windowSize)
		}
		n, err := s.file.ReadAt(s.window[:windowSize], offset)
		if err != nil && err != io.EOF {
			return 0, err
		}
		s.window, s.windowOffset = s.window[:n], offset
	}
	if n := copy(p, s.window[offset-s.windowOffset:]); n < len(p) {
		return n, io.ErrUnexpectedEOF
	}
	return len(p), nil
}

func openSegment(path string) (*segment, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, damaged("%w", err)
	}
	s := &segment{file: f}
	if err := s.readIndex(); err != nil {
		_ = f.Close()
		return nil, damaged("segment %s: %w", filepath.Base(path), err)
	}
	return s, nil
}

func (s *segment) readIndex() error {
	info, err := s.file.Stat()
	if err != nil {
		return err
	}
	s.bytes = info.Size()
	var footer [footerSize]byte
	if _, err := s.file.ReadAt(footer[:], s.bytes-footerSize); err != nil {
		return fmt.Errorf("no footer: %w", err)
	}
	offset := binary.BigEndian.Uint64(footer[0:])
	count := binary.BigEndian.Uint32(footer[8:])
	length := uint64(count) * indexEntrySize
	if string(footer[16:]) != segmentMagic || offset+length+footerSize != uint64(s.bytes) {
		return errors.New("its footer is wrong")
	}
	s.table = make([]byte, length)
	if _, err := s.file.ReadAt(s.table, int64(offset)); err != nil {
		return err
	}
	if crc32.Checksum(s.table, crcTable) != binary.BigEndian.Uint32(footer[12:]) {
		return errors.New("the checksum of its index is wrong")
	}
	return nil
}

func (s *segment) find(id plumbing.Hash) (location, bool) {
	count := len(s.table) / indexEntrySize
	i := sort.Search(count, func(i int) bool {
		return bytes.Compare(s.table[i*indexEntrySize:i*indexEntrySize+len(id)], id[:]) >= 0
	})
	if i == count {
		return location{}, false
	}
	entry := s.table[i*indexEntrySize : (i+1)*indexEntrySize]
	if !bytes.Equal(entry[:len(id)], id[:]) {
		return location{}, false
	}
	return location{
		kind:   plumbing.ObjectType(entry[20]),
		offset: int64(binary.BigEndian.Uint64(entry[21:])),
		size:   binary.BigEndian.Uint32(entry[29:]),
	}, true
}
