package integration

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
	"nopea.io/nopea/pkg/testing/githttp"
	"nopea.io/nopea/pkg/testing/localcluster"
	"nopea.io/nopea/pkg/testing/realworld"
)

// TestRealManifests syncs guestbook and the whole of kube-prometheus, as it is and through a kustomization, and counts requests. The latter
// holds an APIService with nothing behind it, which by itself blocks namespace deletion, so the cluster is the test's own.
func TestRealManifests(t *testing.T) {
	guestbook, prometheus := realworld.Read(t, "guestbook"), realworld.Read(t, "kube-prometheus/manifests")
	v := newTenantOn(t, ownSandbox(t))
	v.bind("", "cluster-admin")
	v.declare("guestbook", v.repo("guestbook", guestbook).URL)
	if ready := v.ready("guestbook"); ready.Status.Resources.Applied != 6 {
		t.Fatalf("guestbook: %+v", ready.Status.Resources)
	}
	repo := v.repo("kube-prometheus", prometheus)
	v.declare("kube-prometheus", repo.URL, func(s *v1alpha1.GitRepositorySpec) { s.Suspend = true })
	v.planned("kube-prometheus, nothing of it there", "kube-prometheus", "main", func(c *v1alpha1.SyncCounts) int32 { return c.Created })
	v.respec("kube-prometheus", func(s *v1alpha1.GitRepositorySpec) { s.Suspend = false })
	ready := v.ready("kube-prometheus")
	if got := ready.Status.Resources; got.Desired < 130 || got.Applied != got.Desired {
		t.Fatalf("kube-prometheus: %+v", got)
	}
	t.Logf("kube-prometheus: %d objects, first sync in %s", ready.Status.Resources.Desired,
		ready.Status.LastSync.CompletionTime.Sub(ready.Status.LastSync.StartTime.Time))

	mark := githttp.Must(v.on.Cluster.AuditLog().Mark())(t)
	again := v.succeeded("kube-prometheus")
	if again.Status.Counts.Unchanged != ready.Status.Resources.Desired {
		t.Errorf("the second sync says %+v", again.Status.Counts)
	}
	lists := 0
	for _, event := range v.tenantRequests(mark) {
		if event.Verb == "list" && strings.Contains(event.RequestURI, "labelSelector=") {
			lists++
			continue
		}
		if readsHealth(event) {
			continue
		}
		t.Errorf("a second sync of the same commit sent: %s", event)
	}
	t.Logf("a second sync of the same commit sent %d metadata lists", lists)

	relabelled := make(map[string]string, len(prometheus))
	for name, text := range prometheus {
		relabelled[name] = strings.ReplaceAll(text, "app.kubernetes.io/version: ", "app.kubernetes.io/version: x-")
	}
	v.must(nil, repo.SetRef("refs/heads/relabel", githttp.Must(repo.Resolve("main"))(t)))
	githttp.Must(repo.CommitTo("relabel", "Another label", relabelled))(t)
	v.planned("kube-prometheus, another label on most objects", "kube-prometheus", "relabel", func(c *v1alpha1.SyncCounts) int32 { return c.Configured })
	v.planned("kube-prometheus, as it is", "kube-prometheus", "main", func(c *v1alpha1.SyncCounts) int32 { return c.Unchanged })

	changed := "grafana-dashboardSources.yaml"
	prometheus[changed] = strings.Replace(prometheus[changed], "\"orgId\": 1", "\"orgId\": 2", 1)
	githttp.Must(repo.Commit(map[string]string{changed: prometheus[changed]}))(t)
	mark = githttp.Must(v.on.Cluster.AuditLog().Mark())(t)
	push := v.succeeded("kube-prometheus")
	if push.Status.Counts.Configured != 1 {
		t.Fatalf("one changed ConfigMap: %+v", push.Status)
	}
	var writes []localcluster.Event
	for _, event := range v.tenantRequests(mark) {
		if event.Verb != "list" && !readsHealth(event) {
			writes = append(writes, event)
		}
	}
	if len(writes) != 1 || writes[0].Resource != "configmaps" || writes[0].Verb != "patch" && writes[0].Verb != "apply" {
		t.Errorf("one changed ConfigMap beside %d objects sent: %v", ready.Status.Resources.Desired-1, writes)
	}
	t.Logf("one changed ConfigMap: %s", push.Status.CompletionTime.Sub(push.Status.StartTime.Time))

	v.respec("kube-prometheus", func(s *v1alpha1.GitRepositorySpec) { s.Suspend = true })
	overlay := v.repo("kube-prometheus-overlay", realworld.Overlay(prometheus))
	v.respec("kube-prometheus", func(s *v1alpha1.GitRepositorySpec) { s.URL, s.Path = overlay.URL, realworld.OverlayPath })
	planned := v.succeeded("kube-prometheus", v1alpha1.SyncSpec{DryRun: true})
	if counts := planned.Status.Counts; counts.Configured != 2 || counts.Unchanged != ready.Status.Resources.Desired-2 {
		t.Errorf("the plan of a kustomization that patches two objects: %+v", counts)
	}
	// All are applied nonetheless: each says in an annotation from which file it is, and the files have moved.
	built := v.succeeded("kube-prometheus")
	if counts := built.Status.Counts; counts.Configured != ready.Status.Resources.Desired {
		t.Errorf("a kustomization: %+v", counts)
	}
	grafana := githttp.Must(v.kube.AppsV1().Deployments("monitoring").Get(background(), "grafana", metav1.GetOptions{}))(t)
	if *grafana.Spec.Replicas != 2 {
		t.Errorf("the patched Deployment has %d replicas", *grafana.Spec.Replicas)
	}
	t.Logf("kube-prometheus through a kustomization: %s", built.Status.CompletionTime.Sub(built.Status.StartTime.Time))
}

