package gitrepository

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
	"nopea.io/nopea/pkg/apply"
	"nopea.io/nopea/pkg/git"
)

func is(t *testing.T, status *v1alpha1.GitRepositoryStatus, want map[string]string) {
	t.Helper()
	for kind, value := range want {
		condition := apimeta.FindStatusCondition(status.Conditions, kind)
		if condition == nil || string(condition.Status)+" "+condition.Reason != value {
			t.Errorf("%s is %+v, want %s", kind, condition, value)
		}
	}
}

func TestStatusOverALife(t *testing.T) {
	var status v1alpha1.GitRepositoryStatus
	first := &v1alpha1.Revision{Name: "main", Commit: strings.Repeat("a", 40)}
	second := &v1alpha1.Revision{Name: "main", Commit: strings.Repeat("b", 40)}
	at := time.Unix(1000, 0)

	progress(&status, 1, first)
	is(t, &status, map[string]string{"Ready": "Unknown Progressing", "Reconciling": "True Progressing", "Stalled": "False NotStalled"})

	done := &report{trigger: "Startup", revision: first, began: at, ended: at, worthSaying: true, sync: "shop-1",
		summary: &summary{desired: 3, applied: 3, counts: v1alpha1.SyncCounts{Created: 3}}}
	conclude(&status, 1, done)
	is(t, &status, map[string]string{"Ready": "True Applied", "Reconciling": "False Done", "Stalled": "False NotStalled"})
	if status.Applied != first || status.LastSync.Name != "shop-1" || status.ObservedGeneration != 1 {
		t.Fatalf("%+v", status)
	}

	// A run that finds everything as it was changes nothing.
	before := status.DeepCopy()
	conclude(&status, 1, &report{trigger: "Reconcile", revision: first.DeepCopy(), began: at.Add(time.Hour), ended: at.Add(time.Hour),
		summary: &summary{desired: 3, applied: 3, counts: v1alpha1.SyncCounts{Unchanged: 3}}})
	if !equality.Semantic.DeepEqual(before, &status) {
		t.Fatalf("an idle run rewrote the status:\n%+v\n%+v", before, status)
	}

	// A failure keeps what is applied.
	broken := &report{trigger: "Poll", revision: second, began: at, ended: at,
		failure: &Failure{Code: "ManifestInvalid", Message: "a.yaml:1: no", Hint: "Push.", Stalled: true}}
	conclude(&status, 1, broken)
	is(t, &status, map[string]string{"Ready": "False ManifestInvalid", "Reconciling": "False Stalled", "Stalled": "True ManifestInvalid"})
	if status.Applied.Commit != first.Commit || status.Attempted != second || status.LastError.Hint != "Push." {
		t.Fatalf("%+v", status)
	}

	// The remote goes away: the texts of network errors differ each time, and are written once.
	conclude(&status, 1, &report{failure: &Failure{Code: "Unreachable", Message: "read tcp 127.0.0.1:1234"}})
	is(t, &status, map[string]string{"Ready": "False Unreachable", "Reconciling": "True Retrying", "Stalled": "False NotStalled"})
	before = status.DeepCopy()
	conclude(&status, 1, &report{failure: &Failure{Code: "Unreachable", Message: "read tcp 127.0.0.1:5678"}})
	if !equality.Semantic.DeepEqual(before, &status) {
		t.Fatal("the same failure was written again")
	}

	conclude(&status, 2, &report{revision: second, trigger: "Poll", began: at, ended: at, worthSaying: true,
		summary: &summary{desired: 3, applied: 3, counts: v1alpha1.SyncCounts{Configured: 1, Unchanged: 2}}})
	is(t, &status, map[string]string{"Ready": "True Applied", "Reconciling": "False Done", "Stalled": "False NotStalled"})
	if status.LastError != nil || apimeta.FindStatusCondition(status.Conditions, "Ready").Message != "applied, 1 of 3 changed" {
		t.Fatalf("%+v", status)
	}
}

