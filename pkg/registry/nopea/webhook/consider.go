package webhook

import (
	"fmt"

	"nopea.io/nopea/pkg/apis/nopea"
	"nopea.io/nopea/pkg/webhook"
)

// consider decides what a push is to a GitRepository: a reason to do nothing, or one to look at the remote, with a hint at what is there
// where the push tells. A body that names another repository hints at nothing: it came here by the path alone.
func consider(t *target, event *webhook.Event) (hint *nopea.Push, ignored string) {
	if t.spec.Suspend {
		return nil, "The GitRepository is suspended, so nothing is synced by itself; a Sync can be asked for by hand"
	}
	change, matches := webhook.Matches(refSpec(t.spec.Ref), event)
	switch {
	case !matches && change != nil:
		return nil, fmt.Sprintf("%s was deleted; nothing is done for that", change.Ref)
	case !matches && t.spec.Ref != nil && t.spec.Ref.Commit != "":
		return nil, "spec.ref.commit is fixed, so no push changes anything"
	case !matches:
		return nil, fmt.Sprintf("The push is about %s, which spec.ref does not name", refs(event))
	case change == nil || change.Commit == "" || t.isNamedOtherwise(event):
		return nil, ""
	}
	return &nopea.Push{Ref: change.Ref, Commit: change.Commit, Delivery: event.ID}, ""
}

func refSpec(ref *nopea.GitRef) webhook.RefSpec {
	if ref == nil {
		return webhook.RefSpec{}
	}
	return webhook.RefSpec{Branch: ref.Branch, Tag: ref.Tag, Semver: ref.Semver, Name: ref.Name, Commit: ref.Commit}
}

// refs names what was pushed, in short.
func refs(event *webhook.Event) string {
	switch count := len(event.Changes); count {
	case 0:
		return "nothing that it names"
	case 1:
		return event.Changes[0].Ref
	default:
		return fmt.Sprintf("%s and %d more", event.Changes[0].Ref, count-1)
	}
}
