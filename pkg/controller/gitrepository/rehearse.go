package gitrepository

import (
	"context"
	"fmt"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	"k8s.io/klog/v2"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
	"nopea.io/nopea/pkg/apply"
	"nopea.io/nopea/pkg/git"
)

// rehearse plans for a dry run and records the plan. It changes neither the cluster nor the GitRepository's status.
func (c *Controller) rehearse(ctx context.Context, repository *v1alpha1.GitRepository, remembered *memory, sync *v1alpha1.Sync) {
	r := &run{Controller: c, repository: repository, began: c.Clock.Now(), rehearsal: true, rehearsed: sync.Spec.Revision}
	limited, cancel := context.WithTimeout(ctx, repository.Spec.SyncTimeout())
	defer cancel()
	var outcomes []apply.Outcome
	err := guard(ctx, func() error {
		if err := r.prepare(limited); err != nil {
			return err
		}
		outcomes = r.cluster.Rehearse(limited, &r.plan, putsSecrets(&r.repository.Spec))
		return nil
	})
	if ctx.Err() != nil {
		return
	}
	result := &report{revision: r.revision, began: r.began, ended: c.Clock.Now(), dryRun: true}
	if err == nil {
		summary := summarize(&r.plan, outcomes)
		summary.notes = r.notes
		result.prune = r.heldPrune()
		result.summary, err = &summary, summary.failure(r.repository).orNil()
		if storing := c.storePlan(ctx, sync, planned(&r.plan, outcomes, r.revision, summary.counts)); storing != nil {
			// The status has the most of it; who wants the rest asks again.
			utilruntime.HandleErrorWithContext(ctx, storing, "Store the plan of a dry run")
			err = storing
		}
	}
	if result.failure = explain(err, r.repository); git.CodeOf(err) == git.CommitNotFound && r.rehearsed != "" {
		result.failure.Hint = "Check spec.revision. If the commit is there, this Git server gives out only what a ref points to: " +
			"name the ref instead, such as refs/pull/7/head or refs/merge-requests/7/head."
	}
	c.end(ctx, remembered, sync, result)
}

// storePlan stores a plan as the subresource of its Sync. One that is gone needs none.
func (c *Controller) storePlan(ctx context.Context, sync *v1alpha1.Sync, plan *v1alpha1.Plan) error {
	ctx, cancel := context.WithTimeout(ctx, recordWithin)
	defer cancel()
	plan.Name, plan.Namespace = sync.Name, sync.Namespace
	_, err := c.API.Syncs(sync.Namespace).UpdatePlan(ctx, sync.Name, plan, metav1.UpdateOptions{})
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("store the plan of Sync %s: %w", klog.KObj(sync), err)
	}
	return nil
}

// putsSecrets tells whether values of Secrets may have been put into objects that are live.
func putsSecrets(spec *v1alpha1.GitRepositorySpec) bool {
	return spec.Decryption != nil || slices.ContainsFunc(spec.SubstituteFrom, func(from v1alpha1.SubstituteReference) bool { return from.Kind == "Secret" })
}

// refToRehearse is what a dry run looks at: a commit or a ref of its own, or what the GitRepository names.
func refToRehearse(revision string, repository *v1alpha1.GitRepository) git.Ref {
	switch {
	case revision == "":
		return refOf(repository)
	case strings.HasPrefix(revision, "refs/"):
		return git.Ref{Name: revision}
	}
	return git.Ref{Commit: revision}
}
