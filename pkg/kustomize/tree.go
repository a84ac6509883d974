package kustomize

import (
	"context"
	"errors"
	"io/fs"
	"path"
)

// Tree is where files are read from.
type Tree interface {
	// File gives the content of the file at a path from the root. The error is [fs.ErrNotExist] where nothing is, [ErrFolder] where a folder
	// is, an [*Unreadable] where the tree is to blame, and any other where reading may succeed another time.
	File(ctx context.Context, path string) ([]byte, error)
}

// ErrFolder says that a folder is where a file was looked for.
var ErrFolder = errors.New("a folder, not a file")

// fileNames of kustomizations, those that Kustomize knows.
var fileNames = []string{"kustomization.yaml", "kustomization.yml", "Kustomization"}

// IsKustomization tells whether a path is that of a kustomization file.
func IsKustomization(file string) bool {
	name := path.Base(file)
	return name == fileNames[0] || name == fileNames[1] || name == fileNames[2]
}

// Holds tells whether a folder holds a kustomization file.
func Holds(ctx context.Context, tree Tree, folder string) (bool, error) {
	for _, name := range fileNames {
		_, err := tree.File(ctx, path.Join(folder, name))
		var unreadable *Unreadable
		switch {
		case err == nil, errors.As(err, &unreadable):
			// What is wrong with it, the build says.
			return true, nil
		case !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, ErrFolder):
			return false, err
		}
	}
	return false, nil
}
