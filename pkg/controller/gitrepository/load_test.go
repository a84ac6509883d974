package gitrepository

import (
	"slices"
	"testing"

	"nopea.io/nopea/pkg/git"
)

func TestKustomizationsAmong(t *testing.T) {
	var files []git.File
	for _, path := range []string{"a.yaml", "apps-x/kustomization.yml", "apps/a/Kustomization", "apps/a/b/kustomization.yaml", "apps/a/b/c.yaml", "apps/a/c.yaml",
		"apps/ab/c.yaml", "apps/kustomization.txt", "other/kustomization.yaml", "other/kustomization.yml"} {
		files = append(files, git.File{Path: path})
	}
	folders := kustomizationsAmong(files)
	if want := []string{"apps-x", "apps/a", "other"}; !slices.Equal(folders, want) {
		t.Errorf("got %v, want %v", folders, want)
	}
	for file, want := range map[string]bool{"a.yaml": false, "apps/a/c.yaml": true, "apps/a/b/c.yaml": true, "apps/ab/c.yaml": false, "apps/a.yaml": false, "apps-x/y/z": true} {
		if isWithin(file, folders) != want {
			t.Errorf("%s within: %v", file, !want)
		}
	}
}

func TestWanted(t *testing.T) {
	for path, want := range map[string]bool{"a.yaml": true, "a.txt": false, "b/Kustomization": true, ".b/Kustomization": false, "b/kustomization.yml": true, ".b/a.yaml": false} {
		if wanted(path) != want {
			t.Errorf("%s wanted: %v", path, !want)
		}
	}
}
