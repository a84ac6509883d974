package sync

import (
	"fmt"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clocktesting "k8s.io/utils/clock/testing"

	"nopea.io/nopea/pkg/apis/nopea"
)

func TestTable(t *testing.T) {
	now := time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)
	start := metav1.NewMicroTime(now.Add(-3 * time.Second))
	end := metav1.NewMicroTime(start.Add(84_300 * time.Microsecond))
	meta := metav1.ObjectMeta{Name: "shop-x7k2p", CreationTimestamp: metav1.NewTime(now.Add(-3 * time.Second))}
	const commit = "5f2c1e9aa0b1c2d3e4f5061728394a5b6c7d8e9f"
	for name, test := range map[string]struct {
		sync nopea.Sync
		want string
	}{
		"succeeded": {nopea.Sync{
			Spec: nopea.SyncSpec{Repository: "shop", Trigger: nopea.SyncTriggerWebhook, RequestedBy: []string{"github", "anna", "ben"}},
			Status: nopea.SyncStatus{Phase: nopea.SyncPhaseSucceeded, StartTime: &start, CompletionTime: &end,
				Revision: &nopea.Revision{Name: "main", Commit: commit}, Counts: &nopea.SyncCounts{Created: 1, Configured: 2, Pruned: 4, Unchanged: 8, Failed: 16}},
		}, "shop-x7k2p | shop | Webhook | github +2 | main@5f2c1e9 | Succeeded | 7 | 84ms | <none> | 3s"},
		"running": {nopea.Sync{
			Spec:   nopea.SyncSpec{Repository: "shop", Trigger: nopea.SyncTriggerPoll, RequestedBy: []string{"system:serviceaccount:nopea-system:nopea-controller"}, Revision: commit},
			Status: nopea.SyncStatus{Phase: nopea.SyncPhaseRunning, StartTime: &start},
		}, "shop-x7k2p | shop | Poll | nopea-system/nopea-controller | 5f2c1e9 | Running | <none> | 3s | <none> | 3s"},
		"dry run": {nopea.Sync{
			Spec:   nopea.SyncSpec{Repository: "shop", Trigger: nopea.SyncTriggerManual, DryRun: true, Revision: "refs/pull/7/head"},
			Status: nopea.SyncStatus{Phase: nopea.SyncPhaseSucceeded, StartTime: &start, CompletionTime: &end, Revision: &nopea.Revision{Commit: commit}, Counts: &nopea.SyncCounts{Created: 1}},
		}, "shop-x7k2p | shop | Manual | <none> | 5f2c1e9 | Succeeded | 1 (dry run) | 84ms | <none> | 3s"},
		"pending dry run": {nopea.Sync{
			Spec:   nopea.SyncSpec{Repository: "shop", Trigger: nopea.SyncTriggerManual, DryRun: true, Revision: "refs/pull/7/head"},
			Status: nopea.SyncStatus{Phase: nopea.SyncPhasePending},
		}, "shop-x7k2p | shop | Manual | <none> | refs/pull/7/head | Pending | (dry run) | <none> | <none> | 3s"},
		"failed": {nopea.Sync{
			Spec:   nopea.SyncSpec{Repository: "shop", Trigger: nopea.SyncTriggerManual, RequestedBy: []string{"anna"}},
			Status: nopea.SyncStatus{Phase: nopea.SyncPhaseFailed, Error: &nopea.SyncError{Code: "FetchFailed", Message: "no route\nto host"}},
		}, "shop-x7k2p | shop | Manual | anna | <none> | Failed | <none> | <none> | FetchFailed: no route to host | 3s"},
		"pending": {nopea.Sync{Spec: nopea.SyncSpec{Repository: "shop", Trigger: nopea.SyncTriggerManual}, Status: nopea.SyncStatus{Phase: nopea.SyncPhasePending}},
			"shop-x7k2p | shop | Manual | <none> | <none> | Pending | <none> | <none> | <none> | 3s"},
	} {
		t.Run(name, func(t *testing.T) {
			test.sync.ObjectMeta = meta
			printed, err := newTable(clocktesting.NewFakePassiveClock(now)).ConvertToTable(t.Context(), &test.sync, nil)
			if err != nil || len(printed.Rows) != 1 || len(printed.Rows[0].Cells) != len(printed.ColumnDefinitions) {
				t.Fatalf("got %+v, %v", printed, err)
			}
			got := strings.TrimSuffix(fmt.Sprintf(strings.Repeat("%v | ", len(printed.Rows[0].Cells)), printed.Rows[0].Cells...), " | ")
			if got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
}
