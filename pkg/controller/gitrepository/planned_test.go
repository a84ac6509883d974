package gitrepository

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
	"nopea.io/nopea/pkg/apply"
)

// outcomeOf is an outcome about a ConfigMap of which that many fields change.
func outcomeOf(name string, done apply.Action, fields int) apply.Outcome {
	outcome := apply.Outcome{Done: done, Step: &apply.Step{
		Action: done, ID: apply.ID{Kind: "ConfigMap", Namespace: "team-a", Name: name}, Version: "v1", Desired: &apply.Desired{File: name + ".yaml"},
	}}
	for i := range fields {
		outcome.Fields = append(outcome.Fields, apply.FieldChange{Path: fmt.Sprintf("data.%d", i), From: `"a"`, To: `"b"`})
	}
	return outcome
}

func TestPlannedOrder(t *testing.T) {
	plan := &apply.Plan{Steps: []apply.Step{
		{Action: apply.Unchanged, ID: apply.ID{Kind: "ConfigMap", Name: "same"}, Version: "v1"},
		{Action: apply.Unchanged, ID: apply.ID{Kind: "ConfigMap", Name: "drifted"}, Version: "v1", Drifted: true},
	}}
	failed := outcomeOf("failed", apply.Configure, 0)
	failed.Err = errors.New("no")
	got := planned(plan, []apply.Outcome{
		outcomeOf("released", apply.Release, 0), outcomeOf("configured", apply.Configure, v1alpha1.MaxPlanFields+3), outcomeOf("forgotten", apply.Forget, 0),
		outcomeOf("created", apply.Create, 0), outcomeOf("pruned", apply.Prune, 0), outcomeOf("refused", apply.Refuse, 0), failed,
		outcomeOf("owned", apply.Unchanged, 0), outcomeOf("paused", apply.Paused, 0),
	}, nil, v1alpha1.SyncCounts{})
	var order []string
	for _, object := range got.Objects {
		order = append(order, object.Name+" "+string(object.Action))
	}
	want := "failed Fail, refused Refuse, paused Pause, pruned Prune, created Create, configured Configure, released Release, owned Unchanged, same Unchanged, drifted Unchanged"
	if strings.Join(order, ", ") != want {
		t.Errorf("got  %s\nwant %s", strings.Join(order, ", "), want)
	}
	if configured := got.Objects[5]; len(configured.Fields) != v1alpha1.MaxPlanFields || configured.MoreFields != 3 || configured.File != "configured.yaml" {
		t.Errorf("%d fields and %d more of %s", len(configured.Fields), configured.MoreFields, configured.File)
	}
	if got.Objects[0].Message != "no" || got.Objects[9].Message != messageOfDrift || got.Truncated {
		t.Errorf("%+v", got)
	}
}

// TestPlansAreBounded leaves out what says least first, and counts what it leaves out of an object.
func TestPlansAreBounded(t *testing.T) {
	var outcomes []apply.Outcome
	for i := range 3000 {
		outcomes = append(outcomes, outcomeOf(fmt.Sprintf("configured-%d", i), apply.Configure, 150), outcomeOf(fmt.Sprintf("owned-%d", i), apply.Unchanged, 0))
	}
	got := planned(&apply.Plan{}, outcomes, nil, v1alpha1.SyncCounts{Configured: 3000})
	text, err := json.Marshal(got)
	if err != nil || len(text) > v1alpha1.MaxPlanBytes || len(text) < v1alpha1.MaxPlanBytes*9/10 {
		t.Errorf("%d bytes, %v", len(text), err)
	}
	if !got.Truncated || got.Objects[0].MoreFields != 0 || len(got.Objects[0].Fields) != 150 {
		t.Errorf("truncated %t, the first with %d fields", got.Truncated, len(got.Objects[0].Fields))
	}
	for _, object := range got.Objects {
		if object.Action != v1alpha1.PlanActionConfigure || len(object.Fields)+int(object.MoreFields) != 150 {
			t.Fatalf("%+v", object)
		}
	}
}

// TestARevisionHasARunOfItsOwn keeps the order in which revisions were asked for.
func TestARevisionHasARunOfItsOwn(t *testing.T) {
	sync := func(name, revision string) *v1alpha1.Sync {
		return &v1alpha1.Sync{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: v1alpha1.SyncSpec{Revision: revision, DryRun: strings.HasPrefix(name, "dry")}}
	}
	requested := []*v1alpha1.Sync{sync("dry", "x"), sync("a", ""), sync("b", ""), sync("back", "x"), sync("c", ""), sync("forth", "y")}
	var runs []string
	for len(requested) > 0 {
		var now []*v1alpha1.Sync
		now, requested = batch(requested)
		var names []string
		for _, s := range now {
			names = append(names, s.Name)
		}
		runs = append(runs, strings.Join(names, "+"))
	}
	if got := strings.Join(runs, " "); got != "a+b back c forth dry" {
		t.Errorf("the runs are %s", got)
	}
}
