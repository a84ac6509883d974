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
	"nopea.io/nopea/pkg/sops"
)

// load makes objects of the files below spec.path: by Kustomize where the folder holds a kustomization file, and otherwise as they are written.
func (c *Controller) load(ctx context.Context, tree *commitTree, spec *v1alpha1.GitRepositorySpec) ([]manifest.Object, error) {
	built, err := kustomize.Holds(ctx, tree, spec.Path)
	if err != nil {
		return nil, err
	}
	if built {
		return tree.build(ctx, spec.Path)
	}
	return c.loadPlain(ctx, tree, spec)
}

// loadPlain reads the manifests of a folder. A folder below it that holds a kustomization file is built, as Flux does, and read no further.
func (c *Controller) loadPlain(ctx context.Context, tree *commitTree, spec *v1alpha1.GitRepositorySpec) ([]manifest.Object, error) {
	folder := spec.Path
	files, err := filesOf(ctx, tree.snapshot, spec, wanted)
	if err != nil {
		return nil, err
	}
	if len(files) == 1 && kustomize.IsKustomization(files[0].Path) && files[0].Path == strings.Trim(path.Clean("/"+folder), "/") {
		return nil, &kustomize.Error{File: files[0].Path, Message: "spec.path names a kustomization file; to have it built, let it name the folder that holds it"}
	}
	kustomizations := kustomizationsAmong(files)
	var sources []manifest.File
	for _, file := range files {
		if manifest.Wanted(file.Path) && !isWithin(file.Path, kustomizations) {
			source, err := tree.open(ctx, file)
			if err != nil {
				return nil, err
			}
			sources = append(sources, source)
		}
	}
	objects, err := c.Manifests.Parse(ctx, sources, manifest.DefaultLimits())
	if err != nil {
		return nil, err
	}
	for _, kustomization := range kustomizations {
		built, err := tree.build(ctx, kustomization)
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
	// keys for encrypted files; nil where there are none.
	keys *sops.Keys
	// encrypted: one of the files that were read was.
	encrypted bool
}

// build builds a kustomization. Any of its objects may hold a value of any file that was read for it.
func (t *commitTree) build(ctx context.Context, folder string) ([]manifest.Object, error) {
	read := &commitTree{snapshot: t.snapshot, keys: t.keys}
	objects, err := kustomize.Build(ctx, read, folder, kustomize.DefaultLimits())
	if err != nil {
		return nil, err
	}
	for i := range objects {
		objects[i].Confidential = read.encrypted
	}
	return objects, nil
}

// open decrypts a file, if it is encrypted. What is decrypted is not cached: others, who lack the keys, may hold the same file.
func (t *commitTree) open(ctx context.Context, file git.File) (manifest.File, error) {
	plain, encrypted, err := sops.Decrypt(ctx, file.Path, file.Data, t.keys)
	if err != nil {
		return manifest.File{}, err
	}
	if encrypted {
		t.encrypted = true
		return manifest.File{Path: file.Path, Data: plain, Encrypted: true}, nil
	}
	return manifest.File{Path: file.Path, Data: file.Data, Hash: file.Hash}, nil
}

// File reads one file.
func (t *commitTree) File(ctx context.Context, path string) ([]byte, error) {
	file, err := t.snapshot.File(ctx, path)
	switch git.CodeOf(err) {
	case "":
		opened, err := t.open(ctx, file)
		return opened.Data, err
	case git.PathNotFound:
		return nil, fmt.Errorf("%w: %w", fs.ErrNotExist, err)
	case git.IsFolder:
		return nil, kustomize.ErrFolder
	case git.Unsupported, git.TooLarge:
		return nil, &kustomize.Unreadable{Err: err}
	}
	return nil, err
}
