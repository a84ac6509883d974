package integration

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
	"nopea.io/nopea/pkg/testing/githttp"
)

// TestPushAndHook pushes and tells of it, again and again, with hints that are right, stale, unknown and about what is no commit: what was
// the newest commit at the last delivery ends up applied.
func TestPushAndHook(t *testing.T) {
	t.Parallel()
	v := newTenant(t)
	repo := v.repo("shop", map[string]string{"app.yaml": configMapYAML("settings", "start")})
	v.declare("shop", repo.URL)
	v.ready("shop")
	stale := githttp.Must(repo.Resolve("main"))(t)
	for i := range 24 {
		commit := githttp.Must(repo.Commit(map[string]string{"app.yaml": configMapYAML("settings", fmt.Sprint("push ", i))}))(t)
		v.hook("shop", []string{commit, stale, strings.Repeat("ab", 20), githttp.Must(repo.Resolve("main^{tree}"))(t)}[i%4])
		stale = commit
	}
	v.allApplied(stale)
	v.eventually("the newest push is live", func(context.Context) error {
		if value := v.configMap("settings").Data["key"]; value != "push 23" {
			return fmt.Errorf("it is %q", value)
		}
		return nil
	})
	v.hookedSyncs()
	if v.configMap("settings").Data["key"] != "push 23" || v.get("shop").Status.Applied.Commit != stale {
		t.Error("a late run went back")
	}
}

// TestBurstOfHooks has many deliveries come while a run goes on: they wait as one.
func TestBurstOfHooks(t *testing.T) {
	t.Parallel()
	v := newTenant(t)
	repo := v.repo("shop", map[string]string{"app.yaml": configMapYAML("settings", "one")})
	v.declare("shop", repo.URL)
	v.ready("shop")
	held, release := make(chan struct{}), make(chan struct{})
	var once sync.Once
	v.git.SetFault(func(request githttp.Request) (fault *githttp.Fault) {
		if request.Command == "ls-refs" {
			once.Do(func() {
				close(held)
				fault = &githttp.Fault{Hang: release}
			})
		}
		return fault
	})
	first := v.hook("shop", githttp.Must(repo.Commit(map[string]string{"app.yaml": configMapYAML("settings", "two")}))(t))
	<-held
	var commit string
	waiting := make(map[string]bool)
	for i := range 20 {
		commit = githttp.Must(repo.Commit(map[string]string{"app.yaml": configMapYAML("settings", fmt.Sprint("burst ", i))}))(t)
		waiting[v.hook("shop", commit).Name] = true
	}
	if len(waiting) != 1 || waiting[first.Name] {
		t.Errorf("20 deliveries became %v beside %s, which runs", waiting, first.Name)
	}
	list := githttp.Must(v.api.Syncs(v.namespace).List(background(), metav1.ListOptions{}))(t)
	phases := make(map[v1alpha1.SyncPhase]int)
	for _, sync := range list.Items {
		phases[sync.Status.Phase]++
		if waiting[sync.Name] && (sync.Spec.Push == nil || sync.Spec.Push.Commit != commit) {
			t.Errorf("the newest push did not win: %+v", sync.Spec)
		}
	}
	if phases[v1alpha1.SyncPhaseRunning] != 1 || phases[v1alpha1.SyncPhasePending] != 1 {
		t.Errorf("Syncs by phase: %v", phases)
	}
	close(release)
	v.allApplied(commit)
	v.hookedSyncs()
	if value := v.configMap("settings").Data["key"]; value != "burst 19" {
		t.Errorf("live is %q", value)
	}
}

// TestDeliveryAgain tells once more of a push that is applied: nothing is done, and no record is left.
func TestDeliveryAgain(t *testing.T) {
	t.Parallel()
	v := newTenant(t)
	repo := v.repo("shop", map[string]string{"app.yaml": configMapYAML("settings", "one")})
	v.declare("shop", repo.URL)
	v.ready("shop")
	commit := githttp.Must(repo.Commit(map[string]string{"app.yaml": configMapYAML("settings", "two")}))(t)
	v.finished(v.hook("shop", commit).Name)
	before := v.get("shop")
	v.hook("shop", commit)
	if hooked := v.hookedSyncs(); len(hooked) != 1 {
		t.Errorf("%d Syncs of webhooks are left", len(hooked))
	}
	if after := v.get("shop"); after.ResourceVersion != before.ResourceVersion {
		t.Errorf("the status was rewritten: %+v", after.Status)
	}
}
