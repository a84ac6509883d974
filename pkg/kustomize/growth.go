package kustomize

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"

	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/utils"
	"sigs.k8s.io/yaml"
)

// growth is what lets a few lines make large objects: values that are copied from one object into others, or into themselves.
type growth struct {
	replacements []placed
	vars         []string
	// largest text that changes objects, in bytes.
	largest int64
}

// placed is a replacement, and the file that it stands in.
type placed struct {
	types.Replacement
	file string
}

const (
	// maxNested bounds replacements that write into what a replacement reads: each may double it.
	maxNested = 8
	// maxCopied bounds in bytes what one JSON patch may copy within an object.
	maxCopied = 256 << 10
)

// replacement notes a replacement for later, when all objects are known.
func (v *visit) replacement(file string, field *types.ReplacementField) error {
	if field.Path == "" {
		v.growth.replacements = append(v.growth.replacements, placed{field.Replacement, file})
		return nil
	}
	data, target, err := v.plain(file, "replacements", field.Path)
	if err != nil {
		return err
	}
	values, err := v.check(target, "", data)
	if err != nil {
		return err
	}
	v.changed(int64(len(data)))
	var list []types.Replacement
	if len(values) == 1 {
		if _, single := values[0].(map[string]any); single {
			list = make([]types.Replacement, 1)
			err = yaml.Unmarshal(data, &list[0])
		} else {
			err = yaml.Unmarshal(data, &list)
		}
	}
	if err != nil || len(list) == 0 {
		return faultIn(file, "replacements", field.Path, "the file is no list of replacements; correct it")
	}
	for _, replacement := range list {
		v.growth.replacements = append(v.growth.replacements, placed{replacement, target})
	}
	return nil
}

// bounded checks that what is copied stays within the limits, once everything is read.
func (w *walk) bounded(objects int) error {
	if err := w.nested(); err != nil {
		return err
	}
	for _, r := range w.growth.replacements {
		size := w.growth.largest
		if r.Source != nil {
			size += w.sizeOf(fieldPath(r.Source.FieldPath))
		}
		for _, target := range r.Targets {
			if target == nil {
				continue
			}
			if w.work += size * int64(max(len(target.FieldPaths), 1)) * int64(max(objects, 1)); w.work > w.limits.MaxWork {
				return &Error{File: r.file, Entry: "replacements", Message: "so many replacements of such large values over so many objects are too much for one build; " +
					"copy smaller fields, or split it over several GitRepositories"}
			}
		}
	}
	return w.boundedVars()
}

// nested counts the replacements that write into what one of them reads.
func (w *walk) nested() error {
	count := 0
	for _, writer := range w.growth.replacements {
		for _, target := range writer.Targets {
			if target == nil {
				continue
			}
			joins := target.Options != nil && target.Options.Delimiter != ""
			for _, path := range target.FieldPaths {
				if !w.readsAround(fieldPath(path), joins) {
					continue
				}
				if count++; count > maxNested {
					return &Error{File: writer.file, Entry: "replacements", Message: fmt.Sprintf("more than %d replacements write into fields that replacements read; "+
						"read from fields that none writes to", maxNested)}
				}
			}
		}
	}
	return nil
}

// readsAround tells whether a replacement may read a field around a path, or, if values are joined there, the field itself.
func (w *walk) readsAround(path []string, joins bool) bool {
	for _, reader := range w.growth.replacements {
		if reader.Source == nil {
			continue
		}
		source := fieldPath(reader.Source.FieldPath)
		if len(source) > len(path) || len(source) == len(path) && !joins {
			continue
		}
		around := true
		for i := range source {
			around = around && mayEqual(source[i], path[i])
		}
		if around {
			return true
		}
	}
	return false
}

// mayEqual compares segments of two paths; those that select items of a list may mean the same item.
func mayEqual(a, b string) bool { return a == b || selects(a) && selects(b) }

func selects(segment string) bool {
	_, err := strconv.Atoi(segment)
	return err == nil || segment == "*" || segment == "-" || strings.HasPrefix(segment, "[")
}

func fieldPath(path string) []string {
	if path == "" {
		path = types.DefaultReplacementFieldPath
	}
	return utils.SmarterPathSplitter(path, ".")
}

// sizeOf is the size of the largest value at a path in any object of the tree.
func (w *walk) sizeOf(path []string) (largest int64) {
	for _, value := range w.decoded {
		largest = max(largest, measure(at(value, path)))
	}
	return largest
}

func at(value any, path []string) any {
	for _, segment := range path {
		object, ok := value.(map[string]any)
		if !ok {
			// Lists and texts are taken as a whole.
			break
		}
		value = object[segment]
	}
	return value
}

func measure(value any) int64 {
	const perValue = 16
	size := int64(perValue)
	switch v := value.(type) {
	case string:
		size += int64(len(v))
	case []any:
		for _, item := range v {
			size += measure(item)
		}
	case map[string]any:
		for key, item := range v {
			size += int64(len(key)) + measure(item)
		}
	}
	return size
}

// boundedVars checks what the values of vars may add: each stands for a field of an object.
func (w *walk) boundedVars() error {
	if len(w.growth.vars) == 0 {
		return nil
	}
	vars := make(map[string]bool, len(w.growth.vars))
	for _, name := range w.growth.vars {
		vars[name] = true
	}
	var uses, largest int64
	for _, value := range w.decoded {
		largest = max(largest, largestText(value))
	}
	for _, data := range w.files {
		for rest := data; ; {
			start := bytes.Index(rest, []byte("$("))
			if start < 0 {
				break
			}
			rest = rest[start+2:]
			if end := bytes.IndexByte(rest[:min(len(rest), 256)], ')'); end >= 0 && vars[string(rest[:end])] {
				uses++
			}
		}
	}
	if w.work += uses * int64(w.kustomizations) * (largest + w.growth.largest); w.work > w.limits.MaxWork {
		return &Error{Message: fmt.Sprintf("%d uses of vars are too much for one build of such large objects; use replacements instead", uses)}
	}
	return nil
}

func largestText(value any) (largest int64) {
	switch v := value.(type) {
	case string:
		return int64(len(v))
	case []any:
		for _, item := range v {
			largest = max(largest, largestText(item))
		}
	case map[string]any:
		for _, item := range v {
			largest = max(largest, largestText(item))
		}
	}
	return largest
}

// fieldSpecs counts the places of a transformer's configuration: what it writes, it writes to each of them.
func fieldSpecs(value any) (count int64) {
	switch v := value.(type) {
	case []any:
		for _, item := range v {
			count += fieldSpecs(item)
		}
	case map[string]any:
		for key, item := range v {
			if strings.EqualFold(key, "path") {
				count++
			}
			count += fieldSpecs(item)
		}
	}
	return count
}

// copies counts the operations of a JSON patch that copy.
func copies(values []any) (count int64) {
	for _, value := range values {
		switch v := value.(type) {
		case []any:
			count += copies(v)
		case map[string]any:
			if v["op"] == "copy" {
				count++
			}
		}
	}
	return count
}
