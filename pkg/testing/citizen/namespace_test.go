package citizen

import (
	"context"
	"fmt"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
)

// inTwoNamespaces declares a GitRepository whose objects are in its own namespace and in a second one, which it returns.
func (v *tenant) inTwoNamespaces(change ...func(*v1alpha1.GitRepositorySpec)) string {
	v.t.Helper()
	elsewhere := v.namespace + "-elsewhere"
	v.createNamespace(elsewhere)
	v.grant(elsewhere)
	repo := served(v.t, map[string]string{"here.yaml": configMap("", "here", "x"), "there.yaml": configMap(elsewhere, "there", "x")})
	v.declare("shop", repo.URL, change...)
	v.must(v.kube.CoreV1().ConfigMaps(elsewhere).Get(v.t.Context(), "there", metav1.GetOptions{}))
	return elsewhere
}

// isThere tells whether the object in the second namespace is.
func (v *tenant) isThere(elsewhere string) bool {
	v.t.Helper()
	_, err := v.kube.CoreV1().ConfigMaps(elsewhere).Get(v.t.Context(), "there", metav1.GetOptions{})
	if err != nil && !apierrors.IsNotFound(err) {
		v.t.Fatal(err)
	}
	return err == nil
}

// TestNamespaceDeletionOrphan finishes without the controller having to do anything.
func TestNamespaceDeletionOrphan(t *testing.T) {
	t.Parallel()
	v := newTenant(t, world)
	elsewhere := v.inTwoNamespaces()
	began := v.deleteNamespace(v.namespace)
	v.namespaceGone(v.namespace)
	t.Logf("gone after %s", time.Since(began).Round(100*time.Millisecond))
	if !v.isThere(elsewhere) {
		t.Error("the object in the second namespace is gone")
	}
}

// TestNamespaceDeletionDelete finishes when the controller has deleted what is elsewhere. Kubernetes deletes the kinds of a namespace
// in no order, so that the ServiceAccount may go before the GitRepository does: then that is left, and said.
func TestNamespaceDeletionDelete(t *testing.T) {
	t.Parallel()
	v := newTenant(t, world)
	elsewhere := v.inTwoNamespaces(deletes)
	began := v.deleteNamespace(v.namespace)
	v.namespaceGone(v.namespace)
	t.Logf("gone after %s", time.Since(began).Round(100*time.Millisecond))
	if v.isThere(elsewhere) {
		v.saysOrphaned()
	}
}

// TestGitRepositoryThenNamespace deletes in the order in which nothing is left.
func TestGitRepositoryThenNamespace(t *testing.T) {
	t.Parallel()
	v := newTenant(t, world)
	elsewhere := v.inTwoNamespaces(deletes)
	v.kubectl("", "delete", "gr", "shop", "-n", v.namespace, "--timeout=60s")
	if v.isThere(elsewhere) {
		t.Error("the object in the second namespace is left")
	}
	v.deleteNamespace(v.namespace)
	v.namespaceGone(v.namespace)
}

// TestNamespaceDeletionWithoutRights orphans what nobody may delete any more, says so where it can be read when the namespace is gone,
// and does not hold the namespace.
func TestNamespaceDeletionWithoutRights(t *testing.T) {
	t.Parallel()
	v := newTenant(t, world)
	elsewhere := v.inTwoNamespaces(deletes)
	for _, namespace := range []string{v.namespace, elsewhere} {
		if err := v.kube.RbacV1().RoleBindings(namespace).Delete(t.Context(), v.namespace, metav1.DeleteOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	if err := v.kube.CoreV1().ServiceAccounts(v.namespace).Delete(t.Context(), "nopea", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	began := v.deleteNamespace(v.namespace)
	v.namespaceGone(v.namespace)
	t.Logf("gone after %s", time.Since(began).Round(100*time.Millisecond))
	if !v.isThere(elsewhere) {
		t.Error("the object in the second namespace is gone")
	}
	v.saysOrphaned()
}

// saysOrphaned waits for the Event that says what was left when the namespace went. It is about the Namespace, and kept elsewhere.
func (v *tenant) saysOrphaned() {
	v.t.Helper()
	v.eventually("an Event about the namespace says what is left", func(ctx context.Context) error {
		list, err := v.kube.CoreV1().Events(metav1.NamespaceDefault).List(ctx, metav1.ListOptions{FieldSelector: "involvedObject.kind=Namespace,involvedObject.name=" + v.namespace})
		if err != nil {
			return err
		}
		for _, event := range list.Items {
			if event.Reason == "Orphaned" && containsAll(event.Message, "shop", "left as they are") {
				return nil
			}
		}
		return fmt.Errorf("there are %+v", list.Items)
	})
}
