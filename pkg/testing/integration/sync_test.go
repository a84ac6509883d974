package integration

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
	"nopea.io/nopea/pkg/testing/githttp"
)

func TestFirstSyncAndPush(t *testing.T) {
	t.Parallel()
	v := newTenant(t)
	repo := v.repo("shop", map[string]string{"app.yaml": configMapYAML("settings", "one"), "README.md": "not a manifest"})
	v.declare("shop", repo.URL)
	repository := v.ready("shop")
	if got := v.configMap("settings"); got.Data["key"] != "one" || got.Annotations[v1alpha1.AnnotationOrigin] != "app.yaml" {
		t.Fatalf("the object is %v", got)
	}
	if repository.Status.Resources.Desired != 1 || repository.Status.Resources.Applied != 1 || repository.Status.Applied.Name != "main" {
		t.Fatalf("status %+v", repository.Status)
	}
	commit := githttp.Must(repo.Commit(map[string]string{"app.yaml": configMapYAML("settings", "two"), "more.yaml": configMapYAML("more", "x")}))(t)
	sync := v.succeeded("shop")
	if v.configMap("settings").Data["key"] != "two" {
		t.Fatal("the push is not live")
	}
	if sync.Status.Revision.Commit != commit || sync.Status.Counts.Created != 1 || sync.Status.Counts.Configured != 1 || len(sync.Status.Changes) != 2 {
		t.Fatalf("the Sync says %+v", sync.Status)
	}
	repository = v.ready("shop")
	if repository.Status.Applied.Commit != commit || repository.Status.LastSync.Name != sync.Name {
		t.Fatalf("status %+v", repository.Status)
	}
}

// TestDryRun plans and writes nothing.
func TestDryRun(t *testing.T) {
	t.Parallel()
	v := newTenant(t)
	repo := v.repo("shop", map[string]string{"app.yaml": configMapYAML("settings", "one"), "old.yaml": configMapYAML("old", "x")})
	v.declare("shop", repo.URL)
	before := v.ready("shop")
	githttp.Must(repo.Commit(map[string]string{"app.yaml": configMapYAML("settings", "two"), "new.yaml": configMapYAML("new", "x")}))(t)
	githttp.Must(repo.Delete("old.yaml"))(t)
	sync := v.succeeded("shop", v1alpha1.SyncSpec{DryRun: true})
	if counts := sync.Status.Counts; counts.Created != 1 || counts.Configured != 1 || counts.Pruned != 1 {
		t.Fatalf("the plan is %+v", counts)
	}
	if v.configMap("settings").Data["key"] != "one" {
		t.Fatal("a dry run wrote")
	}
	v.configMap("old")
	v.gone("new")
	if after := v.get("shop"); after.ResourceVersion != before.ResourceVersion {
		t.Fatalf("a dry run changed the GitRepository's status: %+v", after.Status)
	}
}

// TestSuspend stops what NOPEA does by itself, and not what is asked for by hand.
func TestSuspend(t *testing.T) {
	t.Parallel()
	v := newTenant(t)
	repo := v.repo("shop", map[string]string{"app.yaml": configMapYAML("settings", "one")})
	v.declare("shop", repo.URL, func(s *v1alpha1.GitRepositorySpec) { s.Suspend, s.Interval = true, "1s" })
	v.succeeded("shop")
	githttp.Must(repo.Commit(map[string]string{"app.yaml": configMapYAML("settings", "two")}))(t)
	v.git.TakeRequests()
	// Another repository's polls show that polls would have come.
	other := v.repo("other", map[string]string{"app.yaml": configMapYAML("other", "one")})
	v.declare("other", other.URL, func(s *v1alpha1.GitRepositorySpec) { s.Interval = "1s" })
	v.ready("other")
	v.pollsOf("other.git", 3)
	if v.configMap("settings").Data["key"] != "one" {
		t.Fatal("a suspended GitRepository was synced")
	}
	repository := v.get("shop")
	repository.Spec.Suspend = false
	v.must(v.api.GitRepositories(v.namespace).Update(background(), repository, metav1.UpdateOptions{}))
	v.ready("shop")
	if v.configMap("settings").Data["key"] != "two" {
		t.Fatal("it was not synced when it was resumed")
	}
}
