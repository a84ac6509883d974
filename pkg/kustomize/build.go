package kustomize

import (
	"context"
	"encoding/json"
	"fmt"
	"path"
	"strings"
	"sync"

	jsonpatch "gopkg.in/evanphx/json-patch.v4"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/api/resmap"
	"sigs.k8s.io/kustomize/api/resource"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/openapi"
	"sigs.k8s.io/yaml"

	"nopea.io/nopea/pkg/manifest"
)

// ready sets what the library keeps for the whole process, before the first build: its schema, which is loaded when it is first needed, in the
// middle of a build beside others that read it, and a bound that it does not set.
var ready = sync.OnceFunc(func() {
	openapi.Schema()
	jsonpatch.AccumulatedCopySizeLimit = maxCopied
})

// Build builds the kustomization in a folder. The objects come in the order of the build, each with the file that it was written or generated in.
// The error is an [*Error] or a [*manifest.ErrorList] where the tree is to blame, and otherwise that of the tree's reader or of the context.
// Builds may run side by side. One that has begun is not interrupted; the limits bound how long it takes.
func Build(ctx context.Context, tree Tree, folder string, limits Limits) ([]manifest.Object, error) {
	folder = strings.Trim(path.Clean("/"+folder), "/")
	w := newWalk(ctx, tree, limits)
	root, err := w.enter(folder, nil, "", "")
	if err != nil {
		return nil, err
	}
	if err := w.bounded(root.subjects); err != nil {
		return nil, err
	}
	asked, err := w.trace(root.file)
	if err != nil {
		return nil, err
	}
	ready()
	built, err := w.run(folder, root.file)
	if err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("build %s: %w", root.file, err)
	}
	rendered := make([]manifest.Rendered, 0, built.Size())
	for _, object := range built.Resources() {
		one := manifest.Rendered{File: w.originOf(object, root)}
		if !asked {
			if err := object.SetOrigin(nil); err != nil {
				return nil, w.failed(root.file, err)
			}
		}
		if one.JSON, err = object.MarshalJSON(); err != nil {
			return nil, w.failed(root.file, err)
		}
		rendered = append(rendered, one)
	}
	return manifest.FromRendered(ctx, rendered, limits.Manifest)
}

// run builds with the library. A panic is an error of this kustomization and of nothing else.
func (w *walk) run(folder, file string) (built resmap.ResMap, err error) {
	defer func() {
		if r := recover(); r != nil {
			// The value of the panic may quote the files.
			built, err = nil, &Error{File: file, Message: fmt.Sprintf("Kustomize failed on it (%T); try kustomize build, and write it more plainly", r)}
		}
	}()
	options := krusty.MakeDefaultOptions()
	// The tree is the sandbox: all that was walked may be read, also beside and above the folder.
	options.LoadRestrictions = types.LoadRestrictionsNone
	built, err = krusty.MakeKustomizer(options).Run(w.files, "/"+folder)
	if err != nil {
		return nil, w.failed(file, err)
	}
	return built, nil
}

// failed is an error of the library, without what it quotes of the files.
func (w *walk) failed(file string, err error) *Error {
	return &Error{File: file, Message: "kustomize build: " + withoutContent(err.Error(), w.isName), Err: err}
}

// isName tells what may be quoted of the files: the names of objects, files and folders.
func (w *walk) isName(text string) bool {
	if text != "" && w.files.Exists(text) || w.names[text] {
		return true
	}
	// An id: Deployment.v1.apps/web.default
	_, name, _ := strings.Cut(text, "/")
	name, _, _ = strings.Cut(name, ".")
	return w.names[name]
}

// trace makes the build tell where each object comes from, and tells whether the kustomization asks for that itself.
func (w *walk) trace(file string) (asked bool, err error) {
	text, err := yaml.YAMLToJSON(w.files[file])
	if err != nil {
		return false, &Error{File: file, Message: withoutContent(err.Error(), unknown), Err: err}
	}
	var fields map[string]json.RawMessage
	var k types.Kustomization
	if err := json.Unmarshal(text, &fields); err != nil {
		return false, fmt.Errorf("read %s: %w", file, err)
	}
	if err := json.Unmarshal(text, &k); err != nil {
		return false, fmt.Errorf("read %s: %w", file, err)
	}
	for _, option := range k.BuildMetadata {
		if option == types.OriginAnnotations {
			return true, nil
		}
	}
	for field := range fields {
		if strings.EqualFold(field, "buildMetadata") {
			delete(fields, field)
		}
	}
	if fields == nil {
		fields = map[string]json.RawMessage{}
	}
	if fields["buildMetadata"], err = json.Marshal(append(k.BuildMetadata, types.OriginAnnotations)); err != nil {
		return false, fmt.Errorf("change %s: %w", file, err)
	}
	if w.files[file], err = json.Marshal(fields); err != nil {
		return false, fmt.Errorf("change %s: %w", file, err)
	}
	return false, nil
}

// originOf is the file that an object comes from: that of the kustomization that is built, if the build does not tell of one that was read.
// A patch can change what it tells.
func (w *walk) originOf(object *resource.Resource, root *visit) string {
	origin, err := object.GetOrigin()
	if err != nil || origin == nil {
		return root.file
	}
	for _, file := range []string{origin.Path, origin.ConfiguredIn} {
		file = strings.TrimPrefix(path.Join("/", root.folder, file), "/")
		if _, read := w.files[file]; read {
			return file
		}
	}
	return root.file
}
