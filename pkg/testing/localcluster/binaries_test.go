package localcluster

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestBinary(t *testing.T) {
	first, second := t.TempDir(), t.TempDir()
	for _, path := range []string{filepath.Join(first, "nopea-controller"), filepath.Join(second, "nopea-controller"), filepath.Join(second, "kubectl")} {
		if err := os.WriteFile(path, nil, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv(BinDirVariable, first+string(filepath.ListSeparator)+second)
	for name, want := range map[string]string{
		"nopea-controller": filepath.Join(first, "nopea-controller"),
		"kubectl":          filepath.Join(second, "kubectl"),
	} {
		if got, err := Binary(name); got != want || err != nil {
			t.Errorf("Binary(%q) is %q, %v; want %q", name, got, err, want)
		}
	}
	for name, hint := range map[string]string{"localcluster": "make build-localcluster", "nopea-apiserver": "make build"} {
		if _, err := Binary(name); err == nil || !strings.Contains(err.Error(), "`"+hint+"`") {
			t.Errorf("Binary(%q) fails with %v; want a hint at %s", name, err, hint)
		}
	}
}

func TestRootIsTheMainModule(t *testing.T) {
	root, err := Root()
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(filepath.Join(root, "hack", "localcluster"))
	if got, err := Root(); got != root || err != nil {
		t.Errorf("from inside a nested module the root is %q, %v; want %q", got, err, root)
	}
}
