package manifest

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"unicode/utf8"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Parse decodes all files into objects, sorted by file, document and item. If anything is wrong with any file, there are
// no objects and the error is an [*ErrorList]; a cancelled context gives the context's error.
func Parse(ctx context.Context, files []File, limits Limits) ([]Object, error) {
	return (*Cache)(nil).Parse(ctx, files, limits)
}

// parsed is what one file came to.
type parsed struct {
	objects []Object
	errs    ErrorList
	// expanded is what aliases added, size what the objects take in memory; both in bytes, roughly.
	expanded, size int64
}

// Parse is [Parse] that decodes only files it has not seen. A nil Cache decodes all of them.
func (c *Cache) Parse(ctx context.Context, files []File, limits Limits) ([]Object, error) {
	limits = limits.withDefaults()
	if err := checkTotal(files, limits); err != nil {
		return nil, err
	}
	files = slices.Clone(files)
	slices.SortStableFunc(files, func(a, b File) int { return cmp.Compare(a.Path, b.Path) })

	results := make([]*parsed, len(files))
	var expanded atomic.Int64
	eachInParallel(len(files), func(i int) bool {
		if ctx.Err() != nil {
			return false
		}
		results[i] = c.parseFile(ctx, files[i], limits)
		return expanded.Add(results[i].expanded) <= limits.MaxTotalBytes
	})
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("parse manifests: %w", err)
	}
	if expanded.Load() > limits.MaxTotalBytes {
		return nil, &ErrorList{Total: 1, Errors: []*Error{fault(TooLarge,
			"aliases and merge keys (*name, <<) add more than %d bytes to the files; write the values out, or use fewer of them",
			limits.MaxTotalBytes)}}
	}
	return collect(results, limits)
}

func collect(results []*parsed, limits Limits) ([]Object, error) {
	count := 0
	for _, r := range results {
		count += len(r.objects)
	}
	var errs ErrorList
	objects := make([]Object, 0, min(count, limits.MaxObjects))
	for _, r := range results {
		errs.merge(&r.errs)
		if room := limits.MaxObjects - len(objects); len(r.objects) > room {
			errs.add(fault(TooLarge, "the tree holds %d objects and only %d are allowed; split it over several GitRepositories with a spec.path each",
				count, limits.MaxObjects).at(r.objects[room].Origin))
			break
		}
		objects = append(objects, r.objects...)
	}
	if err := errs.orNil(); err != nil {
		return nil, err
	}
	return objects, nil
}

func checkTotal(files []File, limits Limits) error {
	var total int64
	for _, f := range files {
		total += int64(len(f.Data))
	}
	if total <= limits.MaxTotalBytes {
		return nil
	}
	return &ErrorList{Total: 1, Errors: []*Error{fault(TooLarge,
		"the %d manifest files hold %d bytes and only %d are allowed; split the tree over several GitRepositories with a spec.path each",
		len(files), total, limits.MaxTotalBytes)}}
}

// eachInParallel calls do for 0 to n-1 on all processors until it returns false, and returns when all calls have.
func eachInParallel(n int, do func(i int) bool) {
	var next atomic.Int64
	var stop atomic.Bool
	var wg sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), n) {
		wg.Go(func() {
			for !stop.Load() {
				i := int(next.Add(1)) - 1
				if i >= n {
					return
				}
				if !do(i) {
					stop.Store(true)
				}
			}
		})
	}
	wg.Wait()
}

// decode decodes one file. A panic of a parser is an error of that file and of nothing else.
func decode(ctx context.Context, file File, limits Limits) (result *parsed) {
	result = &parsed{}
	defer func() {
		if r := recover(); r != nil {
			// The value of the panic may quote the file.
			result = &parsed{}
			result.errs.add(fault(Invalid, "the parser failed on this file (%T); write it more plainly, or move it out of spec.path", r).
				at(Origin{File: file.Path}))
		}
	}()
	if err := checkFile(file, limits); err != nil {
		result.errs.add(err.at(Origin{File: file.Path}))
		return result
	}
	d := &decoder{ctx: ctx, file: file, limits: limits}
	err := d.read()
	result.expanded, result.size = d.expanded, d.size
	result.objects, result.errs = d.objects()
	if err != nil {
		at := Origin{File: file.Path, Document: len(d.documents) + 1, Documents: len(d.documents) + 1}
		result.errs.add(err.at(at))
	}
	return result
}

