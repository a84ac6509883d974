package integration

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
	"nopea.io/nopea/pkg/testing/githttp"
)

// patch edits an object of the core group as somebody with kubectl would.
func (v *tenant) patch(resource, name, patch string) {
	v.t.Helper()
	v.patchAs("kubectl-edit", resource, name, patch)
}

func (v *tenant) patchAs(manager, resource, name, patch string) {
	v.t.Helper()
	if err := v.kube.CoreV1().RESTClient().Patch(types.MergePatchType).Namespace(v.namespace).Resource(resource).Name(name).
		Param("fieldManager", manager).Body([]byte(patch)).Do(background()).Error(); err != nil {
		v.t.Fatal(err)
	}
}

// holds waits until a ConfigMap's key has a value.
func (v *tenant) holds(name, value string) {
	v.t.Helper()
	v.eventually(fmt.Sprintf("ConfigMap %s holds %q", name, value), func(ctx context.Context) error {
		live, err := v.kube.CoreV1().ConfigMaps(v.namespace).Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return err
		}
		if live.Data["key"] != value {
			return fmt.Errorf("it holds %v", live.Data)
		}
		return nil
	})
}

// drift waits until what a GitRepository's status says of drift satisfies a check.
func (v *tenant) drift(name, what string, check func(*v1alpha1.DriftStatus) bool) *v1alpha1.GitRepository {
	v.t.Helper()
	var last *v1alpha1.GitRepository
	v.eventually(what, func(ctx context.Context) error {
		var err error
		if last, err = v.api.GitRepositories(v.namespace).Get(ctx, name, metav1.GetOptions{}); err != nil {
			return err
		}
		if last.Status.Drift == nil || !check(last.Status.Drift) {
			return fmt.Errorf("status.drift is %+v", last.Status.Drift)
		}
		return nil
	})
	return last
}

// events waits for an Event about an object, and returns its note.
func (v *tenant) event(reason, name string) string {
	v.t.Helper()
	note := ""
	v.eventually(fmt.Sprintf("an Event %s about %s", reason, name), func(ctx context.Context) error {
		list, err := v.kube.EventsV1().Events(v.namespace).List(ctx, metav1.ListOptions{})
		if err != nil {
			return err
		}
		for _, event := range list.Items {
			if event.Reason == reason && event.Regarding.Name == name {
				note = event.Note
				return nil
			}
		}
		return fmt.Errorf("none of %d", len(list.Items))
	})
	return note
}

func found(drift *v1alpha1.DriftStatus, name string, state v1alpha1.DriftState) *v1alpha1.DriftedObject {
	i := slices.IndexFunc(drift.Objects, func(o v1alpha1.DriftedObject) bool { return o.Name == name && o.State == state })
	if i < 0 {
		return nil
	}
	return &drift.Objects[i]
}

// stays fails the test if something does not hold while the controller has looked at an edit that came after it: edits are looked at in
// order for each kind.
func (v *tenant) stays(witness string, check func() error) {
	v.t.Helper()
	v.patch("configmaps", witness, `{"data":{"key":"edited"}}`)
	v.holds(witness, "one")
	if err := check(); err != nil {
		v.t.Error(err)
	}
}

func policy(p v1alpha1.DriftPolicy) func(*v1alpha1.GitRepositorySpec) {
	return func(s *v1alpha1.GitRepositorySpec) { s.DriftPolicy = p }
}

