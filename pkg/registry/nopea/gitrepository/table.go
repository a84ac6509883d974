package gitrepository

import (
	"cmp"
	"fmt"
	"strconv"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/clock"

	"nopea.io/nopea/pkg/apis/nopea"
	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
	"nopea.io/nopea/pkg/registry/nopea/table"
)

const maxStatusRunes = 100

func newTable(clock clock.PassiveClock) table.Convertor[*nopea.GitRepository] {
	return table.Convertor[*nopea.GitRepository]{
		Resource: nopea.Resource("gitrepositories"),
		Columns: []metav1.TableColumnDefinition{
			table.NameColumn(),
			{Name: "Ready", Type: "string", Description: "Whether the cluster was brought to the commit that Git had."},
			{Name: "Status", Type: "string", Description: "What was done, or why it could not be done; `kubectl describe` shows the whole text."},
			{Name: "Revision", Type: "string", Description: "The revision that the cluster was last brought to, wholly."},
			{Name: "Resources", Type: "string", Description: "How many of the objects in Git are live as Git has them."},
			{Name: "Drift", Type: "string", Description: "How many live objects are not as Git has them and were not put back."},
			{Name: "Last Sync", Type: "string", Description: "Time since the newest sync that was asked for or that changed something."},
			{Name: "URL", Type: "string", Priority: 1, Description: "Address of the Git repository."},
			{Name: "Ref", Type: "string", Priority: 1, Description: "Branch, tag, ref or commit to sync."},
			{Name: "Path", Type: "string", Priority: 1, Description: "Folder in the repository."},
			{Name: "ServiceAccount", Type: "string", Priority: 1, Description: "ServiceAccount as which objects are applied."},
			{Name: "Interval", Type: "string", Priority: 1, Description: "Time between two looks at the remote."},
			table.AgeColumn(),
		},
		Cells: cells,
		Clock: clock,
	}
}

func cells(repository *nopea.GitRepository, now time.Time) []any {
	spec, status := &repository.Spec, &repository.Status
	revision, resources, drift, lastSync := table.None, table.None, table.None, table.None
	if status.Applied != nil {
		revision = table.Revision(status.Applied.Name, status.Applied.Commit)
	}
	if status.Resources != nil {
		resources = fmt.Sprintf("%d/%d", status.Resources.Applied, status.Resources.Desired)
	}
	switch {
	case status.Drift != nil:
		drift = driftOf(status.Drift)
	case status.Applied != nil:
		drift = "0"
	}
	if status.LastSync != nil {
		lastSync = table.Since(status.LastSync.CompletionTime.Time, now)
	}
	ready, message := readiness(repository)
	return []any{
		repository.Name, ready, message, revision, resources, drift, lastSync,
		spec.URL, refName(spec.Ref), cmp.Or(spec.Path, "."), spec.ServiceAccountName, spec.Interval,
		table.Since(repository.CreationTimestamp.Time, now),
	}
}

func readiness(repository *nopea.GitRepository) (ready, message string) {
	ready = string(metav1.ConditionUnknown)
	condition := meta.FindStatusCondition(repository.Status.Conditions, v1alpha1.ConditionReady)
	if condition != nil {
		ready, message = string(condition.Status), cmp.Or(condition.Message, condition.Reason)
	}
	switch {
	case repository.Spec.Suspend && message != "":
		message = "suspended; " + message
	case repository.Spec.Suspend:
		message = "suspended"
	case condition == nil:
		message = "waiting for the controller"
	}
	return ready, table.Line(message, maxStatusRunes)
}

// refName is what decides among the fields of a ref, in their order of precedence.
func refName(ref *nopea.GitRef) string {
	if ref == nil {
		return "HEAD"
	}
	return cmp.Or(ref.Commit, ref.Name, ref.Tag, ref.Branch, "HEAD")
}

// driftOf counts what is not as Git has it, and says so where that is meant.
func driftOf(drift *nopea.DriftStatus) string {
	if drift.Paused > 0 {
		return fmt.Sprintf("%d (%d paused)", drift.Drifted, drift.Paused)
	}
	return strconv.Itoa(int(drift.Drifted))
}
