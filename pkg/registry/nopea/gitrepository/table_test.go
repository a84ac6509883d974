package gitrepository

import (
	"fmt"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clocktesting "k8s.io/utils/clock/testing"

	"nopea.io/nopea/pkg/apis/nopea"
	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
)

var now = time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)

func synced() *nopea.GitRepository {
	return &nopea.GitRepository{
		ObjectMeta: metav1.ObjectMeta{Name: "shop", CreationTimestamp: metav1.NewTime(now.Add(-4 * 24 * time.Hour))},
		Spec: nopea.GitRepositorySpec{
			URL: "https://git.example.com/shop.git", Ref: &nopea.GitRef{Branch: "main"}, Path: "deploy", ServiceAccountName: "nopea", Interval: "5m",
		},
		Status: nopea.GitRepositoryStatus{
			Conditions: []metav1.Condition{{Type: v1alpha1.ConditionReady, Status: metav1.ConditionTrue, Reason: "Applied", Message: "applied, 1 of 12 changed"}},
			Applied:    &nopea.Revision{Name: "main", Commit: "5f2c1e9aa0b1c2d3e4f5061728394a5b6c7d8e9f"},
			Resources:  &nopea.ResourceCounts{Desired: 12, Applied: 12},
			LastSync:   &nopea.SyncSummary{CompletionTime: metav1.NewTime(now.Add(-3 * time.Second))},
		},
	}
}

func TestTable(t *testing.T) {
	const rest = " | main@5f2c1e9 | 12/12 | 0 | 3s | https://git.example.com/shop.git | main | deploy | nopea | 5m | 4d"
	for name, test := range map[string]struct {
		change func(*nopea.GitRepository)
		want   string
	}{
		"synced":     {func(*nopea.GitRepository) {}, "shop | True | applied, 1 of 12 changed" + rest},
		"suspended":  {func(r *nopea.GitRepository) { r.Spec.Suspend = true }, "shop | True | suspended; applied, 1 of 12 changed" + rest},
		"untouched":  {func(r *nopea.GitRepository) { r.Status.Conditions = nil }, "shop | Unknown | waiting for the controller" + rest},
		"never runs": {func(r *nopea.GitRepository) { r.Status.Conditions, r.Spec.Suspend = nil, true }, "shop | Unknown | suspended" + rest},
		"hostile": {func(r *nopea.GitRepository) { r.Status.Conditions[0].Message = "line one\nline two\x1b[31m\u202e red" },
			"shop | True | line one line two [31m red" + rest},
		"long": {func(r *nopea.GitRepository) { r.Status.Conditions[0].Message = strings.Repeat("ä", 200) },
			"shop | True | " + strings.Repeat("ä", 99) + "…" + rest},
		"new": {func(r *nopea.GitRepository) { r.Status, r.Spec.Ref, r.Spec.Path = nopea.GitRepositoryStatus{}, nil, "" },
			"shop | Unknown | waiting for the controller | <none> | <none> | <none> | <none> | https://git.example.com/shop.git | HEAD | . | nopea | 5m | 4d"},
	} {
		t.Run(name, func(t *testing.T) {
			repository := synced()
			test.change(repository)
			printed, err := newTable(clocktesting.NewFakePassiveClock(now)).ConvertToTable(t.Context(), repository, nil)
			if err != nil {
				t.Fatal(err)
			}
			if len(printed.Rows) != 1 || len(printed.Rows[0].Cells) != len(printed.ColumnDefinitions) {
				t.Fatalf("got %+v", printed)
			}
			got := strings.TrimSuffix(fmt.Sprintf(strings.Repeat("%v | ", len(printed.Rows[0].Cells)), printed.Rows[0].Cells...), " | ")
			if got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
}

func TestTableOfOtherThings(t *testing.T) {
	converter := newTable(clocktesting.NewFakePassiveClock(now))
	list := &nopea.GitRepositoryList{ListMeta: metav1.ListMeta{ResourceVersion: "7", Continue: "more"}, Items: []nopea.GitRepository{*synced(), *synced()}}
	printed, err := converter.ConvertToTable(t.Context(), list, &metav1.TableOptions{NoHeaders: true})
	if err != nil || len(printed.Rows) != 2 || printed.ResourceVersion != "7" || printed.Continue != "more" || printed.ColumnDefinitions != nil {
		t.Errorf("got %+v, %v", printed, err)
	}
	if _, err := converter.ConvertToTable(t.Context(), &metav1.Status{}, nil); err == nil {
		t.Error("a Status was printed as a GitRepository")
	}
}