// TestDrift puts back what was edited, deleted, relabelled or made anew, by events alone, and says so.
func TestDrift(t *testing.T) {
	t.Parallel()
	v := newTenant(t)
	configMaps := v.kube.CoreV1().ConfigMaps(v.namespace)
	repo := v.repo("shop", configMapFiles(5, "one"))
	v.declare("shop", repo.URL)
	v.ready("shop")

	v.patch("configmaps", "cm-000", `{"data":{"key":"edited","other":"added"}}`)
	v.holds("cm-000", "one")
	if v.configMap("cm-000").Data["other"] != "added" {
		t.Error("a field that Git does not hold was taken away")
	}
	if err := configMaps.Delete(background(), "cm-001", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	v.holds("cm-001", "one")
	v.patch("configmaps", "cm-002", `{"metadata":{"labels":{"nopea.io/repository":null}}}`)
	v.eventually("the label is back", func(context.Context) error {
		if labels := v.configMap("cm-002").Labels; labels[v1alpha1.LabelRepository] != "shop" {
			return fmt.Errorf("it has %v", labels)
		}
		return nil
	})
	v.patch("configmaps", "cm-003", `{"metadata":{"managedFields":[{}]},"data":{"key":"edited"}}`)
	v.holds("cm-003", "one")

	after := v.drift("shop", "four repairs are told", func(d *v1alpha1.DriftStatus) bool { return d.Repaired == 4 && d.Drifted == 0 })
	edited := found(after.Status.Drift, "cm-000", v1alpha1.DriftStateRepaired)
	if edited == nil || !slices.Equal(edited.Fields, []string{"data.key"}) ||
		edited.Manager != "kubectl-edit" || edited.File != "cm-000.yaml" {
		t.Errorf("the status says of the edit: %+v", edited)
	}
	contains(t, v.event("DriftRepaired", "cm-000"), "kubectl-edit", "data.key", "cm-000.yaml", v.namespace+"/shop",
		"kubectl annotate configmap cm-000 -n "+v.namespace+" nopea.io/pause-until=")
	if last := after.Status.LastSync; last.Trigger != v1alpha1.SyncTriggerStartup {
		t.Errorf("a repair made a sync: %+v", last)
	}
	v.condition("shop", v1alpha1.ConditionDrifted, metav1.ConditionFalse, "InSync")
	// The record follows, so that the next sync has nothing to do.
	if sync := v.succeeded("shop"); sync.Status.Counts.Unchanged != 5 {
		t.Errorf("the next sync: %+v", sync.Status.Counts)
	}
}

// TestDriftOfOneObject puts one object back ten times, each time at once, and counts each.
func TestDriftOfOneObject(t *testing.T) {
	t.Parallel()
	v := newTenant(t)
	repo := v.repo("shop", configMapFiles(1, "one"))
	v.declare("shop", repo.URL)
	v.ready("shop")
	for i := range 10 {
		v.patch("configmaps", "cm-000", fmt.Sprintf(`{"data":{"key":"edit %d"}}`, i))
		v.holds("cm-000", "one")
	}
	v.drift("shop", "ten repairs are told", func(d *v1alpha1.DriftStatus) bool { return d.Repaired == 10 })
}

// TestDriftIsContested slows down for whoever writes an object again and again, says who, and ends that when it is over.
func TestDriftIsContested(t *testing.T) {
	t.Parallel()
	v := newTenant(t)
	repo := v.repo("shop", configMapFiles(2, "one"))
	v.declare("shop", repo.URL)
	v.ready("shop")
	for i := range 100 {
		v.patchAs("rival-controller", "configmaps", "cm-000", fmt.Sprintf(`{"data":{"key":"edit %d"}}`, i))
		if drift := v.get("shop").Status.Drift; drift != nil && drift.Drifted == 1 {
			break
		}
		if i < 15 {
			v.holds("cm-000", "one")
		}
	}
	after := v.condition("shop", v1alpha1.ConditionDrifted, metav1.ConditionTrue, "Contested")
	contains(t, after.Status.Conditions[slices.IndexFunc(after.Status.Conditions, func(c metav1.Condition) bool { return c.Type == v1alpha1.ConditionDrifted })].Message,
		"rival-controller", "data.key", "cm-000")
	// Its neighbour is put back at once all the same.
	v.patch("configmaps", "cm-001", `{"data":{"key":"edited"}}`)
	v.holds("cm-001", "one")
	// And it is put back in the end.
	v.holds("cm-000", "one")
}

// TestDriftPolicies leaves edits alone where it is told to, names them or not, and lets Git decide for an object.
func TestDriftPolicies(t *testing.T) {
	t.Parallel()
	v := newTenant(t)
	files := configMapFiles(3, "one")
	annotated := func(name, annotation string) string {
		return strings.Replace(configMapYAML(name, "one"), "  name:", "  annotations: {"+annotation+"}\n  name:", 1)
	}
	files["witness.yaml"] = annotated("witness", "nopea.io/drift: Enforce")
	files["ignored.yaml"] = annotated("ignored", "nopea.io/drift: Ignore")
	repo := v.repo("shop", files)
	v.declare("shop", repo.URL, policy(v1alpha1.DriftPolicyWarn))
	v.ready("shop")

	v.patch("configmaps", "cm-000", `{"data":{"key":"edited"}}`)
	v.patch("configmaps", "ignored", `{"data":{"key":"edited"}}`)
	if err := v.kube.CoreV1().ConfigMaps(v.namespace).Delete(background(), "cm-001", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	// A live annotation that Git does not hold counts for nothing.
	v.patch("configmaps", "witness", `{"metadata":{"annotations":{"nopea.io/drift":"Ignore"}}}`)
	after := v.drift("shop", "two objects are drifted", func(d *v1alpha1.DriftStatus) bool { return d.Drifted == 2 })
	if edited := found(after.Status.Drift, "cm-000", v1alpha1.DriftStateDrifted); edited == nil || !slices.Equal(edited.Fields, []string{"data.key"}) || edited.Manager != "kubectl-edit" {
		t.Errorf("the status says of the edit: %+v", edited)
	}
	v.condition("shop", v1alpha1.ConditionDrifted, metav1.ConditionTrue, "LeftByPolicy")
	v.stays("witness", func() error {
		if v.configMap("cm-000").Data["key"] != "edited" || v.configMap("ignored").Data["key"] != "edited" {
			return fmt.Errorf("an edit was put back")
		}
		return nil
	})
	// A sync applies what changed in Git, and only that.
	githttp.Must(repo.Commit(map[string]string{"cm-002.yaml": configMapYAML("cm-002", "two")}))(t)
	if sync := v.succeeded("shop"); sync.Status.Counts.Configured != 1 || sync.Status.Counts.Created != 0 {
		t.Errorf("%+v", sync.Status.Counts)
	}
	v.gone("cm-001")
	// With another policy all is put back.
	v.respec("shop", func(s *v1alpha1.GitRepositorySpec) { s.DriftPolicy = v1alpha1.DriftPolicyEnforce })
	v.holds("cm-000", "one")
	v.holds("cm-001", "one")
	v.drift("shop", "nothing is drifted", func(d *v1alpha1.DriftStatus) bool { return d.Drifted == 0 })
}

// TestPause holds an object, and a whole GitRepository, against every trigger, and not longer than is allowed.
func TestPause(t *testing.T) {
	t.Parallel()
	v := newTenant(t)
	files := configMapFiles(2, "one")
	repo := v.repo("shop", files)
	v.declare("shop", repo.URL)
	v.ready("shop")
	until := func(d time.Duration) string { return time.Now().Add(d).UTC().Format(time.RFC3339) }
	pause := func(value string) string {
		return fmt.Sprintf(`{"metadata":{"annotations":{"nopea.io/pause-until":%s}},"data":{"key":"held"}}`, value)
	}
	v.patch("configmaps", "cm-000", pause(`"`+until(time.Hour)+`"`))
	v.drift("shop", "one object is paused", func(d *v1alpha1.DriftStatus) bool { return d.Paused == 1 })
	v.stays("cm-001", func() error {
		if v.configMap("cm-000").Data["key"] != "held" {
			return fmt.Errorf("a paused object was put back")
		}
		return nil
	})
	githttp.Must(repo.Commit(map[string]string{"cm-000.yaml": configMapYAML("cm-000", "two")}))(t)
	sync := v.succeeded("shop")
	if sync.Status.Counts.Paused != 1 || sync.Status.Counts.Configured != 0 {
		t.Errorf("%+v", sync.Status.Counts)
	}
	contains(t, sync.Status.Conditions[0].Message, "1 paused")
	// The pause ends: the object is brought to what Git has by then, and it is said.
	v.patch("configmaps", "cm-000", `{"metadata":{"annotations":{"nopea.io/pause-until":null}}}`)
	v.holds("cm-000", "two")
	v.event("DriftPauseEnded", "cm-000")
	v.drift("shop", "none is paused", func(d *v1alpha1.DriftStatus) bool { return d.Paused == 0 })
	// A short one ends by itself.
	v.patch("configmaps", "cm-000", pause(`"`+until(3*time.Second)+`"`))
	v.holds("cm-000", "two")
	// What is too long, or no time, is said and not honoured.
	v.patch("configmaps", "cm-001", pause(`"`+until(48*time.Hour)+`"`))
	v.holds("cm-001", "one")
	contains(t, v.event("PauseNotHonoured", "cm-001"), "24h")

	// The whole GitRepository.
	annotate := func(value string) {
		v.must(v.api.GitRepositories(v.namespace).Patch(background(), "shop", types.MergePatchType,
			[]byte(fmt.Sprintf(`{"metadata":{"annotations":{"nopea.io/pause-until":%s}}}`, value)), metav1.PatchOptions{}))
	}
	annotate(`"` + until(time.Hour) + `"`)
	v.drift("shop", "both are paused", func(d *v1alpha1.DriftStatus) bool { return d.Paused == 2 })
	githttp.Must(repo.Commit(map[string]string{"cm-001.yaml": configMapYAML("cm-001", "three"), "new.yaml": configMapYAML("new", "x")}))(t)
	if sync := v.succeeded("shop"); sync.Status.Counts.Paused != 2 || sync.Status.Counts.Created+sync.Status.Counts.Configured != 0 {
		t.Errorf("%+v", sync.Status.Counts)
	}
	annotate("null")
	v.holds("cm-001", "three")
	v.holds("new", "x")
}

// TestSuspendHoldsRepair: while a GitRepository is suspended nothing is put back; afterwards it is.
func TestSuspendHoldsRepair(t *testing.T) {
	t.Parallel()
	v := newTenant(t)
	repo := v.repo("shop", configMapFiles(1, "one"))
	other := v.repo("other", map[string]string{"witness.yaml": configMapYAML("witness", "one")})
	v.declare("shop", repo.URL)
	v.declare("other", other.URL)
	v.ready("other")
	v.ready("shop")
	v.respec("shop", func(s *v1alpha1.GitRepositorySpec) { s.Suspend = true })
	v.patch("configmaps", "witness", `{"data":{"key":"edited"}}`)
	v.holds("witness", "one")
	v.patch("configmaps", "cm-000", `{"data":{"key":"edited"}}`)
	v.stays("witness", func() error {
		if v.configMap("cm-000").Data["key"] != "edited" {
			return fmt.Errorf("an edit was put back although the GitRepository is suspended")
		}
		return nil
	})
	v.respec("shop", func(s *v1alpha1.GitRepositorySpec) { s.Suspend = false })
	v.holds("cm-000", "one")
}

// TestUnrecordedObject names an object that carries the marks and was not applied, and leaves it alone.
func TestUnrecordedObject(t *testing.T) {
	t.Parallel()
	v := newTenant(t)
	repo := v.repo("shop", map[string]string{"witness.yaml": configMapYAML("witness", "one")})
	v.declare("shop", repo.URL)
	v.ready("shop")
	copied := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "copied", Labels: v.configMap("witness").Labels}, Data: map[string]string{"key": "mine"}}
	v.must(v.kube.CoreV1().ConfigMaps(v.namespace).Create(background(), copied, metav1.CreateOptions{}))
	contains(t, v.event("NotInInventory", "copied"), "left alone", v.namespace+"/shop")
	v.stays("witness", func() error {
		if v.configMap("copied").Data["key"] != "mine" {
			return fmt.Errorf("it was written")
		}
		return nil
	})
}
