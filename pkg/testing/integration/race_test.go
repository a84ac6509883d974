package integration

import (
	"context"
	"fmt"
	"sync"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
	"nopea.io/nopea/pkg/testing/githttp"
)

// TestPushWhileASyncIsTaken stops the controller between taking a Sync and reading the ref, pushes, and asks again: that request must
// not join the taken one, and the newer commit ends up applied.
func TestPushWhileASyncIsTaken(t *testing.T) {
	t.Parallel()
	v := newTenant(t)
	repo := v.repo("shop", map[string]string{"app.yaml": configMapYAML("settings", "one")})
	v.declare("shop", repo.URL)
	v.ready("shop")
	old := githttp.Must(repo.Commit(map[string]string{"app.yaml": configMapYAML("settings", "two")}))(t)

	// The remote answers the first look with what it was before the second push, however late.
	held, release := make(chan struct{}), make(chan struct{})
	var once sync.Once
	v.git.SetFault(func(request githttp.Request) *githttp.Fault {
		if request.Command != "ls-refs" {
			return nil
		}
		var fault *githttp.Fault
		once.Do(func() {
			close(held)
			fault = &githttp.Fault{Hang: release, Rewrite: func(answer []byte) []byte {
				newer := githttp.Must(repo.Resolve("main"))(t)
				return []byte(replaceAll(string(answer), newer, old))
			}}
		})
		return fault
	})
	first := v.post("shop")
	select {
	case <-held:
	case <-t.Context().Done():
		t.Fatal("the controller did not look at the ref")
	}
	if phase := githttp.Must(v.api.Syncs(v.namespace).Get(background(), first.Name, metav1.GetOptions{}))(t).Status.Phase; phase != v1alpha1.SyncPhaseRunning {
		t.Fatalf("the ref is read while its Sync is %s", phase)
	}
	newer := githttp.Must(repo.Commit(map[string]string{"app.yaml": configMapYAML("settings", "three")}))(t)
	second := v.post("shop")
	if second.Name == first.Name {
		t.Fatal("a request joined a Sync whose look at the ref had begun")
	}
	close(release)
	if done := v.finished(second.Name); done.Status.Revision.Commit != newer {
		t.Fatalf("the second Sync applied %+v, want %s", done.Status.Revision, newer)
	}
	if v.configMap("settings").Data["key"] != "three" {
		t.Fatal("the newest commit is not live")
	}
}

// TestRequestWhileAPollGoesOn pushes and asks while the controller fetches an older push that it found by itself: the request is a Sync of
// its own, whose look comes after it, and both are told.
func TestRequestWhileAPollGoesOn(t *testing.T) {
	t.Parallel()
	v := newTenant(t)
	repo := v.repo("shop", map[string]string{"app.yaml": configMapYAML("settings", "one")})
	v.declare("shop", repo.URL, func(s *v1alpha1.GitRepositorySpec) { s.Interval = "1s" })
	v.ready("shop")
	held, release := make(chan struct{}), make(chan struct{})
	var once sync.Once
	v.git.SetFault(func(request githttp.Request) *githttp.Fault {
		if request.Command != "fetch" {
			return nil
		}
		var fault *githttp.Fault
		once.Do(func() {
			close(held)
			fault = &githttp.Fault{Hang: release}
		})
		return fault
	})
	older := githttp.Must(repo.Commit(map[string]string{"app.yaml": configMapYAML("settings", "two")}))(t)
	select {
	case <-held:
	case <-t.Context().Done():
		t.Fatal("the controller did not fetch")
	}
	newer := githttp.Must(repo.Commit(map[string]string{"app.yaml": configMapYAML("settings", "three")}))(t)
	asked := v.post("shop")
	close(release)
	if done := v.finished(asked.Name); done.Status.Revision == nil || done.Status.Revision.Commit != newer || done.Status.Counts.Configured != 1 {
		t.Fatalf("the request ended with %+v, want %s", done.Status, newer)
	}
	var polls []v1alpha1.Sync
	for _, sync := range githttp.Must(v.api.Syncs(v.namespace).List(background(), metav1.ListOptions{}))(t).Items {
		if sync.Spec.Trigger == v1alpha1.SyncTriggerPoll {
			polls = append(polls, sync)
		}
	}
	if len(polls) != 1 || polls[0].Status.Phase != v1alpha1.SyncPhaseSucceeded || polls[0].Status.Revision.Commit != older {
		t.Errorf("the polls are told as %+v, want one that applied %s", polls, older)
	}
	if len(polls) == 1 && (len(polls[0].Spec.RequestedBy) != 1 || polls[0].Status.StartTime.After(polls[0].Status.CompletionTime.Time)) {
		t.Errorf("unexpected Sync %+v", polls[0])
	}
}

