package citizen

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
	"nopea.io/nopea/pkg/testing/githttp"
	"nopea.io/nopea/pkg/testing/localcluster"
	"nopea.io/nopea/pkg/testing/sandbox"
)

// backWithin is how soon the API must be there again after nopea-apiserver was killed, where something starts it again at once.
const backWithin = 5 * time.Second

// TestRights lives a whole life with the rights that ship: neither identity of NOPEA is refused anything.
func TestRights(t *testing.T) {
	t.Parallel()
	own, _ := ownWorld(t)
	v := newTenant(t, own)
	repo := served(t, map[string]string{"app.yaml": configMap("", "settings", "one"), "old.yaml": configMap("", "old", "one")})
	v.declare("shop", repo.URL, deletes)
	githttp.Must(repo.Delete("old.yaml"))(t)
	if counts := v.sync("shop").Status.Counts; counts.Pruned != 1 {
		t.Errorf("the prune counts %+v", counts)
	}
	// The controller goes on meanwhile: nobody is taken for anonymous in the first moments after a start.
	if err := errors.Join(own.APIServer.Restart(t.Context()), own.Controller.Restart(t.Context())); err != nil {
		t.Fatal(err)
	}
	if err := own.WaitReady(t.Context()); err != nil {
		t.Fatal(err)
	}
	githttp.Must(repo.Commit(map[string]string{"app.yaml": configMap("", "settings", "two")}))(t)
	v.sync("shop")
	v.eventually("the Event of the sync is written", func(ctx context.Context) error {
		events, err := v.kube.EventsV1().Events(v.namespace).List(ctx, metav1.ListOptions{FieldSelector: "regarding.name=shop"})
		if err != nil || len(events.Items) == 0 {
			return fmt.Errorf("%d events, %w", len(events.Items), err)
		}
		return nil
	})
	if err := v.api.GitRepositories(v.namespace).Delete(t.Context(), "shop", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	v.eventually("GitRepository and objects are gone", func(ctx context.Context) error {
		_, err := v.api.GitRepositories(v.namespace).Get(ctx, "shop", metav1.GetOptions{})
		_, objectErr := v.kube.CoreV1().ConfigMaps(v.namespace).Get(ctx, "settings", metav1.GetOptions{})
		syncs, inventories := v.owned(ctx)
		if !apierrors.IsNotFound(err) || !apierrors.IsNotFound(objectErr) || syncs+inventories > 0 {
			return fmt.Errorf("GitRepository: %w; object: %w; %d Syncs, %d Inventories", err, objectErr, syncs, inventories)
		}
		return nil
	})
	for _, user := range []string{sandbox.APIServerUser, sandbox.ControllerUser} {
		events := githttp.Must(own.Cluster.AuditLog().Since(localcluster.Mark{}, localcluster.Match{User: user}))(t)
		if len(events) == 0 {
			t.Errorf("%s did nothing", user)
		}
		for _, event := range events {
			if event.Code == 403 || event.Code == 401 {
				t.Errorf("not among the rights that ship: %s", event)
			}
		}
	}
	noComplaint(t, own.Cluster)
}

// TestControllerDown deletes namespaces while the controller is down: what nothing has to be done for goes; what has to be cleaned up
// waits, says for whom, and goes when the controller is back.
func TestControllerDown(t *testing.T) {
	t.Parallel()
	own, _ := ownWorld(t)
	orphan, held, freed := newTenant(t, own), newTenant(t, own), newTenant(t, own)
	orphan.inTwoNamespaces()
	freed.inTwoNamespaces(deletes)
	elsewhere := held.inTwoNamespaces(deletes)
	if err := own.Controller.Stop(); err != nil {
		t.Fatal(err)
	}
	began := orphan.deleteNamespace(orphan.namespace)
	held.deleteNamespace(held.namespace)
	freed.deleteNamespace(freed.namespace)
	orphan.namespaceGone(orphan.namespace)
	t.Logf("Orphan, controller down: gone after %s", time.Since(began).Round(100*time.Millisecond))
	held.namespaceSays(held.namespace, corev1.NamespaceFinalizersRemaining, v1alpha1.FinalizerCleanup)
	held.namespaceSays(held.namespace, corev1.NamespaceContentRemaining, "gitrepositories.nopea.io")

	// By hand, as docs/troubleshooting.md says.
	freed.namespaceSays(freed.namespace, corev1.NamespaceFinalizersRemaining, v1alpha1.FinalizerCleanup)
	for name := range strings.FieldsSeq(freed.kubectl("", "get", "gr,inventories.nopea.io", "-n", freed.namespace, "-o", "name")) {
		freed.kubectl("", "patch", name, "-n", freed.namespace, "--type=merge", "-p", `{"metadata":{"finalizers":null}}`)
	}
	freed.namespaceGone(freed.namespace)

	began = time.Now()
	if err := own.Controller.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	held.namespaceGone(held.namespace)
	t.Logf("Delete, controller back: gone after another %s", time.Since(began).Round(100*time.Millisecond))
	// The ServiceAccount went with its namespace long before, and nobody else may use the rights that it had elsewhere.
	if !held.isThere(elsewhere) {
		t.Error("the object in the second namespace was deleted in the name of a ServiceAccount that is gone")
	}
	held.saysOrphaned()
}

// TestAPIServerDown kills nopea-apiserver. It is back at once, whether kube-apiserver noticed or not; meanwhile namespaces wait, the
// controller neither ends nor loses its Lease, and afterwards everything goes on.
func TestAPIServerDown(t *testing.T) {
	t.Parallel()
	own, _ := ownWorld(t)
	v, other := newTenant(t, own), newTenant(t, own)
	repo := served(t, map[string]string{"app.yaml": configMap("", "settings", "one")})
	v.declare("shop", repo.URL)
	lease := v.lease()
	ended := own.Controller.Ended()

	v.killed(func() {}, "at once")
	githttp.Must(repo.Commit(map[string]string{"app.yaml": configMap("", "settings", "two")}))(t)
	began := time.Now()
	v.sync("shop")
	t.Logf("a Sync asked for after that has ended after %s", time.Since(began).Round(10*time.Millisecond))

	v.killed(func() {
		other.deleteNamespace(other.namespace)
		v.noticed()
		other.namespaceSays(other.namespace, corev1.NamespaceDeletionDiscoveryFailure, v1alpha1.GroupName)
		v.must(v.kube.CoreV1().ConfigMaps(v.namespace).Create(t.Context(), &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "meanwhile"}}, metav1.CreateOptions{}))
		v.kubectl("", "get", "configmaps", "-n", v.namespace)
	}, "once kube-apiserver had noticed")
	began = time.Now()
	other.namespaceGone(other.namespace)
	t.Logf("a namespace deleted meanwhile is gone %s after that", time.Since(began).Round(100*time.Millisecond))
	githttp.Must(repo.Commit(map[string]string{"app.yaml": configMap("", "settings", "three")}))(t)
	began = time.Now()
	v.sync("shop")
	t.Logf("a Sync asked for after that has ended after %s", time.Since(began).Round(10*time.Millisecond))

	select {
	case <-ended:
		t.Error("the controller ended")
	default:
	}
	if after := v.lease(); *after.Spec.LeaseTransitions != *lease.Spec.LeaseTransitions || *after.Spec.HolderIdentity != *lease.Spec.HolderIdentity ||
		!after.Spec.AcquireTime.Equal(lease.Spec.AcquireTime) {
		t.Errorf("the Lease was %+v and is %+v", lease.Spec, after.Spec)
	}
	log := string(githttp.Must(os.ReadFile(own.Controller.Log()))(t))
	if strings.Contains(log, "anic") {
		t.Errorf("the controller panicked:\n%s", own.Controller.Tail())
	}
	t.Logf("the controller's log has %d lines", strings.Count(log, "\n"))
}

