package kustomize

import (
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"strings"

	"sigs.k8s.io/kustomize/kyaml/filesys"
)

// files is the file system of one build: what was walked, by path from the root of the repository, and nothing else. It cannot be written.
type files map[string][]byte

// keyOf turns the library's path, which is absolute, into that of the repository.
func keyOf(name string) string { return strings.TrimPrefix(path.Clean("/"+name), "/") }

func (f files) ReadFile(name string) ([]byte, error) {
	data, ok := f[keyOf(name)]
	if !ok {
		return nil, fmt.Errorf("%s: %w", keyOf(name), fs.ErrNotExist)
	}
	return data, nil
}

func (f files) IsDir(name string) bool {
	folder := keyOf(name)
	if folder == "" {
		return true
	}
	for file := range f {
		if strings.HasPrefix(file, folder+"/") {
			return true
		}
	}
	return false
}

func (f files) Exists(name string) bool {
	_, ok := f[keyOf(name)]
	return ok || f.IsDir(name)
}

func (f files) CleanedAbs(name string) (filesys.ConfirmedDir, string, error) {
	key := keyOf(name)
	if _, ok := f[key]; ok {
		return filesys.ConfirmedDir("/" + strings.TrimPrefix(path.Dir(key), ".")), path.Base(key), nil
	}
	if !f.IsDir(key) {
		return "", "", fmt.Errorf("%s: %w", key, fs.ErrNotExist)
	}
	return filesys.ConfirmedDir("/" + key), "", nil
}

// The rest of the interface is not used by a build of what was walked.

func readOnly(name string) error { return fmt.Errorf("%s: %w", keyOf(name), fs.ErrPermission) }

func (f files) Create(name string) (filesys.File, error)    { return nil, readOnly(name) }
func (f files) Open(name string) (filesys.File, error)      { return nil, readOnly(name) }
func (f files) Mkdir(name string) error                     { return readOnly(name) }
func (f files) MkdirAll(name string) error                  { return readOnly(name) }
func (f files) RemoveAll(name string) error                 { return readOnly(name) }
func (f files) WriteFile(name string, _ []byte) error       { return readOnly(name) }
func (f files) ReadDir(name string) ([]string, error)       { return nil, readOnly(name) }
func (f files) Glob(pattern string) ([]string, error)       { return nil, readOnly(pattern) }
func (f files) Walk(name string, _ filepath.WalkFunc) error { return readOnly(name) }