func TestExplain(t *testing.T) {
	r := repository(1)
	secrets := schema.GroupResource{Resource: "secrets"}
	object := func(err error) error {
		return &apply.ObjectError{ID: apply.ID{Kind: "Secret", Namespace: "elsewhere", Name: "s"}, File: "s.yaml", Operation: "apply", Err: err}
	}
	typed := apierrors.NewInternalError(errors.New("x"))
	typed.ErrStatus.Message = "failed to create typed patch object (a/b; v1, Kind=Secret): .datta: field not declared in schema"
	for name, test := range map[string]struct {
		err     error
		code    string
		stalled bool
		words   string
	}{
		"a missing right": {object(apierrors.NewForbidden(secrets, "s", errors.New(`User "system:serviceaccount:team-a:nopea" cannot patch resource`))), "PermissionDenied", false,
			"kubectl create rolebinding nopea-team-a -n elsewhere"},
		"a webhook":        {object(apierrors.NewForbidden(secrets, "s", errors.New(`admission webhook "x" denied the request: no`))), "AdmissionDenied", false, "admission policy"},
		"unknown field":    {object(typed), "ManifestInvalid", false, "Correct the file"},
		"server trouble":   {object(apierrors.NewServiceUnavailable("etcd is away")), "ApplyFailed", false, ""},
		"an unserved kind": {object(fmt.Errorf("Widget: %w", apply.ErrUnserved)), "UnknownKind", false, "Install"},
		"a lost ref":       {&git.Error{Code: git.RefNotFound, Op: "resolve"}, "RefNotFound", true, ""},
		"a private repository without credentials": {&git.Error{Code: git.Unauthorized, Op: "resolve"}, "Unauthorized", false, "spec.secretRef"},
		"time is up":            {fmt.Errorf("apply: %w", context.DeadlineExceeded), "Timeout", false, ""},
		"the API server's word": {apierrors.NewServiceUnavailable("starting"), "APIServerError", false, ""},
		"a wrapped failure":     {fmt.Errorf("x: %w", &Failure{Code: "SourceEmpty", Stalled: true}), "SourceEmpty", true, ""},
		"anything else":         {errors.New("strange"), "InternalError", false, ""},
	} {
		failure := explain(test.err, r)
		if failure.Code != test.code || failure.Stalled != test.stalled || !strings.Contains(failure.Hint, test.words) {
			t.Errorf("%s: %+v", name, failure)
		}
	}
	if explain(nil, r) != nil {
		t.Error("no error is a failure")
	}
}

func TestSummary(t *testing.T) {
	id := func(name string) apply.ID { return apply.ID{Kind: "ConfigMap", Namespace: "a", Name: name} }
	desired := &apply.Desired{File: "a.yaml"}
	plan := &apply.Plan{Steps: []apply.Step{
		{Action: apply.Unchanged, ID: id("same"), Desired: desired},
		{Action: apply.Create, ID: id("new"), Desired: desired},
		{Action: apply.Configure, ID: id("bad"), Desired: desired},
		{Action: apply.Refuse, ID: id("theirs"), Desired: desired, Reason: "it is held by somebody"},
		{Action: apply.Prune, ID: id("old"), Entry: &v1alpha1.InventoryEntry{File: "old.yaml"}},
	}}
	s := summarize(plan, []apply.Outcome{
		{Step: &plan.Steps[1], Done: apply.Create},
		{Step: &plan.Steps[2], Err: &apply.ObjectError{ID: id("bad"), Operation: "apply", Err: errors.New("no")}},
		{Step: &plan.Steps[3], Done: apply.Refuse},
		{Step: &plan.Steps[4], Waiting: true},
	})
	if s.desired != 4 || s.applied != 2 || s.counts != (v1alpha1.SyncCounts{Created: 1, Unchanged: 1, Failed: 1, Refused: 1}) {
		t.Fatalf("%+v", s)
	}
	if len(s.changes) != 3 || s.changes[0].Action != v1alpha1.SyncActionFailed || s.changes[1].Action != v1alpha1.SyncActionRefused {
		t.Fatalf("changes %+v", s.changes)
	}
	if failure := s.failure(repository(1)); failure == nil || !strings.Contains(failure.Message, "1 more wait for it") {
		t.Fatalf("%+v", failure)
	}
	for want, summary := range map[string]summary{
		"applied, Git holds no objects":      {},
		"applied, 12 unchanged":              {desired: 12, counts: v1alpha1.SyncCounts{Unchanged: 12}},
		"applied, 3 of 12 changed":           {desired: 12, counts: v1alpha1.SyncCounts{Created: 1, Configured: 2}},
		"applied, 3 of 12 changed, 2 pruned": {desired: 12, counts: v1alpha1.SyncCounts{Created: 3, Pruned: 2}},
	} {
		if got := summary.message(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestAPanicEndsOneRun(t *testing.T) {
	err := guard(context.Background(), func() error { panic("a fault of ours") })
	failure := explain(err, repository(1))
	if failure == nil || failure.Code != CodeInternal || !strings.Contains(failure.Message, "a fault of ours") {
		t.Fatalf("%+v", failure)
	}
}

func TestHistoryOrderAndBatches(t *testing.T) {
	sync := func(name string, dry bool) *v1alpha1.Sync {
		return &v1alpha1.Sync{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: v1alpha1.SyncSpec{DryRun: dry}}
	}
	now, later := batch([]*v1alpha1.Sync{sync("dry-1", true), sync("a", false), sync("dry-2", true), sync("b", false)})
	if len(now) != 2 || now[0].Name != "a" || len(later) != 2 {
		t.Fatalf("now %v, later %v", now, later)
	}
	now, later = batch(later)
	if len(now) != 1 || now[0].Name != "dry-1" || len(later) != 1 {
		t.Fatalf("now %v, later %v", now, later)
	}
}
