package kustomize

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"nopea.io/nopea/pkg/manifest"
)

// operand reads a file that an entry names, and checks that it is YAML within bounds.
func (v *visit) operand(file, field, entry string) ([]any, error) {
	data, target, err := v.plain(file, field, entry)
	if err != nil {
		return nil, err
	}
	v.changed(int64(len(data)))
	return v.check(target, "", data)
}

// plain reads a file that an entry names, whatever it holds.
func (v *visit) plain(file, field, entry string) (data []byte, target string, err error) {
	if target, err = v.resolve(file, field, entry); err != nil {
		return nil, "", err
	}
	if data, err = v.read(target); err != nil {
		return nil, "", v.missing(err, file, field, entry, target)
	}
	return data, target, nil
}

// read gives a file of the tree, and counts it.
func (w *walk) read(target string) ([]byte, error) {
	if err := w.ctx.Err(); err != nil {
		return nil, fmt.Errorf("read %s: %w", target, err)
	}
	data, seen := w.files[target]
	if !seen {
		var err error
		if data, err = w.tree.File(w.ctx, target); err != nil {
			return nil, err
		}
		w.files[target] = data
	}
	w.bytes += int64(len(data))
	if w.reads++; w.reads > w.limits.MaxFiles || w.bytes > w.limits.MaxBytes {
		return nil, &Error{File: target, Message: fmt.Sprintf("the build would read more than %d files or %d bytes, each file counted as often as it is read; "+
			"split it over several GitRepositories", w.limits.MaxFiles, w.limits.MaxBytes)}
	}
	return data, nil
}

// missing says of an entry that its file cannot be read.
func (v *visit) missing(err error, file, field, entry, target string) error {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return faultIn(file, field, entry, "there is no %s in this commit; correct the path", target)
	case errors.Is(err, ErrFolder):
		return faultIn(file, field, entry, "%s is a folder where a file is wanted; name a file", display(target))
	}
	return located(err, file, field, entry)
}

// located names the place of an error that the tree is to blame for.
func located(err error, file, field, entry string) error {
	if unreadable, ok := errors.AsType[*Unreadable](err); ok {
		e := faultIn(file, field, entry, "%v", unreadable)
		e.Err = unreadable.Err
		return e
	}
	return err
}

// check decodes YAML or JSON of a file, or of a text within one, and with it checks the bounds that the library does not have.
func (w *walk) check(file, field string, content []byte) ([]any, error) {
	name := file
	if field != "" {
		// A text within a file is YAML whatever the file is called; the lines are its own.
		name = file + " (" + field + ")"
	}
	values, err := manifest.Documents(w.ctx, manifest.File{Path: name, Data: content}, w.limits.Manifest)
	if fault, ok := errors.AsType[*manifest.Error](err); ok {
		return nil, &Error{File: strings.TrimSuffix(fault.Error(), ": "+fault.Message), Message: fault.Message, Err: fault}
	}
	return values, err
}

// count tells how many objects there are in the documents of a file, and learns their names. The library would say of what is no object that it
// is no folder.
func (w *walk) count(file string, values []any) (count int, err error) {
	for _, value := range values {
		object, _ := value.(map[string]any)
		if items, ok := object["items"].([]any); ok {
			below, err := w.count(file, items)
			if err != nil {
				return 0, err
			}
			count += below
			continue
		}
		metadata, _ := object["metadata"].(map[string]any)
		kind, _ := object["kind"].(string)
		name, _ := metadata["name"].(string)
		if kind == "" || object["apiVersion"] == nil || name == "" && !strings.HasSuffix(kind, "List") {
			return 0, &Error{File: file, Message: "a document is no object: apiVersion, kind or metadata.name is missing; set it, or take the file out of resources"}
		}
		count++
		w.names[name] = true
	}
	return count, nil
}
