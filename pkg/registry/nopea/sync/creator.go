package sync

import (
	"context"
	"errors"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/authorization/authorizer"
	"k8s.io/apiserver/pkg/endpoints/request"
	genericregistry "k8s.io/apiserver/pkg/registry/generic/registry"
	"k8s.io/apiserver/pkg/registry/rest"
	"k8s.io/apiserver/pkg/util/dryrun"
	"k8s.io/utils/keymutex"

	"nopea.io/nopea/pkg/apis/nopea"
	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
)

const (
	// retryAfterSeconds is how long a caller is told to wait when too many requests are pending.
	retryAfterSeconds = 5
	// maxNameAttempts bounds the search for a free generated name.
	maxNameAttempts = 8
	// lockShards bounds the memory that locks by repository take.
	lockShards = 256
)

// errTaken says that a Sync is not, or no longer, one that the request can join.
var errTaken = errors.New("the Sync was taken meanwhile")

// Creator stores requests for a sync, and lets a request join an identical one that still waits.
//
// What NOPEA does by itself it tells when it already does it: such a Sync is Running from the first, joins none and is joined by none.
//
// Joining is decided in the store: the write that adds a request to a Sync fails unless the Sync is still Pending, and the
// controller makes it Running before it looks at the remote. So whoever was answered has a run that began after the request.
// The number of waiting Syncs per repository is exact within one process, by a lock around counting and storing; several
// replicas of the server could exceed it by as many as they store in the milliseconds until each sees the others' writes.
type Creator struct {
	syncs        *genericregistry.Store
	joins        *genericregistry.Store
	repositories rest.Getter
	authorizer   authorizer.Authorizer
	locks        keymutex.KeyMutex
	recent       *recentSyncs
}

func newCreator(syncs, joins *genericregistry.Store, repositories rest.Getter, authorizer authorizer.Authorizer) *Creator {
	return &Creator{
		syncs: syncs, joins: joins, repositories: repositories, authorizer: authorizer,
		locks: keymutex.NewHashed(lockShards), recent: newRecentSyncs(),
	}
}

// Create stores a request for a sync of the named GitRepository, or has it join one that waits. The object that is returned is the
// one that will be run.
func (c *Creator) Create(ctx context.Context, repositoryName string, sync *nopea.Sync, validate rest.ValidateObjectFunc, options *metav1.CreateOptions) (runtime.Object, error) {
	requester, ok := request.UserFrom(ctx)
	if !ok {
		return nil, apierrors.NewUnauthorized("a Sync records who asked for it, and nobody is known to have asked")
	}
	repository, err := c.repository(ctx, repositoryName)
	if err != nil {
		return nil, err
	}
	if err := c.authorizeTrigger(ctx, requester, sync, repository); err != nil {
		return nil, err
	}
	sync = sync.DeepCopy()
	prepare(sync, repository, requester.GetName())

	// From here on the request is about Syncs, whichever path it came by: errors of the store name the resource in the context.
	ctx = forResource(ctx, "syncs")
	if err := c.validate(ctx, sync, validate); err != nil {
		return nil, err
	}
	switch {
	case dryrun.IsDryRun(options.DryRun):
		return c.syncs.Create(ctx, sync, rest.ValidateAllObjectFunc, options)
	case automatic(sync.Spec.Trigger):
		return c.store(ctx, sync, options)
	}
	return c.joinOrStore(ctx, sync, options)
}

// repository reads the GitRepository, from the store and not from a cache: a request that follows its creation must find it.
func (c *Creator) repository(ctx context.Context, name string) (*nopea.GitRepository, error) {
	obj, err := c.repositories.Get(forResource(ctx, "gitrepositories"), name, &metav1.GetOptions{})
	if err != nil {
		return nil, err
	}
	repository, ok := obj.(*nopea.GitRepository)
	if !ok {
		return nil, apierrors.NewInternalError(fmt.Errorf("gitrepository %s: unexpected type %T", name, obj))
	}
	if repository.DeletionTimestamp != nil {
		return nil, apierrors.NewConflict(nopea.Resource("gitrepositories"), name, errors.New("it is being deleted, and is not synced any more"))
	}
	return repository, nil
}