// TestRequestsTogether posts many Syncs at once: they end in few runs, none is lost, and all name the newest commit.
func TestRequestsTogether(t *testing.T) {
	t.Parallel()
	v := newTenant(t)
	repo := v.repo("shop", map[string]string{"app.yaml": configMapYAML("settings", "one")})
	v.declare("shop", repo.URL, func(s *v1alpha1.GitRepositorySpec) { s.HistoryLimit = new(int32(100)) })
	v.ready("shop")
	commit := githttp.Must(repo.Commit(map[string]string{"app.yaml": configMapYAML("settings", "two")}))(t)
	names := make(chan string, 100)
	var posts sync.WaitGroup
	for range cap(names) {
		posts.Go(func() { names <- v.post("shop").Name })
	}
	posts.Wait()
	close(names)
	distinct := make(map[string]bool)
	for name := range names {
		distinct[name] = true
	}
	for name := range distinct {
		if done := v.finished(name); done.Status.Revision == nil || done.Status.Revision.Commit != commit {
			t.Errorf("Sync %s ended with %+v", name, done.Status)
		}
	}
	if len(distinct) > 50 {
		t.Errorf("100 requests became %d Syncs", len(distinct))
	}
	t.Logf("100 requests became %d Syncs", len(distinct))
}

// TestHistory keeps historyLimit finished Syncs.
func TestHistory(t *testing.T) {
	t.Parallel()
	v := newTenant(t)
	repo := v.repo("shop", map[string]string{"app.yaml": configMapYAML("settings", "one")})
	v.declare("shop", repo.URL, func(s *v1alpha1.GitRepositorySpec) { s.HistoryLimit = new(int32(2)) })
	v.ready("shop")
	var last string
	for range 5 {
		last = v.succeeded("shop").Name
	}
	v.eventually("two Syncs are left, the newest among them", func(ctx context.Context) error {
		list, err := v.api.Syncs(v.namespace).List(ctx, metav1.ListOptions{FieldSelector: "spec.repository=shop"})
		if err != nil {
			return err
		}
		for _, sync := range list.Items {
			if sync.Name == last && len(list.Items) == 2 {
				return nil
			}
		}
		return fmt.Errorf("%d are there", len(list.Items))
	})
}

// TestKilledController leaves a Sync Running: it runs again under its own name.
func TestKilledController(t *testing.T) {
	own := ownSandbox(t)
	v := newTenantOn(t, own)
	repo := v.repo("shop", map[string]string{"app.yaml": configMapYAML("settings", "one")})
	v.declare("shop", repo.URL)
	v.ready("shop")
	githttp.Must(repo.Commit(map[string]string{"app.yaml": configMapYAML("settings", "two")}))(t)
	held, release := make(chan struct{}), make(chan struct{})
	var once sync.Once
	v.git.SetFault(func(request githttp.Request) *githttp.Fault {
		if request.Command != "fetch" {
			return nil
		}
		once.Do(func() { close(held) })
		return &githttp.Fault{Hang: release}
	})
	taken := v.post("shop")
	<-held
	if err := own.Controller.Kill(); err != nil {
		t.Fatal(err)
	}
	v.git.SetFault(nil)
	close(release)
	if err := own.Controller.Start(background()); err != nil {
		t.Fatal(err)
	}
	if done := v.finished(taken.Name); done.Status.Phase != v1alpha1.SyncPhaseSucceeded || done.Status.Counts.Configured != 1 {
		t.Fatalf("it ended with %+v", done.Status)
	}
	list := githttp.Must(v.api.Syncs(v.namespace).List(background(), metav1.ListOptions{}))(t)
	if len(list.Items) != 2 { // the first sync's, and this one
		t.Errorf("there are %d Syncs", len(list.Items))
	}

	// A restart with nothing changed writes nothing.
	before := v.get("shop")
	mark := githttp.Must(own.Cluster.AuditLog().Mark())(t)
	if err := own.Controller.Restart(background()); err != nil {
		t.Fatal(err)
	}
	v.git.TakeRequests()
	v.declare("other", repo.URL, func(s *v1alpha1.GitRepositorySpec) { s.Path = "app.yaml"; s.TargetNamespace = v.namespace })
	v.condition("other", v1alpha1.ConditionReady, metav1.ConditionFalse, "Refused")
	if after := v.get("shop"); after.ResourceVersion != before.ResourceVersion {
		t.Errorf("the restart rewrote the status: %+v", after.Status)
	}
	for _, event := range v.tenantRequests(mark) {
		if event.Verb != "list" && event.Verb != "get" {
			t.Errorf("the restart sent: %s", event)
		}
	}
}
