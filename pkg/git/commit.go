package git

import (
	"bytes"
	"strconv"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
)

const (
	maxMessageLen = 8 << 10
	maxNameLen    = 256
)

// Commit is what a commit says about itself. None of it is verified; the texts are valid UTF-8 and bounded.
type Commit struct {
	Hash                    string
	Message                 string // subject and body
	AuthorName, AuthorEmail string
	AuthorTime, CommitTime  time.Time
}

// parseCommit reads a commit object. Header fields that matter here come first and once; continuation lines and unknown fields are skipped.
func parseCommit(id string, data []byte) (Commit, plumbing.Hash, error) {
	c := Commit{Hash: id}
	head, message, _ := bytes.Cut(data, []byte("\n\n"))
	var tree string
	for line := range strings.SplitSeq(string(head), "\n") {
		key, value, _ := strings.Cut(line, " ")
		switch {
		case key == "tree" && tree == "":
			tree = value
		case key == "author" && c.AuthorTime.IsZero():
			c.AuthorName, c.AuthorEmail, c.AuthorTime = parseSignature(value)
		case key == "committer" && c.CommitTime.IsZero():
			_, _, c.CommitTime = parseSignature(value)
		}
	}
	if len(tree) != hashLen || !isHex(tree) {
		return Commit{}, plumbing.ZeroHash, failf(Corrupt, "commit %s names no tree", id)
	}
	c.Message = bounded(strings.TrimSpace(string(message[:min(len(message), 2*maxMessageLen)])), maxMessageLen)
	return c, plumbing.NewHash(tree), nil
}

// parseSignature reads "Name <email> seconds zone" and gives what it can.
func parseSignature(s string) (name, email string, when time.Time) {
	name, rest, _ := strings.Cut(s, "<")
	email, rest, _ = strings.Cut(rest, ">")
	if fields := strings.Fields(rest); len(fields) > 0 {
		if seconds, err := strconv.ParseInt(fields[0], 10, 40); err == nil {
			when = time.Unix(seconds, 0).UTC()
		}
	}
	return bounded(strings.TrimSpace(name), maxNameLen), bounded(strings.TrimSpace(email), maxNameLen), when
}

func bounded(s string, n int) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	if len(s) > n {
		s = strings.ToValidUTF8(s[:n], "")
	}
	return s
}
