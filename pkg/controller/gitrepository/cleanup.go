package gitrepository

import (
	"context"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	"k8s.io/klog/v2"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
	"nopea.io/nopea/pkg/apply"
	"nopea.io/nopea/pkg/controller/inventory"
	"nopea.io/nopea/pkg/controller/queue"
	"nopea.io/nopea/pkg/wording"
)

// Reasons of the Events at the end of a GitRepository.
const (
	ReasonCleanedUp     = "CleanedUp"
	ReasonOrphaned      = "Orphaned"
	ReasonCleanUpFailed = "CleanUpFailed"
)

// cleanUp deletes what a GitRepository of deletionPolicy Delete applied, before it goes. Without that policy there is no finalizer,
// and nothing to do. Where the identity that applied the objects is gone or has lost its rights, they are orphaned, and the
// GitRepository goes all the same: a deletion must never hang on what nobody can do.
func (c *Controller) cleanUp(ctx context.Context, repository *v1alpha1.GitRepository, remembered *memory) {
	if !slices.Contains(repository.Finalizers, v1alpha1.FinalizerCleanup) {
		return
	}
	err := guard(ctx, func() error {
		record, err := c.Inventories.Load(ctx, repository)
		if err != nil {
			return err
		}
		outcome, err := c.clear(ctx, repository, record, repository.Spec.ServiceAccountName)
		if err != nil {
			return err
		}
		c.tellEnd(repository, outcome)
		klog.FromContext(ctx).Info("Cleaned up", "outcome", outcome.reason, "note", outcome.note)
		if err := c.Inventories.Release(ctx, record); err != nil {
			return err
		}
		if outcome.reason == ReasonCleanedUp {
			c.tellRemoved(repository, remembered)
		}
		return c.letGo(ctx, repository)
	})
	if err == nil || ctx.Err() != nil {
		return
	}
	failure := explain(err, repository)
	failure.Stalled = false
	remembered.cadence.failed(failure, c.Clock.Now(), random)
	c.queue.AddAt(keyOf(repository), remembered.cadence.retry)
	utilruntime.HandleErrorWithContext(ctx, err, "Clean up; it is tried again", "at", remembered.cadence.retry)
	failure.Message = "deleting what was applied: " + failure.Message
	if _, err := c.update(ctx, repository, func(status *v1alpha1.GitRepositoryStatus) {
		concludeFailed(status, repository.Generation, failure)
	}); err != nil {
		utilruntime.HandleErrorWithContext(ctx, err, "Show that the clean-up failed")
	}
	if remembered.cadence.failures == 1 {
		c.Recorder.Eventf(repository, nil, corev1.EventTypeWarning, ReasonCleanUpFailed, "Delete", "%s", wording.Shorten(failure.Message, 1000))
	}
}

// ending is how a clean-up ended, for an Event.
type ending struct {
	kind, reason, note string
	// goes: the namespace is being deleted.
	goes bool
}

// tellEnd records an Event about how a clean-up ended. No Event can be created in a namespace that is being deleted, so it is about the
// Namespace then; such Events are kept in the namespace default.
func (c *Controller) tellEnd(repository *v1alpha1.GitRepository, e ending) {
	if !e.goes {
		c.Recorder.Eventf(repository, nil, e.kind, e.reason, "Delete", "%s", e.note)
		return
	}
	namespace := &corev1.ObjectReference{APIVersion: "v1", Kind: "Namespace", Name: repository.Namespace}
	c.Recorder.Eventf(namespace, nil, e.kind, e.reason, "Delete", "GitRepository %q: %s", repository.Name, e.note)
}

// clear deletes the objects of a record that are provably NOPEA's, as the ServiceAccount that applied them. What is in a namespace
// that is being deleted goes with it. So does the ServiceAccount, maybe before its turn comes here; then what is elsewhere is orphaned:
// rights that are left over from an identity that is gone are nobody's to use.
func (c *Controller) clear(ctx context.Context, repository *v1alpha1.GitRepository, record *inventory.Record, account string) (ending, error) {
	goes, err := c.isGoing(ctx, repository.Namespace)
	if err != nil {
		return ending{}, err
	}
	contents := record.Contents
	if goes {
		contents = contents.Clone()
		for id := range record.Contents.All() {
			if id.Namespace == repository.Namespace {
				contents.Delete(id)
			}
		}
	}
	known := contents.Len()
	end := func(kind, reason, format string, args ...any) (ending, error) {
		return ending{kind, reason, fmt.Sprintf(format, args...), goes}, nil
	}
	if known == 0 {
		return end(corev1.EventTypeNormal, ReasonCleanedUp, "there was nothing to delete")
	}
	acting, err := c.identify(ctx, repository.Namespace, account)
	if apierrors.IsNotFound(err) {
		return end(corev1.EventTypeWarning, ReasonOrphaned, "%d objects are left as they are: ServiceAccount %q, which applied them, is gone", known, account)
	}
	if err != nil {
		return ending{}, err
	}
	began := c.Clock.Now()
	cluster := c.clusterAs(acting, repository)
	seen, err := cluster.Observe(ctx, nil, contents, nil, began, false)
	if err != nil {
		return ending{}, err
	}
	plan := apply.NewPlan(nil, contents, seen, apply.Options{Prune: true, Ending: true, Now: began})
	result := summarize(&plan, cluster.Execute(ctx, &plan, true, nil))
	denied := 0
	for _, err := range result.failures {
		if !apierrors.IsForbidden(err) {
			return ending{}, err
		}
		denied++
	}
	if denied > 0 {
		return end(corev1.EventTypeWarning, ReasonOrphaned, "%d objects deleted; %d are left as they are, because ServiceAccount %q may not delete them, as in: %v",
			result.counts.Pruned, denied, account, result.failures[0])
	}
	return end(corev1.EventTypeNormal, ReasonCleanedUp, "%d objects deleted, %d released", result.counts.Pruned, result.counts.Released)
}

