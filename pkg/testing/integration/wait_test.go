package integration

import (
	"context"
	"fmt"
	"testing"
	"time"

	apimeta "k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
	"nopea.io/nopea/pkg/testing/githttp"
)

func waiting(s *v1alpha1.GitRepositorySpec) { s.Wait = true }

// TestWait: a sync is over when its objects are healthy, fails when they are not, and becomes Ready once they are after all.
func TestWait(t *testing.T) {
	t.Parallel()
	v := newTenant(t)
	repo := v.repo("shop", map[string]string{"web.yaml": rolloutYAML("web", "broken")})
	v.declare("shop", repo.URL, waiting)
	repository := v.condition("shop", v1alpha1.ConditionReady, metav1.ConditionFalse, "HealthCheckFailed")
	contains(t, repository.Status.LastError.Message, "1 of 1 objects failed", "Deployment.apps "+v.namespace+"/web", "timed out progressing")
	if repository.Status.LastSync == nil || repository.Status.LastSync.Counts.Created != 1 {
		t.Fatalf("the last sync is %+v", repository.Status.LastSync)
	}
	v.kubelet()
	githttp.Must(repo.Commit(map[string]string{"web.yaml": rolloutYAML("web", "works")}))(t)
	sync := v.succeeded("shop")
	if sync.Status.Counts.Configured != 1 || !apimeta.IsStatusConditionTrue(v.ready("shop").Status.Conditions, v1alpha1.ConditionHealthy) {
		t.Fatalf("the Sync says %+v", sync.Status)
	}
	// Nothing of ConfigMaps can be waited for.
	other := v.repo("other", map[string]string{"app.yaml": configMapYAML("settings", "one")})
	v.declare("other", other.URL, waiting)
	v.ready("other")
	v.succeeded("other")

	githttp.Must(repo.Commit(map[string]string{"pod.yaml": podYAML("late")}))(t)
	v.respec("shop", func(s *v1alpha1.GitRepositorySpec) { s.Timeout = "2s" })
	repository = v.condition("shop", v1alpha1.ConditionReady, metav1.ConditionFalse, "HealthCheckFailed")
	contains(t, repository.Status.LastError.Message, "not healthy within spec.timeout (2s)", "Pod "+v.namespace+"/late")
	v.run("late")
	v.ready("shop") // told by an event, without another try
}

// waitsAt waits until a GitRepository waits for the health of what a commit holds.
func (v *tenant) waitsAt(name, commit string) {
	v.t.Helper()
	v.eventually(name+" waits at "+commit, func(context.Context) error {
		repository := v.get(name)
		ready := apimeta.FindStatusCondition(repository.Status.Conditions, v1alpha1.ConditionReady)
		if repository.Status.Attempted.Commit != commit || ready.Status != metav1.ConditionUnknown || ready.Reason != "Progressing" {
			return fmt.Errorf("it is %+v", repository.Status)
		}
		return nil
	})
}

// TestSupersede: a newer commit ends the wait of an older one at once. It runs alone, as it measures.
func TestSupersede(t *testing.T) {
	v := newTenant(t)
	repo := v.repo("shop", map[string]string{"app.yaml": configMapYAML("settings", "one")})
	v.declare("shop", repo.URL, waiting)
	v.ready("shop")
	best := time.Hour
	for i := range 5 {
		never := githttp.Must(repo.Commit(map[string]string{"pod.yaml": podYAML(fmt.Sprintf("never-%d", i))}))(t)
		old := v.post("shop")
		v.waitsAt("shop", never)
		if sync := githttp.Must(v.api.Syncs(v.namespace).Get(background(), old.Name, metav1.GetOptions{}))(t); sync.Status.Phase != v1alpha1.SyncPhaseRunning {
			t.Fatalf("while it waits the Sync is %s", sync.Status.Phase)
		}
		commit := githttp.Must(repo.Commit(map[string]string{"app.yaml": configMapYAML("settings", fmt.Sprint(i))}))(t)
		v.post("shop")
		stored := time.Now()
		ended := v.finished(old.Name)
		best = min(best, ended.Status.CompletionTime.Sub(stored))
		if ended.Status.Phase != v1alpha1.SyncPhaseFailed || ended.Status.Error.Code != "Superseded" {
			t.Fatalf("the older Sync is %+v", ended.Status)
		}
		contains(t, ended.Status.Error.Message, "main@"+commit[:7])
		v.eventually("the newer commit is live", func(context.Context) error {
			if value := v.configMap("settings").Data["key"]; value != fmt.Sprint(i) {
				return fmt.Errorf("it is %q", value)
			}
			return nil
		})
	}
	t.Logf("a waiting Sync was superseded within %s of the newer one being stored", best)
}

