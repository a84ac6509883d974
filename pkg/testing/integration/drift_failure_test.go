package integration

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
	"nopea.io/nopea/pkg/testing/githttp"
)

// sink takes CloudEvents.
type sink struct {
	*httptest.Server
	mu     sync.Mutex
	bodies map[string][]string // by type
}

func newSink(t *testing.T) *sink {
	t.Helper()
	s := &sink{bodies: map[string][]string{}}
	s.Server = httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || !json.Valid(body) {
			t.Errorf("an event's body: %s, %v", body, err)
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		kind := r.Header.Get("ce-type")
		s.bodies[kind] = append(s.bodies[kind], string(body))
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *sink) of(kind string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.bodies[kind])
}

// receives waits for an event whose body holds all of the words.
func (v *tenant) receives(s *sink, kind string, words ...string) {
	v.t.Helper()
	v.eventually("an event "+kind, func(context.Context) error {
		for _, body := range s.of(kind) {
			if !slices.ContainsFunc(words, func(word string) bool { return !strings.Contains(body, word) }) {
				return nil
			}
		}
		return fmt.Errorf("there are %v", s.of(kind))
	})
}

// TestDriftThatCannotBeFixed says so: by the condition Drifted, an Event and CDEvents, while polling goes on; and it ends when it can be.
func TestDriftThatCannotBeFixed(t *testing.T) {
	t.Parallel()
	v := newTenant(t)
	sink := newSink(t)
	repo := v.repo("shop", configMapFiles(2, "one"))
	v.declare("shop", repo.URL, func(s *v1alpha1.GitRepositorySpec) {
		s.Interval, s.Events = "1s", &v1alpha1.EventsSpec{Sink: sink.URL + "/hook"}
	})
	v.ready("shop")
	v.receives(sink, "dev.cdevents.service.deployed.0.3.0", v.namespace+"/shop")
	v.receives(sink, "dev.cdeventsx.nopea-sync.started.0.1.0", `"trigger":"Startup"`)
	v.receives(sink, "dev.cdeventsx.nopea-sync.finished.0.1.0", `"outcome":"success"`)
	v.patch("configmaps", "cm-001", `{"data":{"key":"edited"}}`)
	v.holds("cm-001", "one")
	v.receives(sink, "dev.cdeventsx.nopea-drift.corrected.0.1.0", "cm-001")

	binding := v.namespace + "-admin"
	if err := v.kube.RbacV1().RoleBindings(v.namespace).Delete(background(), binding, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	v.patch("configmaps", "cm-000", `{"data":{"key":"edited"}}`)
	after := v.condition("shop", v1alpha1.ConditionDrifted, metav1.ConditionTrue, "RepairFailed")
	if failed := found(after.Status.Drift, "cm-000", v1alpha1.DriftStateFailed); failed == nil || !strings.Contains(failed.Message, "forbidden") {
		t.Errorf("the status says: %+v", after.Status.Drift)
	}
	v.event("DriftRepairFailed", "cm-000")
	v.receives(sink, "dev.cdeventsx.nopea-deployment.failed.0.1.0", "cm-000", "forbidden")
	v.receives(sink, "dev.cdevents.incident.detected.0.3.0", v.namespace+"/shop")
	v.git.TakeRequests()
	v.pollsOf("shop.git", 2)

	v.bind(v.namespace, "admin")
	v.holds("cm-000", "one")
	v.condition("shop", v1alpha1.ConditionDrifted, metav1.ConditionFalse, "InSync")
	v.receives(sink, "dev.cdevents.incident.resolved.0.3.0", v.namespace+"/shop")
	if failed := sink.of("dev.cdeventsx.nopea-deployment.failed.0.1.0"); len(failed) != 1 {
		t.Errorf("the failure was told %d times", len(failed))
	}
	githttp.Must(repo.Commit(map[string]string{"cm-000.yaml": configMapYAML("cm-000", "two")}))(t)
	v.holds("cm-000", "two")
	v.receives(sink, "dev.cdevents.service.upgraded.0.3.0", v.namespace+"/shop")
}

// TestDeadSink holds nothing up.
func TestDeadSink(t *testing.T) {
	t.Parallel()
	v := newTenant(t)
	repo := v.repo("shop", configMapFiles(1, "one"))
	v.declare("shop", repo.URL, func(s *v1alpha1.GitRepositorySpec) { s.Events = &v1alpha1.EventsSpec{Sink: "http://127.0.0.1:1/"} })
	v.ready("shop")
	v.patch("configmaps", "cm-000", `{"data":{"key":"edited"}}`)
	v.holds("cm-000", "one")
	v.succeeded("shop")
}

// TestPrevent refuses edits at admission, by people, and not those of NOPEA, and repairs what admission does not see.
func TestPrevent(t *testing.T) {
	t.Parallel()
	v := newTenant(t)
	repo := v.repo("shop", map[string]string{"cm.yaml": configMapYAML("cm", "one"), "web.yaml": deploymentYAML("web", 1, "nginx:1"), "old.yaml": configMapYAML("old", "x")})
	v.declare("shop", repo.URL, policy(v1alpha1.DriftPolicyPrevent))
	v.ready("shop")
	configMaps := v.kube.CoreV1().ConfigMaps(v.namespace)
	var refusal error
	v.eventually("an edit is refused", func(ctx context.Context) error {
		_, refusal = configMaps.Patch(ctx, "cm", "application/merge-patch+json", []byte(`{"data":{"key":"edited"}}`), metav1.PatchOptions{FieldManager: "kubectl-edit"})
		if refusal == nil {
			return fmt.Errorf("it was not")
		}
		return nil
	})
	contains(t, refusal.Error(), v.namespace+"/shop", "cm.yaml")
	v.holds("cm", "one")
	if err := configMaps.Delete(background(), "cm", metav1.DeleteOptions{}); err == nil {
		t.Error("a deletion was not refused")
	}
	v.scale("web", 3, "kubectl")
	v.replicas("web", 1)
	// Members of the break-glass group get through; the repair then puts it back all the same.
	as := func(user string, groups ...string) kubernetes.Interface {
		config := v.on.Config()
		config.Impersonate = rest.ImpersonationConfig{UserName: user, Groups: append(groups, "system:masters")}
		return githttp.Must(kubernetes.NewForConfig(config))(t)
	}
	v.must(as("jane", "nopea:break-glass").CoreV1().ConfigMaps(v.namespace).Patch(background(), "cm", "application/merge-patch+json",
		[]byte(`{"data":{"key":"edited"}}`), metav1.PatchOptions{FieldManager: "kubectl-edit"}))
	v.holds("cm", "one")
	// A sync changes, adds and prunes.
	githttp.Must(repo.Delete("old.yaml"))(t)
	githttp.Must(repo.Commit(map[string]string{"cm.yaml": configMapYAML("cm", "two"), "new.yaml": configMapYAML("new", "x")}))(t)
	if sync := v.succeeded("shop"); sync.Status.Counts.Configured != 1 || sync.Status.Counts.Created != 1 || sync.Status.Counts.Pruned != 1 {
		t.Errorf("%+v", sync.Status.Counts)
	}
	// With another policy edits are let through again, and put back.
	v.respec("shop", func(s *v1alpha1.GitRepositorySpec) { s.DriftPolicy = v1alpha1.DriftPolicyEnforce })
	v.eventually("an edit is let through", func(ctx context.Context) error {
		_, err := configMaps.Patch(ctx, "cm", "application/merge-patch+json", []byte(`{"data":{"key":"edited"}}`), metav1.PatchOptions{FieldManager: "kubectl-edit"})
		return err
	})
	v.holds("cm", "two")
}

// TestOrphansAreUnlocked: what a GitRepository of policy Prevent leaves behind may be edited, although another still asks for protection.
func TestOrphansAreUnlocked(t *testing.T) {
	t.Parallel()
	v := newTenant(t)
	for _, name := range []string{"goes", "stays"} {
		repo := v.repo(name, map[string]string{name + ".yaml": configMapYAML(name, "one")})
		v.declare(name, repo.URL, policy(v1alpha1.DriftPolicyPrevent))
		v.ready(name)
	}
	edit := func(ctx context.Context, name string) error {
		_, err := v.kube.CoreV1().ConfigMaps(v.namespace).Patch(ctx, name, "application/merge-patch+json", []byte(`{"data":{"key":"edited"}}`), metav1.PatchOptions{})
		return err
	}
	v.eventually("edits are refused", func(ctx context.Context) error {
		if edit(ctx, "goes") == nil || edit(ctx, "stays") == nil {
			return fmt.Errorf("they are not")
		}
		return nil
	})
	if err := v.api.GitRepositories(v.namespace).Delete(background(), "goes", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	v.eventually("the orphan may be edited", func(ctx context.Context) error { return edit(ctx, "goes") })
	if edit(background(), "stays") == nil {
		t.Error("the other lost its protection")
	}
}

// TestDriftAcrossRestart: what is edited while no controller runs is put back when one does; also when Git cannot be reached then, from
// the cache of Git objects, and never to a commit that was refused; without that cache it is shown, and nothing is pruned.
func TestDriftAcrossRestart(t *testing.T) {
	t.Parallel()
	own := ownSandbox(t)
	v := newTenantOn(t, own)
	repo := v.repo("shop", configMapFiles(3, "one"))
	v.declare("shop", repo.URL)
	v.ready("shop")
	// Of this one the cache holds a commit that was fetched and never applied, since nobody signed it.
	key, public := v.signingKey("ada@example.com")
	v.signers(public)
	trusted := v.repo("trusted", nil)
	signed := v.signedCommit(trusted, key, map[string]string{"app.yaml": configMapYAML("trusted", "one")})
	v.declare("trusted", trusted.URL, verifiedBy("", nil))
	v.ready("trusted")
	githttp.Must(trusted.Commit(map[string]string{"app.yaml": configMapYAML("trusted", "two")}))(t)
	v.condition("trusted", v1alpha1.ConditionStalled, metav1.ConditionTrue, "VerificationFailed")
	restart := func(meanwhile func()) {
		t.Helper()
		if err := own.Controller.Kill(); err != nil {
			t.Fatal(err)
		}
		meanwhile()
		if err := own.Controller.Start(background()); err != nil {
			t.Fatal(err)
		}
	}
	restart(func() {
		v.patch("configmaps", "cm-000", `{"data":{"key":"edited"}}`)
		v.patch("configmaps", "trusted", `{"data":{"key":"edited"}}`)
	})
	v.holds("cm-000", "one")
	v.holds("trusted", "one")
	if status := v.condition("trusted", v1alpha1.ConditionReady, metav1.ConditionFalse, "VerificationFailed").Status; status.Applied.Commit != signed {
		t.Errorf("after a restart commit %s is applied, not %s", status.Applied.Commit, signed)
	}

	if err := v.git.Close(); err != nil {
		t.Fatal(err)
	}
	restart(func() {
		v.patch("configmaps", "cm-001", `{"data":{"key":"edited"}}`)
		v.patch("configmaps", "trusted", `{"data":{"key":"edited"}}`)
		if err := v.kube.CoreV1().ConfigMaps(v.namespace).Delete(background(), "cm-002", metav1.DeleteOptions{}); err != nil {
			t.Fatal(err)
		}
	})
	v.holds("cm-001", "one")
	v.holds("cm-002", "one")
	v.holds("trusted", "one")
	v.condition("shop", v1alpha1.ConditionReady, metav1.ConditionFalse, "Unreachable")

	restart(func() {
		if err := os.RemoveAll(own.CacheDir()); err != nil {
			t.Fatal(err)
		}
		v.patch("configmaps", "cm-001", `{"data":{"key":"edited again"}}`)
	})
	v.drift("shop", "the edit is shown", func(d *v1alpha1.DriftStatus) bool { return found(d, "cm-001", v1alpha1.DriftStateDrifted) != nil })
	v.configMap("cm-000")
	v.configMap("cm-002")
}