// authorizeTrigger reserves the automatic triggers and Webhook to those who may write the status of the GitRepository: NOPEA itself.
func (c *Creator) authorizeTrigger(ctx context.Context, requester user.Info, sync *nopea.Sync, repository *nopea.GitRepository) error {
	trigger := sync.Spec.Trigger
	if !automatic(trigger) && trigger != nopea.SyncTriggerWebhook {
		return nil // Manual, or refused by validation.
	}
	decision, _, err := c.authorizer.Authorize(ctx, authorizer.AttributesRecord{
		User: requester, Verb: "update", Namespace: repository.Namespace, Name: repository.Name, ResourceRequest: true,
		APIGroup: v1alpha1.GroupName, APIVersion: v1alpha1.SchemeGroupVersion.Version, Resource: "gitrepositories", Subresource: "status",
	})
	if decision == authorizer.DecisionAllow {
		return nil
	}
	if err != nil {
		return apierrors.NewInternalError(fmt.Errorf("ask whether %s may use trigger %s: %w", requester.GetName(), trigger, err))
	}
	return apierrors.NewForbidden(nopea.Resource("syncs"), sync.Name, fmt.Errorf(
		"spec.trigger %s is NOPEA's own and needs the right to update gitrepositories/status of %q; leave spec.trigger out to ask for a sync by hand",
		trigger, repository.Name))
}

// prepare sets what is the server's to say. A name that the caller chose is kept.
func prepare(sync *nopea.Sync, repository *nopea.GitRepository, requester string) {
	sync.Namespace = repository.Namespace
	sync.Spec.Repository = repository.Name
	sync.Spec.RequestedBy = []string{requester}
	if sync.Spec.Trigger == "" {
		sync.Spec.Trigger = nopea.SyncTriggerManual
	}
	if sync.Spec.Trigger != nopea.SyncTriggerWebhook {
		sync.Spec.Push = nil
	}
	if sync.Labels == nil {
		sync.Labels = make(map[string]string, 1)
	}
	sync.Labels[v1alpha1.LabelRepository] = repository.Name
	sync.OwnerReferences = []metav1.OwnerReference{{
		APIVersion: v1alpha1.SchemeGroupVersion.String(), Kind: "GitRepository",
		Name: repository.Name, UID: repository.UID, Controller: new(true),
	}}
	switch {
	case sync.Name != "":
		sync.GenerateName = ""
	case sync.GenerateName == "":
		sync.GenerateName = repository.Name + "-"
	}
}

// validate runs the rules and the validating admission over the object as it would be stored. It is done before the lock is taken,
// because an admission webhook may take seconds; the store then need not ask again.
func (c *Creator) validate(ctx context.Context, sync *nopea.Sync, admit rest.ValidateObjectFunc) error {
	rest.FillObjectMetaSystemFields(&sync.ObjectMeta)
	c.nameIfUnnamed(sync)
	if err := rest.BeforeCreate(c.syncs.CreateStrategy, ctx, sync); err != nil {
		return err
	}
	if admit == nil {
		return nil
	}
	return admit(ctx, sync.DeepCopy())
}

func (c *Creator) nameIfUnnamed(sync *nopea.Sync) {
	if sync.Name == "" {
		sync.Name = c.syncs.CreateStrategy.GenerateName(sync.GenerateName)
	}
}

