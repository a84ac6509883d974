package sync

import (
	"slices"

	"nopea.io/nopea/pkg/apis/nopea"
	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
)

// canJoin says whether one run answers both requests. A request that was given a name of its own asks for an object of its own;
// those that were not have a generateName, which the server sets where the caller did not.
func canJoin(request, stored *nopea.Sync) bool {
	return stored.Status.Phase == nopea.SyncPhasePending && stored.DeletionTimestamp == nil && !automatic(stored.Spec.Trigger) &&
		request.GenerateName != "" && stored.GenerateName != "" &&
		request.Spec.Repository == stored.Spec.Repository &&
		request.Spec.Revision == stored.Spec.Revision &&
		request.Spec.ConfirmPrune == stored.Spec.ConfirmPrune &&
		!request.Spec.DryRun && !stored.Spec.DryRun
}

// join adds a request to a stored one: who else asks, and which push is the newest. Where that is known already nothing changes, and so
// nothing is written: many providers' deliveries of one push cost a read each.
func join(stored, request *nopea.Sync) {
	if push := request.Spec.Push; push != nil && !samePush(push, stored.Spec.Push) {
		stored.Spec.Push = push
	}
	for _, name := range request.Spec.RequestedBy {
		if len(stored.Spec.RequestedBy) < v1alpha1.MaxRequesters && !slices.Contains(stored.Spec.RequestedBy, name) {
			stored.Spec.RequestedBy = append(slices.Clip(stored.Spec.RequestedBy), name)
		}
	}
}

func samePush(a, b *nopea.Push) bool {
	return a != nil && b != nil && a.Ref == b.Ref && a.Commit == b.Commit
}

// automatic triggers are of what NOPEA does by itself; somebody asked by the others.
func automatic(trigger nopea.SyncTrigger) bool {
	switch trigger {
	case nopea.SyncTriggerPoll, nopea.SyncTriggerReconcile, nopea.SyncTriggerStartup:
		return true
	}
	return false
}