// killed kills nopea-apiserver, does something, starts it again and measures how long it takes until it is served.
func (v *tenant) killed(meanwhile func(), when string) {
	v.t.Helper()
	if err := v.on.APIServer.Kill(); err != nil {
		v.t.Fatal(err)
	}
	began := time.Now()
	meanwhile()
	down := time.Since(began)
	began = time.Now()
	if err := v.on.APIServer.Start(v.t.Context()); err != nil {
		v.t.Fatal(err)
	}
	ready := time.Since(began)
	if err := v.on.WaitReady(v.t.Context()); err != nil {
		v.t.Fatal(err)
	}
	v.must(v.api.GitRepositories(v.namespace).Get(v.t.Context(), "shop", metav1.GetOptions{}))
	back := time.Since(began)
	v.t.Logf("started again %s (%s after the kill): ready after %s, available and answering after %s",
		when, down.Round(10*time.Millisecond), ready.Round(10*time.Millisecond), back.Round(10*time.Millisecond))
	// kube-apiserver looks again with a pause that grows with the time for which nobody answered.
	if back > backWithin+down {
		v.t.Errorf("that is too long")
	}
}

// noticed makes kube-apiserver look at the API, which it does every 30 seconds otherwise, and waits until it has found it unavailable.
func (v *tenant) noticed() {
	v.t.Helper()
	v.kubectl("", "annotate", "apiservice", "v1alpha1.nopea.io", "citizen="+v.namespace)
	v.eventually("the APIService is unavailable", func(context.Context) error {
		got := v.request("GET", "/apis/"+v1alpha1.SchemeGroupVersion.String(), "")
		if got.status != 503 {
			return fmt.Errorf("%d: %s", got.status, got.body)
		}
		text, err := v.on.Cluster.Kubectl(v.t.Context(), nil, "get", "apiservice", "v1alpha1.nopea.io", "-o", `jsonpath={.status.conditions[?(@.type=="Available")].status}`)
		if err != nil || text != "False" {
			return errors.Join(err, fmt.Errorf("available: %s", text))
		}
		return nil
	})
}

func (v *tenant) lease() *coordinationv1.Lease {
	v.t.Helper()
	return githttp.Must(v.kube.CoordinationV1().Leases(sandbox.Namespace).Get(v.t.Context(), "nopea-controller", metav1.GetOptions{}))(v.t)
}
