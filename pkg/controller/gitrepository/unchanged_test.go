package gitrepository

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
	"nopea.io/nopea/pkg/apply"
	"nopea.io/nopea/pkg/git"
)

// settledRepository is a GitRepository that is Ready at the commit "old".
func settledRepository() *v1alpha1.GitRepository {
	r := repository(3)
	r.Status.Applied = &v1alpha1.Revision{Commit: "old"}
	set(&r.Status, 3, v1alpha1.ConditionReady, metav1.ConditionTrue, ReasonApplied, "applied, 1 of 3 changed")
	return r
}

func TestCovers(t *testing.T) {
	hooked := occasion{trigger: v1alpha1.SyncTriggerWebhook, commit: "new"}
	for name, test := range map[string]struct {
		want    bool
		change  func(*v1alpha1.GitRepository)
		why     func(*occasion)
		settled func(*settled)
	}{
		"a push":                        {want: true},
		"the same push again":           {want: true, why: func(o *occasion) { o.commit = "old" }},
		"a poll":                        {want: true, why: func(o *occasion) { o.trigger = v1alpha1.SyncTriggerPoll }},
		"a user, after a push":          {want: true, why: func(o *occasion) { o.trigger, o.asked = v1alpha1.SyncTriggerManual, true }},
		"a user, without a push":        {why: func(o *occasion) { o.trigger, o.asked, o.commit = v1alpha1.SyncTriggerManual, true, "old" }},
		"a user who joined a webhook":   {why: func(o *occasion) { o.asked, o.commit = true, "old" }},
		"a reconcile":                   {why: func(o *occasion) { o.trigger = v1alpha1.SyncTriggerReconcile }},
		"a start":                       {why: func(o *occasion) { o.trigger = v1alpha1.SyncTriggerStartup }},
		"something waits":               {why: func(o *occasion) { o.waiting = true }},
		"another spec":                  {settled: func(s *settled) { s.generation = 2 }},
		"another ConfigMap read":        {why: func(o *occasion) { o.inputs = "other" }},
		"the same ConfigMap read":       {want: true, why: func(o *occasion) { o.inputs = "same" }, settled: func(s *settled) { s.inputs = "same" }},
		"suspended":                     {change: func(r *v1alpha1.GitRepository) { r.Spec.Suspend = true }},
		"never applied":                 {change: func(r *v1alpha1.GitRepository) { r.Status.Applied = nil }},
		"a prune that waits":            {change: func(r *v1alpha1.GitRepository) { r.Status.PendingPrune = &v1alpha1.PendingPrune{} }},
		"an error in the status":        {change: func(r *v1alpha1.GitRepository) { r.Status.LastError = &v1alpha1.SyncError{} }},
		"not Ready":                     {change: func(r *v1alpha1.GitRepository) { r.Status.Conditions[0].Status = metav1.ConditionFalse }},
		"Ready, of an earlier spec":     {change: func(r *v1alpha1.GitRepository) { r.Status.Conditions[0].ObservedGeneration = 2 }},
		"Ready is not in it (any more)": {change: func(r *v1alpha1.GitRepository) { r.Status.Conditions = nil }},
	} {
		r, why, s := settledRepository(), hooked, &settled{generation: 3, reads: &git.Reads{}}
		if test.change != nil {
			test.change(r)
		}
		if test.why != nil {
			test.why(&why)
		}
		if test.settled != nil {
			test.settled(s)
		}
		if got := s.covers(r, why); got != test.want {
			t.Errorf("%s: %v, want %v", name, got, test.want)
		}
	}
	var none *settled
	if none.covers(settledRepository(), hooked) {
		t.Error("nothing is remembered, and covers")
	}
}

func TestSettles(t *testing.T) {
	reads := &git.Reads{}
	good := func() (*run, *report) {
		return &run{reads: reads, generation: 3}, &report{summary: &summary{desired: 2, applied: 2}}
	}
	r, result := good()
	if s := r.settles(result); s == nil || s.reads != reads || s.objects != 2 || s.generation != 3 {
		t.Errorf("remembered %+v", s)
	}
	for name, spoil := range map[string]func(*run, *report){
		"a failure":            func(_ *run, r *report) { r.failure = &Failure{} },
		"a prune that waits":   func(_ *run, r *report) { r.prune = &v1alpha1.PendingPrune{} },
		"a pause":              func(_ *run, r *report) { r.summary.counts.Paused = 1 },
		"an object that waits": func(_ *run, r *report) { r.summary.waiting = 1 },
		"drift that is left":   func(_ *run, r *report) { r.summary.applied = 1 },
		"no plan":              func(_ *run, r *report) { r.summary = nil },
		"nothing was read":     func(run *run, _ *report) { run.reads = nil },
	} {
		r, result := good()
		spoil(r, result)
		if s := r.settles(result); s != nil {
			t.Errorf("%s: remembered %+v", name, s)
		}
	}
	before := &settled{}
	if s := (&run{unchanged: true, before: before}).settles(&report{summary: before.nothing()}); s != before {
		t.Errorf("an unchanged run leaves %+v", s)
	}
}

func TestDivide(t *testing.T) {
	hooked := func() *v1alpha1.Sync {
		return &v1alpha1.Sync{Spec: v1alpha1.SyncSpec{Trigger: v1alpha1.SyncTriggerWebhook, RequestedBy: []string{"github"}}}
	}
	joined, manual, precise := hooked(), hooked(), hooked()
	joined.Spec.RequestedBy = []string{"github", "ada"}
	manual.Spec.Trigger = v1alpha1.SyncTriggerManual
	precise.Spec.Revision = "old"
	all := []*v1alpha1.Sync{hooked(), joined, manual, precise}
	for name, test := range map[string]struct {
		run     *run
		report  report
		dropped int
	}{
		"unchanged":                {&run{unchanged: true, repository: settledRepository()}, report{}, 1},
		"whole, and nothing to do": {&run{repository: settledRepository()}, report{}, 1},
		"something was applied":    {&run{repository: settledRepository(), plan: apply.Plan{Steps: []apply.Step{{Action: apply.Create}}}}, report{}, 0},
		"failed":                   {&run{repository: settledRepository()}, report{failure: &Failure{}}, 0},
		"it was not Ready before":  {&run{repository: repository(3)}, report{}, 0},
	} {
		recorded, dropped := test.run.divide(all, &test.report)
		if len(dropped) != test.dropped || len(recorded) != len(all)-test.dropped || len(dropped) == 1 && dropped[0] != all[0] {
			t.Errorf("%s: %d dropped, want %d", name, len(dropped), test.dropped)
		}
	}
}
