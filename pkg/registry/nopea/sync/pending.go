package sync

import (
	"context"
	"fmt"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/internalversion"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apiserver/pkg/storage"
	"k8s.io/utils/lru"

	"nopea.io/nopea/pkg/apis/nopea"
)

// Resource versions of a list: from the watch cache as it is, or as new as the store.
const (
	cached  = "0"
	current = ""
)

// pending lists the Syncs of a repository that wait, oldest first. What the watch cache has not seen yet of this process' own writes
// is added: a burst of requests comes faster than the cache learns of the first.
func (c *Creator) pending(ctx context.Context, key, repository, resourceVersion string) ([]*nopea.Sync, error) {
	obj, err := c.syncs.ListPredicate(ctx, match(labels.Everything(), fields.OneTermEqualSelector(fieldRepository, repository)),
		&internalversion.ListOptions{ResourceVersion: resourceVersion})
	if err != nil {
		return nil, err
	}
	list, ok := obj.(*nopea.SyncList)
	if !ok {
		return nil, apierrors.NewInternalError(fmt.Errorf("list syncs: unexpected type %T", obj))
	}
	unseen, err := c.recent.newerThan(key, list.ResourceVersion)
	if err != nil {
		return nil, apierrors.NewInternalError(fmt.Errorf("list syncs: %w", err))
	}
	var waiting []*nopea.Sync
	for i := range list.Items {
		if list.Items[i].Status.Phase == nopea.SyncPhasePending {
			waiting = append(waiting, &list.Items[i])
		}
	}
	slices.SortStableFunc(waiting, func(a, b *nopea.Sync) int { return a.CreationTimestamp.Compare(b.CreationTimestamp.Time) })
	return append(waiting, unseen...), nil
}

// recentSyncs remembers what this process stored until the watch cache shows it. Callers hold the lock of the key.
type recentSyncs struct {
	byRepository *lru.Cache
}

// maxRecentRepositories bounds the memory; what is forgotten costs at most a second Sync where one would do.
const maxRecentRepositories = 1024

func newRecentSyncs() *recentSyncs {
	return &recentSyncs{lru.New(maxRecentRepositories)}
}

func (r *recentSyncs) add(key string, sync *nopea.Sync) {
	r.byRepository.Add(key, append(r.get(key), sync))
}

func (r *recentSyncs) get(key string) []*nopea.Sync {
	if value, ok := r.byRepository.Get(key); ok {
		return value.([]*nopea.Sync)
	}
	return nil
}

// newerThan returns what was stored after a resource version, and forgets the rest.
func (r *recentSyncs) newerThan(key, resourceVersion string) ([]*nopea.Sync, error) {
	remembered := r.get(key)
	if len(remembered) == 0 {
		return nil, nil
	}
	var versioner storage.APIObjectVersioner
	seen, err := versioner.ParseResourceVersion(resourceVersion)
	if err != nil {
		return nil, err
	}
	var unseen []*nopea.Sync
	for _, sync := range remembered {
		version, err := versioner.ObjectResourceVersion(sync)
		if err != nil {
			return nil, err
		}
		if version > seen {
			unseen = append(unseen, sync)
		}
	}
	if len(unseen) == 0 {
		r.byRepository.Remove(key)
	} else {
		r.byRepository.Add(key, unseen)
	}
	return slices.Clone(unseen), nil
}
