package gitrepository

import (
	"context"

	utilruntime "k8s.io/apimachinery/pkg/util/runtime"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
	"nopea.io/nopea/pkg/controller/health"
)

// reportHealth writes how what was applied fares, where that changed.
func (c *Controller) reportHealth(ctx context.Context, repository *v1alpha1.GitRepository) {
	report, ok := c.Health.News(ownerOf(repository))
	if !ok {
		return
	}
	if _, err := c.update(ctx, repository, func(status *v1alpha1.GitRepositoryStatus) {
		tellHealth(status, repository.Generation, &report)
	}); err != nil {
		utilruntime.HandleErrorWithContext(ctx, err, "Show in the status how the objects fare; it is tried again")
		c.Health.Unreported(ownerOf(repository))
	}
}

func tellHealth(status *v1alpha1.GitRepositoryStatus, generation int64, report *health.Report) {
	status.Health = report.Status
	set(status, generation, v1alpha1.ConditionHealthy, report.Healthy.Status, report.Healthy.Reason, report.Healthy.Message)
}
