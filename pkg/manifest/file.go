package manifest

import (
	"path"
	"strings"
)

// File is one file of the tree.
type File struct {
	// Path is the path from the repository root, slash separated.
	Path string
	// Data is the content. It is read only.
	Data []byte
	// Hash identifies the content, such as the Git blob hash. It is what a [Cache] trusts; empty means: do not cache.
	Hash string
	// Encrypted: the file was encrypted, and Data is what it decrypts to. It must have no Hash.
	Encrypted bool
}

// Wanted tells whether a file of the tree is read as a manifest: its name ends in .yaml, .yml or .json (in any case), and
// neither the file nor a folder above it is hidden, that is, begins with a dot.
func Wanted(file string) bool {
	for segment := range strings.SplitSeq(file, "/") {
		if strings.HasPrefix(segment, ".") {
			return false
		}
	}
	switch strings.ToLower(path.Ext(file)) {
	case ".yaml", ".yml", ".json":
		return true
	}
	return false
}
