package validation

import (
	"fmt"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"nopea.io/nopea/pkg/apis/nopea"
)

func validSync() *nopea.Sync {
	return &nopea.Sync{
		ObjectMeta: metav1.ObjectMeta{Name: "shop-x7k2p", Namespace: "team-a", ResourceVersion: "1"},
		Spec:       nopea.SyncSpec{Repository: "shop", Trigger: nopea.SyncTriggerManual, RequestedBy: []string{"anna"}},
		Status:     nopea.SyncStatus{Phase: nopea.SyncPhasePending},
	}
}

func TestValidateSync(t *testing.T) {
	type spec = nopea.SyncSpec
	for name, test := range map[string]struct {
		change func(*spec)
		wish   string
	}{
		"valid":           {func(*spec) {}, ""},
		"no repository":   {func(s *spec) { s.Repository = "" }, "spec.repository: Required"},
		"bad repository":  {func(s *spec) { s.Repository = "a/b" }, "spec.repository: RFC 1123"},
		"trigger":         {func(s *spec) { s.Trigger = "Cron" }, `spec.trigger: "Manual"`},
		"revision":        {func(s *spec) { s.Revision = commit }, ""},
		"short revision":  {func(s *spec) { s.Revision = "main" }, "spec.revision: full commit hash"},
		"dry ref":         {func(s *spec) { s.DryRun, s.Revision = true, "refs/pull/7/head" }, ""},
		"dry bad ref":     {func(s *spec) { s.DryRun, s.Revision = true, "refs/pull/../head" }, "spec.revision: Git ref name"},
		"ref":             {func(s *spec) { s.Revision = "refs/pull/7/head" }, "spec.revision: set dryRun"},
		"confirm":         {func(s *spec) { s.ConfirmPrune = commit }, ""},
		"bad confirm":     {func(s *spec) { s.ConfirmPrune = "yes" }, "spec.confirmPrune: full commit hash"},
		"dry confirm":     {func(s *spec) { s.DryRun, s.ConfirmPrune = true, commit }, "spec.confirmPrune: a dry run prunes nothing"},
		"many requesters": {func(s *spec) { s.RequestedBy = make([]string, 17) }, "spec.requestedBy: Too many"},
	} {
		t.Run(name, func(t *testing.T) {
			sync := validSync()
			test.change(&sync.Spec)
			expect(t, ValidateSync(sync), test.wish)
		})
	}
}

func TestSyncSpecIsImmutable(t *testing.T) {
	for name, change := range map[string]func(*nopea.SyncSpec){
		"repository": func(s *nopea.SyncSpec) { s.Repository = "other" },
		"revision":   func(s *nopea.SyncSpec) { s.Revision = commit },
		"dry run":    func(s *nopea.SyncSpec) { s.DryRun = true },
		"requesters": func(s *nopea.SyncSpec) { s.RequestedBy = []string{"root"} },
	} {
		t.Run(name, func(t *testing.T) {
			sync := validSync()
			change(&sync.Spec)
			expect(t, ValidateSyncUpdate(sync, validSync()), "spec: immutable")
		})
	}
}

func TestJoinChangesOnlyWhoAndWhy(t *testing.T) {
	sync := validSync()
	sync.Spec.RequestedBy, sync.Spec.Trigger = []string{"anna", "ben"}, nopea.SyncTriggerWebhook
	expect(t, ValidateSyncJoin(sync, validSync()), "")
	sync.Spec.Revision = commit
	expect(t, ValidateSyncJoin(sync, validSync()), "spec: immutable")
}

func TestSyncStatus(t *testing.T) {
	for name, test := range map[string]struct {
		from, to nopea.SyncStatus
		wish     string
	}{
		"taken":      {nopea.SyncStatus{Phase: nopea.SyncPhasePending}, nopea.SyncStatus{Phase: nopea.SyncPhaseRunning}, ""},
		"given back": {nopea.SyncStatus{Phase: nopea.SyncPhaseRunning}, nopea.SyncStatus{Phase: nopea.SyncPhasePending}, ""},
		"revived":    {nopea.SyncStatus{Phase: nopea.SyncPhaseFailed}, nopea.SyncStatus{Phase: nopea.SyncPhasePending}, "status.phase: stays as it ended"},
		"no phase":   {nopea.SyncStatus{Phase: nopea.SyncPhasePending}, nopea.SyncStatus{}, "status.phase: Unsupported"},
		"action": {nopea.SyncStatus{}, nopea.SyncStatus{Phase: nopea.SyncPhaseRunning, Changes: []nopea.SyncChange{{Action: "Burned"}}},
			"status.changes[0].action: Unsupported"},
		"fields": {nopea.SyncStatus{}, nopea.SyncStatus{Phase: nopea.SyncPhaseRunning, Changes: []nopea.SyncChange{{Action: nopea.SyncActionCreated, Fields: make([]string, 11)}}},
			"status.changes[0].fields: Too many"},
		"changes": {nopea.SyncStatus{}, nopea.SyncStatus{Phase: nopea.SyncPhaseRunning, Changes: manyChanges(101)}, "status.changes: Too many"},
	} {
		t.Run(name, func(t *testing.T) {
			old, sync := validSync(), validSync()
			old.Status, sync.Status = test.from, test.to
			expect(t, ValidateSyncStatusUpdate(sync, old), test.wish)
		})
	}
}

func manyChanges(n int) []nopea.SyncChange {
	changes := make([]nopea.SyncChange, n)
	for i := range changes {
		changes[i] = nopea.SyncChange{Action: nopea.SyncActionCreated, Kind: "ConfigMap", Name: fmt.Sprintf("c%d", i)}
	}
	return changes
}
