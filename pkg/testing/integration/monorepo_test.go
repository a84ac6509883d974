package integration

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	apimeta "k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
	"nopea.io/nopea/pkg/testing/githttp"
	"nopea.io/nopea/pkg/testing/localcluster"
	"nopea.io/nopea/pkg/testing/sandbox"
)

// hook asks for a sync as the API server does for a delivery of a webhook.
func (v *tenant) hook(name, commit string) *v1alpha1.Sync {
	v.t.Helper()
	return v.post(name, v1alpha1.SyncSpec{Trigger: v1alpha1.SyncTriggerWebhook,
		Push: &v1alpha1.Push{Ref: "refs/heads/main", Commit: commit, Delivery: "d-" + commit[:7]}})
}

// monorepo declares n GitRepositories of one Git repository, a folder each, and waits until all are Ready.
func (v *tenant) monorepo(n int) (repo *githttp.Repo, names []string) {
	v.t.Helper()
	files := make(map[string]string, n)
	for i := range n {
		names = append(names, fmt.Sprintf("app-%03d", i))
		files["apps/"+names[i]+"/settings.yaml"] = configMapYAML(names[i], "one")
	}
	repo = v.repo("mono", files)
	for _, name := range names {
		v.declare(name, repo.URL, func(s *v1alpha1.GitRepositorySpec) { s.Path = "apps/" + name })
	}
	for _, name := range names {
		v.ready(name)
	}
	return repo, names
}

// flicker watches GitRepositories and tells of every moment at which one was not Ready, and how often each was written.
func (v *tenant) flicker() (stop func() (faults []string, writes int)) {
	v.t.Helper()
	list := githttp.Must(v.api.GitRepositories(v.namespace).List(background(), metav1.ListOptions{}))(v.t)
	watcher := githttp.Must(v.api.GitRepositories(v.namespace).Watch(background(), metav1.ListOptions{ResourceVersion: list.ResourceVersion}))(v.t)
	var (
		faults []string
		writes int
		over   = make(chan struct{})
	)
	go func() {
		defer close(over)
		for event := range watcher.ResultChan() {
			repository, ok := event.Object.(*v1alpha1.GitRepository)
			if !ok || event.Type != watch.Modified {
				continue
			}
			writes++
			if !apimeta.IsStatusConditionTrue(repository.Status.Conditions, v1alpha1.ConditionReady) ||
				apimeta.IsStatusConditionTrue(repository.Status.Conditions, v1alpha1.ConditionReconciling) {
				faults = append(faults, fmt.Sprintf("%s: %+v", repository.Name, repository.Status.Conditions))
			}
		}
	}()
	return func() ([]string, int) {
		watcher.Stop()
		<-over
		return faults, writes
	}
}

// allApplied waits until every GitRepository says that a commit is applied.
func (v *tenant) allApplied(commit string) {
	v.t.Helper()
	v.eventually("all at "+commit, func(ctx context.Context) error {
		list, err := v.api.GitRepositories(v.namespace).List(ctx, metav1.ListOptions{})
		if err != nil {
			return err
		}
		behind := 0
		for _, repository := range list.Items {
			if repository.Status.Applied == nil || repository.Status.Applied.Commit != commit {
				behind++
			}
		}
		if behind > 0 {
			return fmt.Errorf("%d are behind", behind)
		}
		return nil
	})
}

// hookedSyncs waits until no Sync is open, and lists those of webhooks.
func (v *tenant) hookedSyncs() []v1alpha1.Sync {
	v.t.Helper()
	var hooked []v1alpha1.Sync
	v.eventually("all Syncs have ended", func(ctx context.Context) error {
		list, err := v.api.Syncs(v.namespace).List(ctx, metav1.ListOptions{})
		if err != nil {
			return err
		}
		hooked = nil
		for _, sync := range list.Items {
			if !apimeta.IsStatusConditionTrue(sync.Status.Conditions, v1alpha1.ConditionFinished) {
				return fmt.Errorf("%s is %s", sync.Name, sync.Status.Phase)
			}
			if sync.Spec.Trigger == v1alpha1.SyncTriggerWebhook {
				hooked = append(hooked, sync)
			}
		}
		return nil
	})
	return hooked
}

func (v *tenant) counter(name string) float64 {
	v.t.Helper()
	return githttp.Must(v.on.Counter(background(), name))(v.t)
}

// monorepoSize is how many GitRepositories TestMonorepo has; NOPEA_MONOREPO_SIZE says another number.
func monorepoSize(t *testing.T) int {
	t.Helper()
	if text := os.Getenv("NOPEA_MONOREPO_SIZE"); text != "" {
		return githttp.Must(strconv.Atoi(text))(t)
	}
	return 60
}

