package gitrepository

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	apimeta "k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/types"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	"k8s.io/client-go/tools/cache"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
	"nopea.io/nopea/pkg/controller/queue"
	"nopea.io/nopea/pkg/health"
)

const indexByDependency = "dependency"

// dependenciesOf are the GitRepositories that one depends on.
func dependenciesOf(repository *v1alpha1.GitRepository) []types.NamespacedName {
	var keys []types.NamespacedName
	for _, dependency := range repository.Spec.DependsOn {
		keys = append(keys, types.NamespacedName{Namespace: cmp.Or(dependency.Namespace, repository.Namespace), Name: dependency.Name})
	}
	return keys
}

// unfit says why nothing that depends on a GitRepository may be applied yet; empty when it may.
func unfit(dependency *v1alpha1.GitRepository) string {
	switch {
	case dependency == nil:
		return "does not exist"
	case !dependency.DeletionTimestamp.IsZero():
		return "is being deleted"
	case !isReady(dependency):
		return "is not Ready"
	case dependency.Spec.Wait && !apimeta.IsStatusConditionTrue(dependency.Status.Conditions, v1alpha1.ConditionHealthy):
		return "is not Healthy"
	}
	return ""
}

// dependency reads a GitRepository from the cache; nil when there is none.
func (c *Controller) dependency(key types.NamespacedName) *v1alpha1.GitRepository {
	found, err := c.repositories.GitRepositories(key.Namespace).Get(key.Name)
	if err != nil {
		return nil // a cache knows no other error than that there is none
	}
	return found
}

// heldBack tells why nothing new is applied for a GitRepository yet; nil when nothing keeps it from that. A cycle is given besides.
func (c *Controller) heldBack(repository *v1alpha1.GitRepository) (why *Failure, cycle []types.NamespacedName) {
	if len(repository.Spec.DependsOn) == 0 {
		return nil, nil
	}
	cycle = health.Cycle(keyOf(repository), func(key types.NamespacedName) []types.NamespacedName {
		if found := c.dependency(key); found != nil {
			return dependenciesOf(found)
		}
		return nil
	})
	if cycle != nil {
		var names []string
		for _, key := range cycle {
			names = append(names, key.String())
		}
		return &Failure{Code: CodeDependencyCycle, Stalled: true, Message: "it waits for itself: " + strings.Join(names, " → "),
			Hint: "Take one of these out of spec.dependsOn."}, cycle
	}
	var reasons []string
	for _, key := range dependenciesOf(repository) {
		if reason := unfit(c.dependency(key)); reason != "" {
			reasons = append(reasons, fmt.Sprintf("GitRepository %s %s", key, reason))
		}
	}
	if reasons == nil {
		return nil, nil
	}
	return &Failure{Code: CodeDependencyNotReady, Message: "waits for its dependencies: " + strings.Join(first(reasons, 3), "; "),
		Hint: "It goes on by itself once they are."}, nil
}

// holdBack shows why nothing is applied for a GitRepository that wants it, and keeps in mind that it does.
func (c *Controller) holdBack(ctx context.Context, repository *v1alpha1.GitRepository, remembered *memory, why *Failure, cycle []types.NamespacedName) {
	remembered.heldBack = true
	before := apimeta.FindStatusCondition(repository.Status.Conditions, v1alpha1.ConditionReady).DeepCopy()
	after, err := c.update(ctx, repository, func(status *v1alpha1.GitRepositoryStatus) {
		status.ObservedGeneration = repository.Generation
		concludeFailed(status, repository.Generation, why)
	})
	if err != nil {
		utilruntime.HandleErrorWithContext(ctx, err, "Show what a GitRepository waits for; it is tried again")
		remembered.again = c.Clock.Now().Add(firstRetry)
		return
	}
	c.tell(after, before, &report{})
	if before == nil || before.Reason != CodeDependencyCycle {
		for _, key := range cycle {
			c.queue.Add(key, queue.Normal) // each says that it is in it
		}
	}
}

// dryRuns are those of some Syncs that apply nothing, and so wait for nobody.
func dryRuns(syncs []*v1alpha1.Sync) []*v1alpha1.Sync {
	return slices.DeleteFunc(slices.Clone(syncs), func(sync *v1alpha1.Sync) bool { return !sync.Spec.DryRun })
}

// wakeDependents queues the GitRepositories that depend on one whose fitness changed, or what it depends on itself.
func (c *Controller) wakeDependents(old, object any) {
	repository, ok := object.(*v1alpha1.GitRepository)
	if !ok {
		return
	}
	if before, ok := old.(*v1alpha1.GitRepository); ok && unfit(before) == unfit(repository) &&
		slices.Equal(before.Spec.DependsOn, repository.Spec.DependsOn) {
		return
	}
	dependents, err := c.dependents.ByIndex(indexByDependency, keyOf(repository).String())
	if err != nil {
		// Only a missing index fails, and New makes it.
		panic(err)
	}
	for _, dependent := range dependents {
		if dependent, ok := dependent.(*v1alpha1.GitRepository); ok {
			c.queue.Add(keyOf(dependent), queue.Urgent)
		}
	}
}

// byDependency indexes GitRepositories by what they depend on.
var byDependency = cache.Indexers{indexByDependency: func(object any) ([]string, error) {
	var keys []string
	if repository, ok := object.(*v1alpha1.GitRepository); ok {
		for _, key := range dependenciesOf(repository) {
			keys = append(keys, key.String())
		}
	}
	return keys, nil
}}