// dependent declares a GitRepository of a ConfigMap that depends on others.
func (v *tenant) dependent(name, url string, on ...string) {
	v.t.Helper()
	v.declare(name, url, func(s *v1alpha1.GitRepositorySpec) {
		for _, other := range on {
			s.DependsOn = append(s.DependsOn, v1alpha1.Dependency{Name: other})
		}
	})
}

// TestDependsOn: nothing is applied before what it depends on is Ready, and at once when that is; a cycle is named by all that are in it.
func TestDependsOn(t *testing.T) {
	t.Parallel()
	v := newTenant(t)
	app := v.repo("app", map[string]string{"app.yaml": configMapYAML("app", "one")})
	v.dependent("app", app.URL, "base")
	repository := v.condition("app", v1alpha1.ConditionReady, metav1.ConditionFalse, "DependencyNotReady")
	contains(t, repository.Status.LastError.Message, "GitRepository "+v.namespace+"/base does not exist")
	sync := v.post("app")
	base := v.repo("base", map[string]string{"pod.yaml": podYAML("first")})
	v.declare("base", base.URL, waiting)
	v.condition("base", v1alpha1.ConditionReady, metav1.ConditionUnknown, "Progressing")
	v.gone("app")
	if planned := v.succeeded("app", v1alpha1.SyncSpec{DryRun: true}); planned.Status.Counts.Created != 1 {
		t.Fatalf("a dry run plans %+v", planned.Status.Counts)
	}
	v.run("first")
	if ended := v.finished(sync.Name); ended.Status.Phase != v1alpha1.SyncPhaseSucceeded || ended.Status.Counts.Created != 1 {
		t.Fatalf("the Sync that waited is %+v", ended.Status)
	}
	v.ready("app")

	v.respec("base", func(s *v1alpha1.GitRepositorySpec) { s.DependsOn = []v1alpha1.Dependency{{Name: "app"}} })
	for _, name := range []string{"app", "base"} {
		repository := v.condition(name, v1alpha1.ConditionReady, metav1.ConditionFalse, "DependencyCycle")
		contains(t, repository.Status.LastError.Message, v.namespace+"/app", " → ", v.namespace+"/base")
	}
	// What is applied is kept meanwhile.
	v.must(v.kube.CoreV1().ConfigMaps(v.namespace).Patch(background(), "app", types.MergePatchType, []byte(`{"data":{"key":"other"}}`), metav1.PatchOptions{}))
	v.eventually("the edit is put back", func(context.Context) error {
		if value := v.configMap("app").Data["key"]; value != "one" {
			return fmt.Errorf("it is %q", value)
		}
		return nil
	})
	v.respec("base", func(s *v1alpha1.GitRepositorySpec) { s.DependsOn = nil })
	v.ready("base")
	v.ready("app")

	repository = v.get("app")
	repository.Spec.DependsOn = []v1alpha1.Dependency{{Name: "app"}}
	if _, err := v.api.GitRepositories(v.namespace).Update(background(), repository, metav1.UpdateOptions{}); err == nil {
		t.Fatal("a GitRepository may depend on itself")
	} else {
		contains(t, err.Error(), "spec.dependsOn[0]", "must not be the GitRepository itself")
	}
}

