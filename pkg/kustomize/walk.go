package kustomize

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"sigs.k8s.io/kustomize/api/types"
)

// walk goes through the graph of kustomizations as the build will, and reads what the build will read.
type walk struct {
	ctx    context.Context
	tree   Tree
	limits Limits

	files files
	// objects that a file was found to hold.
	objects map[string]int
	// decoded holds the documents of those files.
	decoded []any
	growth  growth
	names   map[string]bool

	kustomizations, reads int
	bytes, work           int64
}

func newWalk(ctx context.Context, tree Tree, limits Limits) *walk {
	return &walk{ctx: ctx, tree: tree, limits: limits, files: files{}, objects: map[string]int{}, names: map[string]bool{}}
}

// visit is one kustomization on the way: its folder, its file, and those that led to it.
type visit struct {
	*walk
	folder, file string
	above        *visit
	depth        int
	isComponent  bool
	// objects that are subject to this kustomization, and bytes that say what to change in them.
	subjects int
	changes  int64
	// copied bounds the bytes that JSON patches may copy within each object.
	copied int64
	// places that each change of labels and the like is written to.
	places int64
}

// changed counts a text that says what to change.
func (v *visit) changed(size int64) {
	v.changes += size
	v.growth.largest = max(v.growth.largest, size)
}

// fault is an error of this kustomization, about the entry of a field.
func (v *visit) fault(field, entry, format string, args ...any) *Error {
	return faultIn(v.file, field, entry, format, args...)
}

func faultIn(file, field, entry, format string, args ...any) *Error {
	e := &Error{File: file, Entry: field, Message: fmt.Sprintf(format, args...)}
	if entry != "" {
		e.Entry += ": " + quote(entry)
	}
	return e
}

// enter walks the kustomization in a folder, which an entry of another refers to. It tells how many objects come of it.
func (w *walk) enter(folder string, above *visit, field, entry string) (*visit, error) {
	v := &visit{walk: w, folder: folder, above: above, isComponent: field == fieldComponents}
	if above != nil {
		v.depth = above.depth + 1
		if other := above.within(folder); other != "" {
			return nil, above.fault(field, entry, "a cycle: this folder is or holds %s, which is being built; refer to a folder beside it", display(other))
		}
		if v.depth > w.limits.MaxDepth {
			return nil, above.fault(field, entry, "kustomizations refer to each other more than %d levels deep", w.limits.MaxDepth)
		}
	}
	if w.kustomizations++; w.kustomizations > w.limits.MaxKustomizations {
		return nil, &Error{File: display(folder), Message: fmt.Sprintf("the build would take more than %d kustomizations, each counted as often as others refer to it; "+
			"refer to each only once", w.limits.MaxKustomizations)}
	}
	content, err := v.find(above, field, entry)
	if err != nil {
		return nil, err
	}
	return v, v.kustomization(content)
}

// within gives the folder, of those that are being built, that another is or holds; empty if none.
func (v *visit) within(folder string) string {
	for ; v != nil; v = v.above {
		if v.folder == folder || folder == "" || strings.HasPrefix(v.folder, folder+"/") {
			return path.Join(v.folder, ".")
		}
	}
	return ""
}

func display(folder string) string {
	if folder == "" || folder == "." {
		return "the repository's root"
	}
	return folder
}

// find reads the one kustomization file of the folder.
func (v *visit) find(above *visit, field, entry string) (content []byte, err error) {
	for _, name := range fileNames {
		file := path.Join(v.folder, name)
		data, err := v.read(file)
		switch {
		case errors.Is(err, fs.ErrNotExist), errors.Is(err, ErrFolder):
			continue
		case err != nil:
			return nil, located(err, file, "", "")
		case v.file != "":
			return nil, &Error{File: file, Message: fmt.Sprintf("the folder holds %s too; remove one of them", path.Base(v.file))}
		}
		v.file, content = file, data
	}
	switch {
	case v.file != "":
		return content, nil
	case above == nil:
		return nil, &Error{File: display(v.folder), Message: "there is no kustomization.yaml"}
	}
	return nil, above.fault(field, entry, "the folder %s is not in this commit, or holds no kustomization.yaml; correct the path", display(v.folder))
}

// kustomization walks what the file of this visit says.
func (v *visit) kustomization(content []byte) error {
	v.changed(int64(len(content)))
	if _, err := v.check(v.file, "", content); err != nil {
		return err
	}
	k, err := v.parse(content)
	if err != nil {
		return err
	}
	if err := v.refused(k); err != nil {
		return err
	}
	for _, entry := range k.Resources {
		if err := v.resource("resources", entry); err != nil {
			return err
		}
	}
	if err := v.operators(k); err != nil {
		return err
	}
	for _, entry := range k.Components {
		if err := v.component(entry); err != nil {
			return err
		}
	}
	if v.subjects > v.limits.MaxObjects {
		return &Error{File: v.file, Message: fmt.Sprintf("%d objects come together here, and only %d are allowed; split them over several GitRepositories",
			v.subjects, v.limits.MaxObjects)}
	}
	return v.charge(v.subjects)
}

// charge counts the work of changing so many objects.
func (v *visit) charge(subjects int) error {
	// The library compares each object with each other: measured, 2,000 objects take a second or two.
	const perComparison = 8
	n := int64(max(subjects, 1))
	if v.work += (v.changes*max(v.places, 1)+v.copied)*n + perComparison*n*n; v.work > v.limits.MaxWork {
		return &Error{File: v.file, Message: fmt.Sprintf("patches and other changes of %d bytes over %d objects are too much for one build; "+
			"split it over several GitRepositories", v.changes, subjects)}
	}
	return nil
}

// parse decodes the file as the library does.
func (v *visit) parse(content []byte) (*types.Kustomization, error) {
	k := &types.Kustomization{}
	if err := k.Unmarshal(content); err != nil {
		return nil, &Error{File: v.file, Message: withoutContent(err.Error(), func(string) bool { return true }), Err: err}
	}
	k.FixKustomization()
	if err := k.CheckEmpty(); err != nil {
		return nil, &Error{File: v.file, Message: "it is empty; write what it is to build, or remove it"}
	}
	if problems := k.EnforceFields(); len(problems) > 0 {
		return nil, &Error{File: v.file, Message: strings.Join(problems, "; ")}
	}
	switch component := k.Kind == types.ComponentKind; {
	case v.above == nil || component == v.isComponent:
		return k, nil
	case component:
		return nil, &Error{File: v.file, Message: "this is a Component, but resources refer to it; let components refer to it"}
	}
	return nil, &Error{File: v.file, Message: "components refer to this, but it is no Component; set apiVersion: " + types.ComponentVersion + " and kind: Component"}
}

// resource walks an entry that is a file of objects, or the folder of another kustomization.
func (v *visit) resource(field, entry string) error {
	target, err := v.resolve(v.file, field, entry)
	if err != nil {
		return err
	}
	data, err := v.read(target)
	if errors.Is(err, ErrFolder) || errors.Is(err, fs.ErrNotExist) && path.Ext(target) == "" {
		below, err := v.enter(target, v, field, entry)
		if err != nil {
			return err
		}
		v.subjects += below.subjects
		return nil
	}
	if err != nil {
		return v.missing(err, v.file, field, entry, target)
	}
	count, ok := v.objects[target]
	if !ok {
		values, err := v.check(target, "", data)
		if err != nil {
			return err
		}
		v.decoded = append(v.decoded, values...)
		if count, err = v.count(target, values); err != nil {
			return err
		}
		v.objects[target] = count
	}
	v.subjects += count
	return nil
}
