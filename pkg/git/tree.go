package git

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
)

// treeEntry is one line of a tree object. The name is as it stands there: see checkName.
type treeEntry struct {
	mode filemode.FileMode
	name string
	id   plumbing.Hash
}

// parseTree calls visit for each entry. A tree that is malformed, not in Git's order or names something twice is Corrupt: Git never
// writes one, and what it means would depend on the reader.
func parseTree(data []byte, visit func(treeEntry) error) error {
	var previous string
	names := map[string]struct{}{}
	for len(data) > 0 {
		head, rest, ok := bytes.Cut(data, []byte{0})
		mode, name, spaced := bytes.Cut(head, []byte{' '})
		if !ok || !spaced || len(rest) < len(plumbing.ZeroHash) {
			return failf(Corrupt, "a tree object is malformed")
		}
		e := treeEntry{name: string(name)}
		copy(e.id[:], rest)
		data = rest[len(e.id):]
		var err error
		if e.mode, err = parseMode(string(mode)); err != nil {
			return err
		}
		if _, again := names[e.name]; again {
			return at(printable(e.name), failf(Corrupt, "a folder names it twice"))
		}
		names[e.name] = struct{}{}
		key := e.name
		if e.mode == filemode.Dir {
			key += "/"
		}
		if key <= previous {
			return at(printable(e.name), failf(Corrupt, "a tree object is not in order"))
		}
		previous = key
		if err := visit(e); err != nil {
			return err
		}
	}
	return nil
}

// parseMode maps the modes that Git has written over time onto five kinds.
func parseMode(octal string) (filemode.FileMode, error) {
	if len(octal) == 0 || len(octal) > 6 {
		return 0, failf(Corrupt, "a tree object has a malformed mode")
	}
	var mode uint32
	for _, c := range []byte(octal) {
		if c < '0' || c > '7' {
			return 0, failf(Corrupt, "a tree object has a malformed mode")
		}
		mode = mode<<3 | uint32(c-'0')
	}
	switch mode & 0o170000 {
	case 0o040000:
		return filemode.Dir, nil
	case 0o100000:
		return filemode.Regular, nil
	case 0o120000:
		return filemode.Symlink, nil
	case 0o160000:
		return filemode.Submodule, nil
	}
	return 0, failf(Corrupt, "a tree object has the unknown mode %s", octal)
}

const maxPathLen = 4096

// checkName refuses names that no checkout would accept, because nothing downstream should ever have to think about them.
// What counts as .git on some file system is as in git's verify_path and go-git's pathutil.
func checkName(folder, name string) error {
	switch {
	case !utf8.ValidString(name):
		return at(folder, failf(Unsupported, "the folder has a name that is not UTF-8: %q", printable(name)))
	case name == "" || strings.ContainsAny(name, "/\x00"):
		return at(folder, failf(Corrupt, "the folder has a malformed name: %q", printable(name)))
	case strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r == 0x7f }):
		return at(folder, failf(Unsupported, "the folder has a name with a control character: %q", printable(name)))
	case len(folder)+1+len(name) > maxPathLen:
		return at(folder, failf(Unsupported, "the folder has a path of more than %d bytes", maxPathLen))
	}
	for part := range strings.SplitSeq(name, `\`) {
		if part == "." || part == ".." || isDotGit(part) {
			return at(folder, failf(Corrupt, "the folder has an unsafe name: %q", printable(name)))
		}
	}
	return nil
}

// isDotGit recognises ".git" as HFS+ and NTFS would: without code points that HFS+ ignores, in any case, with trailing dots and spaces, as
// the short name, or with a stream name behind a colon.
func isDotGit(name string) bool {
	name = strings.Map(func(r rune) rune {
		switch {
		case r >= 0x200c && r <= 0x200f, r >= 0x202a && r <= 0x202e, r >= 0x206a && r <= 0x206f, r == 0xfeff:
			return -1
		}
		return r
	}, name)
	name, _, _ = strings.Cut(name, ":")
	name = strings.TrimRight(name, ". ")
	return strings.EqualFold(name, ".git") || strings.EqualFold(name, "git~1")
}