// TestWaves: a wave begins when those before it are healthy, and stops where one fails.
func TestWaves(t *testing.T) {
	t.Parallel()
	v := newTenant(t)
	wave := func(number string) string { return fmt.Sprintf("nopea.io/sync-wave: %q", number) }
	annotated := func(manifest, name, number string) string {
		return replaceAll(manifest, "name: "+name+"\n", "name: "+name+"\n  annotations: {"+wave(number)+"}\n")
	}
	repo := v.repo("shop", map[string]string{
		"early.yaml": annotated(configMapYAML("early", "one"), "early", "-1"),
		"web.yaml":   rolloutYAML("web", "broken", wave("0")),
		"late.yaml":  annotated(configMapYAML("late", "one"), "late", "5"),
	})
	v.declare("shop", repo.URL)
	repository := v.condition("shop", v1alpha1.ConditionReady, metav1.ConditionFalse, "HealthCheckFailed")
	contains(t, repository.Status.LastError.Message, "what comes before wave 5 is applied", "Deployment.apps "+v.namespace+"/web", "timed out progressing")
	if v.configMap("early"); repository.Status.Applied != nil {
		t.Fatalf("a commit counts as applied of which a wave is not: %+v", repository.Status.Applied)
	}
	v.gone("late")
	v.kubelet()
	githttp.Must(repo.Commit(map[string]string{"web.yaml": rolloutYAML("web", "works", wave("0"))}))(t)
	sync := v.succeeded("shop")
	if counts := sync.Status.Counts; counts.Configured != 1 || counts.Created != 1 || counts.Unchanged != 1 {
		t.Fatalf("the Sync counts %+v", counts)
	}
	v.configMap("late")
	if applied := v.ready("shop").Status.Applied; applied == nil || applied.Commit != sync.Status.Revision.Commit {
		t.Fatalf("applied is %+v", applied)
	}
	githttp.Must(repo.Commit(map[string]string{"late.yaml": annotated(configMapYAML("late", "two"), "late", "soon")}))(t)
	contains(t, v.failed("shop", "ManifestInvalid").Status.Error.Message, "late.yaml", "nopea.io/sync-wave must be a whole number")
}

// TestRolloutsOnNodes: on nodes, rollouts become healthy and fail as they do in any cluster, and a wait outlives the controller.
func TestRolloutsOnNodes(t *testing.T) {
	t.Parallel()
	v := newTenantOn(t, ownSandboxOf(t, 1))
	// One that asks for more than any node has finds no place.
	large := func(image string) string {
		return replaceAll(rolloutYAML("web", image), "image: "+image, "image: "+image+`, resources: {requests: {cpu: "4000"}}`)
	}
	repo := v.repo("shop", map[string]string{
		"web.yaml": rolloutYAML("web", "works"),
		"job.yaml": "apiVersion: batch/v1\nkind: Job\nmetadata: {name: once}\nspec: {template: {spec: {restartPolicy: Never, containers: [{name: main, image: works}]}}}\n",
	})
	v.declare("shop", repo.URL, waiting)
	if health := v.ready("shop").Status.Health; health.Healthy != 2 {
		t.Fatalf("status.health is %+v", health)
	}
	githttp.Must(repo.Commit(map[string]string{"web.yaml": large("broken")}))(t)
	contains(t, v.failed("shop", "HealthCheckFailed").Status.Error.Message, "timed out progressing")

	patient := githttp.Must(repo.Commit(map[string]string{"web.yaml": large("patient")}))(t)
	old := v.post("shop")
	v.waitsAt("shop", patient)
	read := func(ctx context.Context) *v1alpha1.Sync {
		return githttp.Must(v.api.Syncs(v.namespace).Get(ctx, old.Name, metav1.GetOptions{}))(t)
	}
	taken := read(background()).Status.StartTime
	v.git.TakeRequests()
	if err := v.on.Controller.Restart(background()); err != nil {
		t.Fatal(err)
	}
	v.eventually("the Sync is taken up again, and waits", func(ctx context.Context) error {
		if status := read(ctx).Status; status.Phase != v1alpha1.SyncPhaseRunning || !taken.Before(status.StartTime) {
			return fmt.Errorf("it is %+v", status)
		}
		return nil
	})
	v.pollsOf("shop.git", 1) // it has looked at the ref again
	githttp.Must(repo.Commit(map[string]string{"web.yaml": rolloutYAML("web", "again")}))(t)
	v.succeeded("shop")
	if ended := v.finished(old.Name); ended.Status.Error == nil || ended.Status.Error.Code != "Superseded" {
		t.Fatalf("the Sync from before the restart is %+v", ended.Status)
	}
}