// read decodes the documents of the file, up to the first fault.
func (d *decoder) read() *Error {
	if isJSON(d.file) {
		return d.json()
	}
	return d.yaml()
}

func checkFile(file File, limits Limits) *Error {
	if size := int64(len(file.Data)); size > limits.MaxFileBytes {
		return fault(TooLarge, "the file holds %d bytes and only %d are allowed; split it", size, limits.MaxFileBytes)
	}
	if !utf8.Valid(file.Data) {
		return faultAt(invalidUTF8Line(file.Data), NotUTF8, "the file is not UTF-8; save it with that encoding")
	}
	if n := estimateValues(file.Data); n > limits.MaxValuesPerFile {
		return fault(TooLarge, "the file holds about %d values and only %d are allowed; split it", n, limits.MaxValuesPerFile)
	}
	// The YAML library compares each of these directives with all before it.
	if n := bytes.Count(file.Data, []byte("%TAG ")); n > maxTagDirectives {
		return fault(TooLarge, "the file holds %d %%TAG directives, which have no meaning in a manifest; remove them", n)
	}
	return nil
}

const maxTagDirectives = 1000

func invalidUTF8Line(data []byte) int {
	for i := 0; i < len(data); {
		r, size := utf8.DecodeRune(data[i:])
		if r == utf8.RuneError && size == 1 {
			return lineAt(data, i)
		}
		i += size
	}
	return 0
}

// decoder reads the documents of one file.
type decoder struct {
	ctx            context.Context
	file           File
	limits         Limits
	documents      []document
	expanded, size int64
	// loose takes documents of any shape, into values.
	loose  bool
	values []any
}

// document is one value of a file, before it is known to be an object.
type document struct {
	line  int
	value map[string]any
}

// add takes the next document of the file. One that is empty, or holds only comments, is passed over.
func (d *decoder) add(line int, value any) *Error {
	if value == nil {
		return nil
	}
	if len(d.documents)+len(d.values) == d.limits.MaxDocumentsPerFile {
		return faultAt(line, TooLarge, "the file holds more than %d documents; split it", d.limits.MaxDocumentsPerFile)
	}
	if d.loose {
		d.values = append(d.values, value)
		return nil
	}
	m, ok := value.(map[string]any)
	if !ok {
		return faultAt(line, Invalid, "a document must be a mapping with apiVersion, kind and metadata, not %s%s", typeName(value), listHint(value))
	}
	d.documents = append(d.documents, document{line: line, value: m})
	return nil
}

func listHint(value any) string {
	if _, ok := value.([]any); ok {
		return "; to hold several objects in one document, use apiVersion: v1, kind: List and items"
	}
	return "; move the file out of spec.path if it is no manifest"
}

// objects makes objects of the documents. The errors come in the order of the documents.
func (d *decoder) objects() ([]Object, ErrorList) {
	var objects []Object
	var errs ErrorList
	for i, doc := range d.documents {
		origin := Origin{File: d.file.Path, Document: i + 1, Line: doc.line, Documents: len(d.documents)}
		items, err := expand(doc.value)
		if err != nil {
			errs.add(err.at(origin))
			continue
		}
		for _, item := range items {
			origin.Item = item.number
			if err := clean(item.value); err != nil {
				errs.add(err.at(origin))
				continue
			}
			objects = append(objects, Object{Unstructured: &unstructured.Unstructured{Object: item.value}, Origin: origin, Confidential: d.file.Encrypted})
		}
	}
	return objects, errs
}

// typeName says what a decoded value is, without showing it.
func typeName(v any) string {
	switch v.(type) {
	case nil:
		return "empty"
	case map[string]any:
		return "a mapping"
	case []any:
		return "a list"
	case string:
		return "a text"
	case bool:
		return "a boolean"
	}
	return "a number"
}

// lineAt is the line of an offset, from 1.
func lineAt(data []byte, offset int) int {
	line := 1
	for _, c := range data[:min(max(offset, 0), len(data))] {
		if c == '\n' {
			line++
		}
	}
	return line
}