// isGoing tells whether a namespace is being deleted.
func (c *Controller) isGoing(ctx context.Context, name string) (bool, error) {
	namespace, err := c.Kubernetes.CoreV1().Namespaces().Get(ctx, name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return true, nil
	}
	if err != nil {
		return false, fmt.Errorf("look for namespace %s: %w", name, err)
	}
	return !namespace.DeletionTimestamp.IsZero(), nil
}

// letGo takes NOPEA's finalizer off.
func (c *Controller) letGo(ctx context.Context, repository *v1alpha1.GitRepository) error {
	for {
		free := repository.DeepCopy()
		free.Finalizers = v1alpha1.WithoutCleanup(free.Finalizers)
		_, err := c.API.GitRepositories(repository.Namespace).Update(ctx, free, metav1.UpdateOptions{})
		switch {
		case err == nil, apierrors.IsNotFound(err):
			return nil
		case !apierrors.IsConflict(err):
			return fmt.Errorf("take the finalizer off GitRepository %s: %w", klog.KObj(repository), err)
		}
		if repository, err = c.API.GitRepositories(repository.Namespace).Get(ctx, repository.Name, metav1.GetOptions{}); err != nil {
			if apierrors.IsNotFound(err) {
				return nil
			}
			return fmt.Errorf("take the finalizer off a GitRepository: %w", err)
		}
	}
}

// cleanUpAfter does the same for a GitRepository that is gone although its inventory still holds the finalizer: somebody took the
// GitRepository's off by force, or the store lost it.
func (c *Controller) cleanUpAfter(ctx context.Context, key types.NamespacedName) error {
	shards, err := c.Inventories.Held(ctx, key.Namespace, key.Name)
	if err != nil || len(shards) == 0 {
		return err
	}
	if _, err := c.API.GitRepositories(key.Namespace).Get(ctx, key.Name, metav1.GetOptions{}); !apierrors.IsNotFound(err) {
		return err // it is there (again), and keeps its own record
	}
	gone := &v1alpha1.GitRepository{ObjectMeta: metav1.ObjectMeta{Namespace: key.Namespace, Name: key.Name}}
	record := inventory.RecordOf(gone, shards)
	outcome, err := c.clear(ctx, gone, record, shards[0].Spec.ServiceAccountName)
	if err != nil {
		return err
	}
	klog.FromContext(ctx).Info("Cleaned up after a GitRepository that is gone", "outcome", outcome.reason, "note", outcome.note)
	return c.Inventories.Release(ctx, record)
}

// takeStock reads all inventories in one go, for the first run of each GitRepository. It queues the GitRepositories that are gone and left
// a held inventory behind, while no controller ran.
func (c *Controller) takeStock(ctx context.Context) error {
	shards, err := c.Inventories.All(ctx)
	if err != nil {
		return err
	}
	stock := make(map[types.NamespacedName][]v1alpha1.Inventory)
	for _, shard := range shards {
		key := types.NamespacedName{Namespace: shard.Namespace, Name: shard.Spec.Repository}
		stock[key] = append(stock[key], shard)
		if !slices.Contains(shard.Finalizers, v1alpha1.FinalizerCleanup) {
			continue
		}
		if _, err := c.repositories.GitRepositories(key.Namespace).Get(key.Name); apierrors.IsNotFound(err) {
			c.queue.Add(key, queue.Normal)
		}
	}
	c.stock = stock
	return nil
}

// fromStock is what the start found of a GitRepository's inventory, once.
func (c *Controller) fromStock(key types.NamespacedName) ([]v1alpha1.Inventory, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	shards, ok := c.stock[key]
	delete(c.stock, key)
	return shards, ok
}
