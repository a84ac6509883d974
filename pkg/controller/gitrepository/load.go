package gitrepository

import (
	"context"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
	"nopea.io/nopea/pkg/git"
	"nopea.io/nopea/pkg/kustomize"
	"nopea.io/nopea/pkg/manifest"
)

// load makes objects of the files below spec.path: by Kustomize where the folder holds a kustomization file, and otherwise as they are written.
func (c *Controller) load(ctx context.Context, tree commitTree, spec *v1alpha1.GitRepositorySpec) ([]manifest.Object, error) {
	built, err := kustomize.Holds(ctx, tree, spec.Path)
	if err != nil {
		return nil, err
	}
	if built {
		return kustomize.Build(ctx, tree, spec.Path, kustomize.DefaultLimits())
	}
	return c.loadPlain(ctx, tree, spec)
}

// loadPlain reads the manifests of a folder. A folder below it that holds a kustomization file is built, as Flux does, and read no further.
// A kustomization file that spec.path itself names is refused like any file that is no manifest.
func (c *Controller) loadPlain(ctx context.Context, tree commitTree, spec *v1alpha1.GitRepositorySpec) ([]manifest.Object, error) {
	folder := spec.Path
	files, err := filesOf(ctx, tree.snapshot, spec, wanted)
	if err != nil {
		return nil, err
	}
	var kustomizations []string
	if !kustomize.IsKustomization(folder) {
		kustomizations = kustomizationsAmong(files)
	}
	var sources []manifest.File
	for _, file := range files {
		if manifest.Wanted(file.Path) && !isWithin(file.Path, kustomizations) {
			sources = append(sources, manifest.File{Path: file.Path, Data: file.Data, Hash: file.Hash})
		}
	}
	objects, err := c.Manifests.Parse(ctx, sources, manifest.DefaultLimits())
	if err != nil {
		return nil, err
	}
	for _, kustomization := range kustomizations {
		built, err := kustomize.Build(ctx, tree, kustomization, kustomize.DefaultLimits())
		if err != nil {
			return nil, err
		}
		objects = append(objects, built...)
	}
	if most := manifest.DefaultLimits().MaxObjects; len(objects) > most {
		return nil, &kustomize.Error{File: path.Join(folder, "."), Message: fmt.Sprintf(
			"the folder and the kustomizations in it come to %d objects and only %d are allowed; split them over several GitRepositories", len(objects), most)}
	}
	return objects, nil
}

// wanted tells whether a file is a manifest or a kustomization file. One of these needs no extension.
func wanted(file string) bool {
	return manifest.Wanted(file) || kustomize.IsKustomization(file) && manifest.Wanted(file+".yaml")
}

// kustomizationsAmong are the topmost folders that hold a kustomization file, sorted.
func kustomizationsAmong(files []git.File) []string {
	var folders []string
	for _, file := range files {
		if kustomize.IsKustomization(file.Path) {
			folders = append(folders, path.Dir(file.Path))
		}
	}
	slices.Sort(folders)
	folders = slices.Compact(folders)
	return slices.DeleteFunc(slices.Clone(folders), func(folder string) bool {
		return isWithin(folder, folders)
	})
}

// isWithin tells whether a path lies below one of some folders.
func isWithin(file string, folders []string) bool {
	for i := strings.LastIndexByte(file, '/'); i > 0; i = strings.LastIndexByte(file[:i], '/') {
		if _, found := slices.BinarySearch(folders, file[:i]); found {
			return true
		}
	}
	return false
}

// commitTree is a commit's tree as builds read it. What is read through it is all that is read of the commit.
type commitTree struct {
	snapshot *git.Snapshot
}

// File reads one file.
func (t commitTree) File(ctx context.Context, path string) ([]byte, error) {
	file, err := t.snapshot.File(ctx, path)
	switch git.CodeOf(err) {
	case "":
		return file.Data, err
	case git.PathNotFound:
		return nil, fmt.Errorf("%w: %w", fs.ErrNotExist, err)
	case git.IsFolder:
		return nil, kustomize.ErrFolder
	case git.Unsupported, git.TooLarge:
		return nil, &kustomize.Unreadable{Err: err}
	}
	return nil, err
}
