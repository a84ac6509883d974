package gitrepository

import (
	"fmt"
	"strings"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
	"nopea.io/nopea/pkg/git"
)

// ReasonTagMoved is that of the Event about a tag that points elsewhere than when it was applied.
const ReasonTagMoved = "TagMoved"

// movedTag says that a tag which was applied points to another commit now. A tag is meant to stay, so somebody should look; it is synced all
// the same, because that is what Git has. It is empty when nothing of that kind happened, or when an earlier run has told it.
func movedTag(status *v1alpha1.GitRepositoryStatus, found git.Revision) string {
	name, isTag := strings.CutPrefix(found.Ref, "refs/tags/")
	applied, attempted := status.Applied, status.Attempted
	switch {
	case !isTag || applied == nil || applied.Name != name || applied.Commit == found.Hash:
		return ""
	case attempted != nil && attempted.Name == name && attempted.Commit == found.Hash:
		return ""
	}
	return fmt.Sprintf("the tag %s was moved in Git: it pointed to commit %s when it was applied, and points to %s now", name, applied.Commit, found.Hash)
}