// TestMonorepo pushes to one folder of a Git repository of many GitRepositories, all of which are told: one fetch, one render, one apply,
// one record. It does not run beside others, because it counts what the controller does.
func TestMonorepo(t *testing.T) {
	v := newTenant(t)
	repo, names := v.monorepo(monorepoSize(t))
	changed := names[17]
	commit := githttp.Must(repo.Commit(map[string]string{"apps/" + changed + "/settings.yaml": configMapYAML(changed, "two")}))(t)
	v.git.TakeRequests()
	renders := v.counter("nopea_renders_total")
	mark := githttp.Must(v.on.Cluster.AuditLog().Mark())(t)
	stop := v.flicker()
	began := time.Now()
	var hooks sync.WaitGroup
	for _, name := range names {
		hooks.Go(func() { v.hook(name, commit) })
	}
	v.eventually("the change is live", func(context.Context) error {
		if value := v.configMap(changed).Data["key"]; value != "two" {
			return fmt.Errorf("it is %q", value)
		}
		return nil
	})
	live := time.Since(began)
	hooks.Wait()
	v.allApplied(commit)
	took := time.Since(began)
	hooked := v.hookedSyncs()
	faults, writes := stop()

	for _, fault := range faults {
		t.Errorf("not Ready for a moment: %s", fault)
	}
	if writes > len(names)+1 {
		t.Errorf("%d writes of the status of %d GitRepositories", writes, len(names))
	}
	if len(hooked) != 1 || hooked[0].Spec.Repository != changed || hooked[0].Status.Counts.Configured != 1 {
		t.Errorf("the Syncs that are left: %+v", hooked)
	}
	if n := v.counter("nopea_renders_total") - renders; n != 1 {
		t.Errorf("%v renders", n)
	}
	git := make(map[string]int)
	for _, request := range v.git.TakeRequests() {
		git[request.Command]++
	}
	if git["fetch"] != 1 || git["advertisement"] != 0 || git["ls-refs"] >= len(names) {
		t.Errorf("requests to Git: %v", git)
	}
	requests := v.tenantRequests(mark)
	if len(requests) != 1 || requests[0].Verb != "patch" || requests[0].Name != changed {
		t.Errorf("requests about workloads: %v", requests)
	}
	own := make(map[string]int)
	byController := localcluster.Match{User: sandbox.ControllerUser, Namespace: v.namespace}
	for _, event := range githttp.Must(v.on.Cluster.AuditLog().Since(mark, byController))(t) {
		if event.ImpersonatedUser == "" {
			own[event.Verb+" "+event.Resource]++
		}
	}
	t.Logf("%d GitRepositories: the change is live after %v, all are told after %v; requests to Git %v; requests of the controller's own %v", len(names), live, took, git, own)

	// What was only moved on is kept as before.
	other := v.configMap(names[3])
	other.Data["key"] = "edited"
	v.must(v.kube.CoreV1().ConfigMaps(v.namespace).Update(background(), other, metav1.UpdateOptions{}))
	v.eventually("the edit is put back", func(context.Context) error {
		if value := v.configMap(names[3]).Data["key"]; value != "one" {
			return fmt.Errorf("it is %q", value)
		}
		return nil
	})
	next := githttp.Must(repo.Commit(map[string]string{"apps/" + names[3] + "/settings.yaml": configMapYAML(names[3], "three")}))(t)
	v.hook(names[3], next)
	v.eventually("a later change is applied", func(context.Context) error {
		if value := v.configMap(names[3]).Data["key"]; value != "three" {
			return fmt.Errorf("it is %q", value)
		}
		return nil
	})
}

// TestPollOfAMonorepo finds by itself a push that changes another folder: the revision moves on, by one write, and no Sync is stored.
func TestPollOfAMonorepo(t *testing.T) {
	v := newTenant(t)
	repo := v.repo("mono", map[string]string{"a/x.yaml": configMapYAML("a", "one"), "b/x.yaml": configMapYAML("b", "one")})
	v.declare("a", repo.URL, func(s *v1alpha1.GitRepositorySpec) { s.Path, s.Interval = "a", "1s" })
	before := v.ready("a")
	v.git.TakeRequests()
	v.pollsOf("mono.git", 1)
	renders := v.counter("nopea_renders_total")
	stop := v.flicker()
	commit := githttp.Must(repo.Commit(map[string]string{"b/x.yaml": configMapYAML("b", "two")}))(t)
	v.allApplied(commit)
	v.pollsOf("mono.git", 2)
	if faults, writes := stop(); len(faults) > 0 || writes != 1 {
		t.Errorf("%d writes, and %v", writes, faults)
	}
	after := v.get("a")
	if after.Status.ObservedGeneration != before.Status.ObservedGeneration || after.Status.LastSync.Name != before.Status.LastSync.Name ||
		!slices.Equal(after.Status.Conditions, before.Status.Conditions) {
		t.Errorf("the status was %+v, and is %+v", before.Status, after.Status)
	}
	if n := v.counter("nopea_renders_total") - renders; n != 0 {
		t.Errorf("%v renders", n)
	}
	if list := githttp.Must(v.api.Syncs(v.namespace).List(background(), metav1.ListOptions{}))(t); len(list.Items) != 1 {
		t.Errorf("there are %d Syncs, want that of the start", len(list.Items))
	}

	// Whoever asks by hand is answered.
	next := githttp.Must(repo.Commit(map[string]string{"b/x.yaml": configMapYAML("b", "three")}))(t)
	sync := v.succeeded("a")
	if sync.Status.Revision.Commit != next || sync.Status.Counts.Unchanged != 1 {
		t.Errorf("the Sync by hand says %+v", sync.Status)
	}
	if v.get("a").Status.Applied.Commit != next {
		t.Error("the revision did not move on")
	}
}
