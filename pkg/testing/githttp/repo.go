package githttp

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// DefaultBranch is what HEAD stands for in a new repository.
const DefaultBranch = "main"

// Repo is a bare repository. Its methods are for one goroutine at a time; the server may serve it meanwhile.
type Repo struct {
	Name string // as in the URL, with .git
	Dir  string
	URL  string

	env environment
}

// Commit writes files, path to content, on top of the default branch, and returns the new commit.
func (r *Repo) Commit(files map[string]string) (string, error) {
	return r.CommitTo(DefaultBranch, "Change "+strconv.Itoa(len(files))+" files", files)
}

// Delete removes files or folders from the default branch, and returns the new commit.
func (r *Repo) Delete(paths ...string) (string, error) {
	var changes bytes.Buffer
	for _, p := range paths {
		fmt.Fprintf(&changes, "D %s\n", quote(p))
	}
	return r.commit(DefaultBranch, "Delete "+strings.Join(paths, ", "), changes.String())
}

// Move renames a file or folder of the default branch, and returns the new commit.
func (r *Repo) Move(from, to string) (string, error) {
	return r.commit(DefaultBranch, "Move "+from+" to "+to, fmt.Sprintf("R %s %s\n", quote(from), quote(to)))
}

// CommitTo writes files on top of a branch, which is made if it does not exist.
func (r *Repo) CommitTo(branch, message string, files map[string]string) (string, error) {
	var changes strings.Builder
	for _, p := range slices.Sorted(maps.Keys(files)) {
		fmt.Fprintf(&changes, "M 100644 inline %s\ndata %d\n%s\n", quote(p), len(files[p]), files[p])
	}
	return r.commit(branch, message, changes.String())
}

// commit goes through git fast-import: one process however many files, and no work tree.
func (r *Repo) commit(branch, message, changes string) (string, error) {
	ref := "refs/heads/" + branch
	var in strings.Builder
	fmt.Fprintf(&in, "commit %s\nmark :1\ncommitter Ada <ada@example.com> %d +0000\ndata %d\n%s\n", ref, time.Now().Unix(), len(message), message)
	if parent, err := r.Resolve(ref); err == nil {
		fmt.Fprintf(&in, "from %s\n", parent)
	}
	in.WriteString(changes)
	in.WriteString("\nget-mark :1\ndone\n")
	return r.GitIn(strings.NewReader(in.String()), "fast-import", "--quiet", "--force", "--done")
}

func quote(path string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(path) + `"`
}

// Resolve is the object id that a revision names.
func (r *Repo) Resolve(revision string) (string, error) {
	return r.Git("rev-parse", "--verify", "--quiet", revision)
}

// SetRef points a full ref name at an object: to make a branch, a light tag or a pull request's ref, or to force one back.
func (r *Repo) SetRef(ref, hash string) error {
	_, err := r.Git("update-ref", ref, hash)
	return err
}

// DeleteRef removes a ref by its full name.
func (r *Repo) DeleteRef(ref string) error {
	_, err := r.Git("update-ref", "-d", ref)
	return err
}

// AnnotatedTag makes a tag object and returns its id.
func (r *Repo) AnnotatedTag(name, hash, message string) (string, error) {
	if _, err := r.Git("tag", "--annotate", "--message", message, name, hash); err != nil {
		return "", err
	}
	return r.Resolve("refs/tags/" + name)
}

// SetHead makes another branch the default.
func (r *Repo) SetHead(branch string) error {
	_, err := r.Git("symbolic-ref", "HEAD", "refs/heads/"+branch)
	return err
}

// Git runs a git command in the repository and returns its output.
func (r *Repo) Git(args ...string) (string, error) { return r.GitIn(nil, args...) }

// GitIn is Git with standard input.
func (r *Repo) GitIn(stdin io.Reader, args ...string) (string, error) {
	return r.env.git(context.Background(), r.Dir, stdin, args...)
}
