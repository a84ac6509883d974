package sync

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apiserver/pkg/authentication/serviceaccount"
	"k8s.io/utils/clock"

	"nopea.io/nopea/pkg/apis/nopea"
	"nopea.io/nopea/pkg/registry/nopea/table"
)

const (
	maxNameRunes  = 60
	maxErrorRunes = 200
)

func newTable(clock clock.PassiveClock) table.Convertor[*nopea.Sync] {
	return table.Convertor[*nopea.Sync]{
		Resource: nopea.Resource("syncs"),
		Columns: []metav1.TableColumnDefinition{
			table.NameColumn(),
			{Name: "Repository", Type: "string", Description: "GitRepository that is synced."},
			{Name: "Trigger", Type: "string", Description: "What led to it."},
			{Name: "By", Type: "string", Description: "Who asked first, and how many others joined."},
			{Name: "Revision", Type: "string", Description: "Revision that the ref pointed to, or that was asked for."},
			{Name: "Phase", Type: "string", Description: "Pending, Running, Succeeded or Failed."},
			{Name: "Changed", Type: "string", Description: "Objects that were created, configured or pruned, or with a dry run would be."},
			{Name: "Duration", Type: "string", Description: "Time from its start to its end, or to now."},
			{Name: "Error", Type: "string", Priority: 1, Description: "Why it failed."},
			table.AgeColumn(),
		},
		Cells: cells,
		Clock: clock,
	}
}

func cells(sync *nopea.Sync, now time.Time) []any {
	return []any{
		sync.Name, sync.Spec.Repository, string(sync.Spec.Trigger), requesters(sync.Spec.RequestedBy), revision(sync),
		string(sync.Status.Phase), changed(sync), took(&sync.Status, now), failure(sync.Status.Error),
		table.Since(sync.CreationTimestamp.Time, now),
	}
}

// requesters is the first one, and how many more: "anna +2".
func requesters(names []string) string {
	if len(names) == 0 {
		return table.None
	}
	first := names[0]
	if namespace, name, err := serviceaccount.SplitUsername(first); err == nil {
		first = namespace + "/" + name
	}
	first = table.Line(first, maxNameRunes)
	if others := len(names) - 1; others > 0 {
		return fmt.Sprintf("%s +%d", first, others)
	}
	return first
}

func revision(sync *nopea.Sync) string {
	if found := sync.Status.Revision; found != nil {
		return table.Revision(found.Name, found.Commit)
	}
	if strings.HasPrefix(sync.Spec.Revision, "refs/") {
		return table.Line(sync.Spec.Revision, maxNameRunes)
	}
	return table.Revision("", sync.Spec.Revision)
}

// changed is a number, and of a dry run, which changes nothing, says that it is one.
func changed(sync *nopea.Sync) string {
	counts, dryRun := sync.Status.Counts, sync.Spec.DryRun
	switch {
	case counts == nil && dryRun:
		return "(dry run)"
	case counts == nil:
		return table.None
	}
	number := fmt.Sprint(counts.Created + counts.Configured + counts.Pruned)
	if dryRun {
		return number + " (dry run)"
	}
	return number
}

// took is exact once the Sync ended, and in seconds while it runs.
func took(status *nopea.SyncStatus, now time.Time) string {
	switch {
	case status.StartTime == nil:
		return table.None
	case status.CompletionTime == nil:
		return max(now.Sub(status.StartTime.Time), 0).Round(time.Second).String()
	}
	return max(status.CompletionTime.Sub(status.StartTime.Time), 0).Round(time.Millisecond).String()
}

func failure(err *nopea.SyncError) string {
	if err == nil {
		return table.None
	}
	parts := []string{cmp.Or(err.Code, "Failed"), err.Message}
	return table.Line(strings.TrimSuffix(strings.Join(parts, ": "), ": "), maxErrorRunes)
}
