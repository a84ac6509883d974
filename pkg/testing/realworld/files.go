// Package realworld reads published manifests that nobody wrote for this project. They stay where they lie, and are not part of it.
package realworld

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"nopea.io/nopea/pkg/testing/localcluster"
)

// variable names the folder that holds them, where that is not beside the checkout.
const variable = "NOPEA_REALWORLD"

// Files are all files of one of their folders, by their slash-separated paths in it. The error of a folder that is not there is fs.ErrNotExist.
func Files(folder string) (map[string]string, error) {
	root := os.Getenv(variable)
	if root == "" {
		checkout, err := localcluster.Root()
		if err != nil {
			return nil, err
		}
		root = filepath.Join(checkout, "..", "shared", "realworld")
	}
	root = filepath.Join(root, filepath.FromSlash(folder))
	files := make(map[string]string)
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(root, path)
		files[filepath.ToSlash(name)] = string(content)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read published manifests (%s names the folder that holds them): %w", variable, err)
	}
	return files, nil
}

// Read is Files for a test, which is skipped where they are not.
func Read(t testing.TB, folder string) map[string]string {
	t.Helper()
	files, err := Files(folder)
	if errors.Is(err, fs.ErrNotExist) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return files
}
