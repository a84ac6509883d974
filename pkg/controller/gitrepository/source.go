package gitrepository

import (
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
	"nopea.io/nopea/pkg/git"
	"nopea.io/nopea/pkg/wording"
)

// refOf is the ref that a GitRepository names.
func refOf(repository *v1alpha1.GitRepository) git.Ref {
	ref := repository.Spec.Ref
	if ref == nil {
		return git.Ref{}
	}
	return git.Ref{Branch: ref.Branch, Tag: ref.Tag, Semver: ref.Semver, Name: ref.Name, Commit: ref.Commit}
}

// revisionOf describes a revision before its commit was read.
func revisionOf(revision git.Revision) *v1alpha1.Revision {
	name := revision.Ref
	for _, prefix := range []string{"refs/heads/", "refs/tags/"} {
		name = strings.TrimPrefix(name, prefix)
	}
	return &v1alpha1.Revision{Name: name, Commit: revision.Hash}
}

// withCommit adds what the commit says of itself.
func withCommit(revision *v1alpha1.Revision, commit git.Commit) *v1alpha1.Revision {
	subject, _, _ := strings.Cut(strings.TrimSpace(commit.Message), "\n")
	author := commit.AuthorName
	if commit.AuthorEmail != "" {
		author += " <" + commit.AuthorEmail + ">"
	}
	described := *revision
	described.Message = wording.Shorten(strings.TrimSpace(subject), 256)
	described.Author = wording.Shorten(strings.TrimSpace(author), 256)
	if !commit.CommitTime.IsZero() {
		time := metav1.NewTime(commit.CommitTime.UTC()).Rfc3339Copy()
		described.Time = &time
	}
	return &described
}
