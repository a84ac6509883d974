package localcluster

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// BinDirVariable names folders with executables, in the manner of PATH. Where it is not set they are in _output/bin of the checkout.
const BinDirVariable = "NOPEA_BIN_DIR"

// modulePath is how the root of the checkout is told from the modules inside it.
const modulePath = "nopea.io/nopea"

// Binary returns the path of an executable of this project. Where it is missing the error says how to build it.
func Binary(name string) (string, error) {
	dirs := filepath.SplitList(os.Getenv(BinDirVariable))
	if len(dirs) == 0 {
		root, err := Root()
		if err != nil {
			return "", fmt.Errorf("find the executable %s (or set %s): %w", name, BinDirVariable, err)
		}
		dirs = []string{filepath.Join(root, "_output", "bin")}
	}
	for _, dir := range dirs {
		path, err := filepath.Abs(filepath.Join(dir, name))
		if err != nil {
			return "", fmt.Errorf("find the executable %s: %w", name, err)
		}
		info, err := os.Stat(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return "", fmt.Errorf("find the executable %s: %w", name, err)
		}
		if info.Mode().IsRegular() && info.Mode().Perm()&0o111 != 0 {
			return path, nil
		}
	}
	return "", fmt.Errorf("the executable %s is not in %s: run `make %s`", name, strings.Join(dirs, " or "), targetOf(name))
}

func targetOf(name string) string {
	if name == supervisorBinary || name == kubectlBinary {
		return "build-localcluster"
	}
	return "build"
}

// Root returns the root of the checkout that the working directory is in.
func Root() (string, error) {
	start, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("find the root of the checkout: %w", err)
	}
	for dir := start; ; dir = filepath.Dir(dir) {
		found, err := isRoot(dir)
		if err != nil {
			return "", fmt.Errorf("find the root of the checkout: %w", err)
		}
		if found {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", fmt.Errorf("%s is not inside a checkout of %s", start, modulePath)
		}
	}
}

func isRoot(dir string) (bool, error) {
	file, err := os.Open(filepath.Join(dir, "go.mod"))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer file.Close() // read only: nothing is lost
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		if strings.TrimSpace(lines.Text()) == "module "+modulePath {
			return true, nil
		}
	}
	return false, lines.Err()
}