// planned plans a branch, which has to do the same to most objects, and tells how long that takes and how large the plan is.
func (v *tenant) planned(what, name, branch string, most func(*v1alpha1.SyncCounts) int32) {
	v.t.Helper()
	sync := v.succeeded(name, v1alpha1.SyncSpec{DryRun: true, Revision: "refs/heads/" + branch})
	plan := githttp.Must(v.api.Syncs(v.namespace).GetPlan(background(), sync.Name, metav1.GetOptions{}))(v.t)
	if most(sync.Status.Counts) < 100 || len(plan.Objects) < 130 || plan.Truncated {
		v.t.Errorf("%s: %+v, %d objects", what, sync.Status.Counts, len(plan.Objects))
	}
	v.t.Logf("plan of %s: %s, %d bytes: %+v", what, sync.Status.CompletionTime.Sub(sync.Status.StartTime.Time), len(githttp.Must(json.Marshal(plan))(v.t)), *sync.Status.Counts)
}

// readsHealth tells whether a request reads how an object fares that is still coming up, as an event told. A sync has no part in that.
func readsHealth(event localcluster.Event) bool {
	return event.Verb == "get" && slices.Contains([]string{"apps", "apiregistration.k8s.io", "apiextensions.k8s.io"}, event.Group)
}

// TestLargeInventory records many objects: one change among them rewrites one shard.
func TestLargeInventory(t *testing.T) {
	t.Parallel()
	v := newTenant(t)
	for _, size := range []int{1000, 5000} {
		name := fmt.Sprintf("many-%d", size)
		var all strings.Builder
		files := make(map[string]string)
		for i := range size {
			fmt.Fprintf(&all, "---\n%s", configMapYAML(fmt.Sprintf("%s-%d", name, i), "x"))
			if i%500 == 499 {
				files[fmt.Sprintf("part-%03d.yaml", i/500)] = all.String()
				all.Reset()
			}
		}
		files["one.yaml"] = configMapYAML(name+"-one", "one")
		repo := v.repo(name, files)
		v.declare(name, repo.URL)
		v.ready(name)
		before := v.inventories(name)
		if want := size/v1alpha1.MaxInventoryEntries + 1; len(before) != want {
			t.Fatalf("%d objects are recorded in %d shards, want %d", size, len(before), want)
		}
		githttp.Must(repo.Commit(map[string]string{"one.yaml": configMapYAML(name+"-one", "two")}))(t)
		sync := v.succeeded(name)
		if sync.Status.Counts.Configured != 1 || int(sync.Status.Counts.Unchanged) != size {
			t.Fatalf("one change: %+v", sync.Status.Counts)
		}
		rewritten := 0
		for shard, version := range v.inventories(name) {
			if before[shard] != version {
				rewritten++
			}
		}
		if rewritten != 1 {
			t.Errorf("one change among %d objects rewrote %d shards", size, rewritten)
		}
		t.Logf("one change among %d objects: %s", size, sync.Status.CompletionTime.Sub(sync.Status.StartTime.Time))
	}
}

// inventories are the shards of a GitRepository and their resource versions.
func (v *tenant) inventories(name string) map[string]string {
	v.t.Helper()
	list := githttp.Must(v.api.Inventories(v.namespace).List(context.Background(), metav1.ListOptions{FieldSelector: "spec.repository=" + name}))(v.t)
	versions := make(map[string]string)
	for _, shard := range list.Items {
		versions[shard.Name] = shard.ResourceVersion
	}
	return versions
}
