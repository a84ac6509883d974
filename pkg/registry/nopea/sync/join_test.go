package sync

import (
	"fmt"
	"slices"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"nopea.io/nopea/pkg/apis/nopea"
	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
)

func TestCanJoin(t *testing.T) {
	for name, test := range map[string]struct {
		change func(stored *nopea.Sync)
		want   bool
	}{
		"identical":        {func(*nopea.Sync) {}, true},
		"other trigger":    {func(s *nopea.Sync) { s.Spec.Trigger = nopea.SyncTriggerWebhook }, true},
		"NOPEA's own":      {func(s *nopea.Sync) { s.Spec.Trigger = nopea.SyncTriggerPoll }, false},
		"begun":            {func(s *nopea.Sync) { s.Status.Phase = nopea.SyncPhaseRunning }, false},
		"ended":            {func(s *nopea.Sync) { s.Status.Phase = nopea.SyncPhaseSucceeded }, false},
		"being deleted":    {func(s *nopea.Sync) { s.DeletionTimestamp = new(metav1.Now()) }, false},
		"named":            {func(s *nopea.Sync) { s.GenerateName = "" }, false},
		"dry run":          {func(s *nopea.Sync) { s.Spec.DryRun = true }, false},
		"revision":         {func(s *nopea.Sync) { s.Spec.Revision = "x" }, false},
		"confirmation":     {func(s *nopea.Sync) { s.Spec.ConfirmPrune = "x" }, false},
		"other repository": {func(s *nopea.Sync) { s.Spec.Repository = "blog" }, false},
	} {
		request := &nopea.Sync{ObjectMeta: metav1.ObjectMeta{GenerateName: "shop-"}, Spec: nopea.SyncSpec{Repository: "shop"}, Status: nopea.SyncStatus{Phase: nopea.SyncPhasePending}}
		stored := request.DeepCopy()
		test.change(stored)
		if got := canJoin(request, stored); got != test.want {
			t.Errorf("%s: got %t, want %t", name, got, test.want)
		}
	}
}

func TestJoin(t *testing.T) {
	request := func(trigger nopea.SyncTrigger, by ...string) *nopea.Sync {
		return &nopea.Sync{Spec: nopea.SyncSpec{Trigger: trigger, RequestedBy: by}}
	}
	for _, test := range []struct{ stored, request nopea.SyncTrigger }{
		{nopea.SyncTriggerManual, nopea.SyncTriggerWebhook},
		{nopea.SyncTriggerWebhook, nopea.SyncTriggerManual},
	} {
		stored := request(test.stored, "anna")
		join(stored, request(test.request, "anna"))
		join(stored, request(test.request, "ben"))
		if stored.Spec.Trigger != test.stored || !slices.Equal(stored.Spec.RequestedBy, []string{"anna", "ben"}) {
			t.Errorf("%s joins %s: %+v", test.request, test.stored, stored.Spec)
		}
	}
	crowd := request(nopea.SyncTriggerManual)
	for i := range 2 * v1alpha1.MaxRequesters {
		join(crowd, request(nopea.SyncTriggerManual, fmt.Sprint(i)))
	}
	if len(crowd.Spec.RequestedBy) != v1alpha1.MaxRequesters || crowd.Spec.RequestedBy[0] != "0" {
		t.Errorf("kept %v", crowd.Spec.RequestedBy)
	}
}

func TestRecentSyncs(t *testing.T) {
	recent := newRecentSyncs()
	for _, version := range []string{"5", "8"} {
		recent.add("a/b", &nopea.Sync{ObjectMeta: metav1.ObjectMeta{Name: "v" + version, ResourceVersion: version}})
	}
	if unseen, err := recent.newerThan("a/b", "5"); err != nil || len(unseen) != 1 || unseen[0].Name != "v8" {
		t.Errorf("the first is seen: %v, %v", unseen, err)
	}
	if unseen, err := recent.newerThan("a/b", "8"); err != nil || len(unseen) != 0 {
		t.Errorf("all seen: %v, %v", unseen, err)
	}
	if recent.byRepository.Len() != 0 {
		t.Error("what was seen is still remembered")
	}
}