// joinOrStore is the part that must not run twice at once for a repository: look for a Sync to join, count, store.
func (c *Creator) joinOrStore(ctx context.Context, sync *nopea.Sync, options *metav1.CreateOptions) (_ runtime.Object, err error) {
	key := sync.Namespace + "/" + sync.Spec.Repository
	c.locks.LockKey(key)
	defer func() {
		if unlockErr := c.locks.UnlockKey(key); err == nil {
			err = unlockErr
		}
	}()

	pending, err := c.pending(ctx, key, sync.Spec.Repository, cached)
	if err != nil {
		return nil, err
	}
	for _, candidate := range pending {
		if !canJoin(sync, candidate) {
			continue
		}
		joined, err := c.joinStored(ctx, candidate.Name, sync)
		if !errors.Is(err, errTaken) && !apierrors.IsNotFound(err) {
			return joined, err
		}
	}
	if len(pending) >= v1alpha1.MaxPendingSyncs {
		if err := c.refuseIfFull(ctx, key, sync.Spec.Repository); err != nil {
			return nil, err
		}
	}
	obj, err := c.store(ctx, sync, options)
	if stored, ok := obj.(*nopea.Sync); ok && err == nil {
		c.recent.add(key, stored.DeepCopy())
	}
	return obj, err
}

// refuseIfFull counts again, with what the store holds: the cache may still show Syncs as waiting that were begun.
func (c *Creator) refuseIfFull(ctx context.Context, key, repository string) error {
	pending, err := c.pending(ctx, key, repository, current)
	if err != nil {
		return err
	}
	if len(pending) < v1alpha1.MaxPendingSyncs {
		return nil
	}
	return apierrors.NewTooManyRequests(fmt.Sprintf(
		"%d Syncs of GitRepository %q wait already, which is the limit: wait until some have run, or delete those that nobody needs",
		len(pending), repository), retryAfterSeconds)
}

// joinStored adds a request to a stored Sync, and fails with errTaken unless that is still to be run.
func (c *Creator) joinStored(ctx context.Context, name string, sync *nopea.Sync) (runtime.Object, error) {
	info := rest.DefaultUpdatedObjectInfo(nil, func(_ context.Context, _, stored runtime.Object) (runtime.Object, error) {
		joined, ok := stored.DeepCopyObject().(*nopea.Sync)
		if !ok || !canJoin(sync, joined) {
			return nil, errTaken
		}
		join(joined, sync)
		return joined, nil
	})
	obj, _, err := c.joins.Update(ctx, name, info, rest.ValidateAllObjectFunc, rest.ValidateAllObjectUpdateFunc, false, &metav1.UpdateOptions{})
	return obj, err
}

// store creates the object, under another name when a generated one is in use.
func (c *Creator) store(ctx context.Context, sync *nopea.Sync, options *metav1.CreateOptions) (obj runtime.Object, err error) {
	for range maxNameAttempts {
		obj, err = c.syncs.Create(ctx, sync.DeepCopy(), rest.ValidateAllObjectFunc, options)
		if !apierrors.IsAlreadyExists(err) || sync.GenerateName == "" {
			break
		}
		sync.Name = ""
		c.nameIfUnnamed(sync)
	}
	return obj, err
}

// requireRepository checks the name in the object against the one in the path, if there is one.
func requireRepository(sync *nopea.Sync, inPath string) (string, error) {
	at := field.NewPath("spec", "repository")
	switch {
	case inPath == "" && sync.Spec.Repository == "":
		return "", invalid(sync, field.Required(at, "the name of a GitRepository in the same namespace"))
	case inPath != "" && sync.Spec.Repository != "" && sync.Spec.Repository != inPath:
		return "", invalid(sync, field.Invalid(at, sync.Spec.Repository, fmt.Sprintf("must be %q, as in the path, or be left out", inPath)))
	case inPath != "":
		return inPath, nil
	}
	return sync.Spec.Repository, nil
}

func invalid(sync *nopea.Sync, err *field.Error) error {
	return apierrors.NewInvalid(nopea.Kind("Sync"), sync.Name, field.ErrorList{err})
}

// forResource is the context of a request as if it had been made for a resource of this group.
func forResource(ctx context.Context, resource string) context.Context {
	info, ok := request.RequestInfoFrom(ctx)
	if !ok {
		return ctx
	}
	changed := *info
	changed.Resource, changed.Subresource = resource, ""
	return request.WithRequestInfo(ctx, &changed)
}
