package citizen

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
	"nopea.io/nopea/pkg/generated/clientset/versioned"
	nopeaclient "nopea.io/nopea/pkg/generated/clientset/versioned/typed/nopea/v1alpha1"
	"nopea.io/nopea/pkg/testing/githttp"
	"nopea.io/nopea/pkg/testing/sandbox"
)

// patience is how long a test waits for something. The namespace controller alone takes its time in steps of seconds.
const patience = 60 * time.Second

var tenants atomic.Int32

// tenant is a namespace with a ServiceAccount nopea that may do everything in it.
type tenant struct {
	t         *testing.T
	namespace string
	on        *sandbox.Sandbox
	kube      kubernetes.Interface
	api       nopeaclient.NopeaV1alpha1Interface
}

func newTenant(t *testing.T, on *sandbox.Sandbox) *tenant {
	t.Helper()
	v := &tenant{t: t, on: on, namespace: fmt.Sprintf("citizen-%d", tenants.Add(1)), kube: githttp.Must(kubernetes.NewForConfig(on.Config()))(t)}
	v.api = githttp.Must(versioned.NewForConfig(on.Config()))(t).NopeaV1alpha1()
	v.createNamespace(v.namespace)
	v.must(v.kube.CoreV1().ServiceAccounts(v.namespace).Create(t.Context(), &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: "nopea"}}, metav1.CreateOptions{}))
	v.grant(v.namespace)
	return v
}

// must fails the test on the error of a call whose answer does not matter.
func (v *tenant) must(_ any, err error) {
	v.t.Helper()
	if err != nil {
		v.t.Fatal(err)
	}
}

func (v *tenant) createNamespace(name string) {
	v.t.Helper()
	v.must(v.kube.CoreV1().Namespaces().Create(v.t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}, metav1.CreateOptions{}))
}

// grant lets the tenant's ServiceAccount manage a namespace.
func (v *tenant) grant(namespace string) {
	v.t.Helper()
	v.must(v.kube.RbacV1().RoleBindings(namespace).Create(v.t.Context(), &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: v.namespace},
		Subjects:   []rbacv1.Subject{{Kind: "ServiceAccount", Namespace: v.namespace, Name: "nopea"}},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "admin"},
	}, metav1.CreateOptions{}))
}

// declare creates a GitRepository that polls nothing by itself after its first sync, and waits for that.
func (v *tenant) declare(name, url string, change ...func(*v1alpha1.GitRepositorySpec)) *v1alpha1.GitRepository {
	v.t.Helper()
	repository := &v1alpha1.GitRepository{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: v.namespace},
		Spec:       v1alpha1.GitRepositorySpec{URL: url, Interval: "1h", ReconcileInterval: "1h"},
	}
	for _, c := range change {
		c(&repository.Spec)
	}
	v.must(v.api.GitRepositories(v.namespace).Create(v.t.Context(), repository, metav1.CreateOptions{}))
	return v.ready(name)
}

func deletes(s *v1alpha1.GitRepositorySpec) { s.DeletionPolicy = v1alpha1.DeletionPolicyDelete }

func (v *tenant) ready(name string) *v1alpha1.GitRepository {
	v.t.Helper()
	var last *v1alpha1.GitRepository
	v.eventually("GitRepository "+name+" is Ready", func(ctx context.Context) error {
		var err error
		if last, err = v.api.GitRepositories(v.namespace).Get(ctx, name, metav1.GetOptions{}); err != nil {
			return err
		}
		condition := apimeta.FindStatusCondition(last.Status.Conditions, v1alpha1.ConditionReady)
		if condition == nil || condition.Status != metav1.ConditionTrue || condition.ObservedGeneration != last.Generation {
			return fmt.Errorf("it has %+v", last.Status.Conditions)
		}
		return nil
	})
	return last
}

// sync asks for a sync and waits until it has succeeded.
func (v *tenant) sync(name string) *v1alpha1.Sync {
	v.t.Helper()
	last := githttp.Must(v.api.GitRepositories(v.namespace).CreateSync(v.t.Context(), name, &v1alpha1.Sync{}, metav1.CreateOptions{}))(v.t)
	v.eventually("Sync "+last.Name+" has succeeded", func(ctx context.Context) error {
		var err error
		if last, err = v.api.Syncs(v.namespace).Get(ctx, last.Name, metav1.GetOptions{}); err != nil {
			return err
		}
		if last.Status.Phase != v1alpha1.SyncPhaseSucceeded {
			return fmt.Errorf("phase %s, error %+v", last.Status.Phase, last.Status.Error)
		}
		return nil
	})
	return last
}

func (v *tenant) eventually(what string, check func(context.Context) error) {
	v.t.Helper()
	var last error
	err := wait.PollUntilContextTimeout(v.t.Context(), 50*time.Millisecond, patience, true, func(ctx context.Context) (bool, error) {
		err := check(ctx)
		if ctx.Err() == nil {
			last = err
		}
		return err == nil, nil
	})
	if err != nil {
		v.t.Fatalf("waited in vain for: %s: %v", what, errors.Join(err, last))
	}
}

// kubectl runs kubectl as the administrator, which has to succeed.
func (v *tenant) kubectl(input string, args ...string) string {
	v.t.Helper()
	return githttp.Must(v.on.Cluster.Kubectl(v.t.Context(), strings.NewReader(input), args...))(v.t)
}

// deleteNamespace asks for the deletion of a namespace and returns when that was.
func (v *tenant) deleteNamespace(name string) time.Time {
	v.t.Helper()
	began := time.Now()
	if err := v.kube.CoreV1().Namespaces().Delete(v.t.Context(), name, metav1.DeleteOptions{}); err != nil {
		v.t.Fatal(err)
	}
	return began
}

// namespaceGone waits until a namespace is gone, and says what held it where it stays.
func (v *tenant) namespaceGone(name string) {
	v.t.Helper()
	v.eventually("namespace "+name+" is gone", func(ctx context.Context) error {
		namespace, err := v.kube.CoreV1().Namespaces().Get(ctx, name, metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			return nil
		}
		return errors.Join(err, fmt.Errorf("it is there: %+v", namespace.Status))
	})
}

// namespaceSays waits until a namespace that is being deleted has a condition whose message holds all the given words.
func (v *tenant) namespaceSays(name string, kind corev1.NamespaceConditionType, words ...string) {
	v.t.Helper()
	v.eventually(fmt.Sprintf("namespace %s has the condition %s with %q", name, kind, words), func(ctx context.Context) error {
		namespace, err := v.kube.CoreV1().Namespaces().Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return err
		}
		for _, condition := range namespace.Status.Conditions {
			if condition.Type == kind && condition.Status == corev1.ConditionTrue && containsAll(condition.Message, words...) {
				return nil
			}
		}
		return fmt.Errorf("it says %+v", namespace.Status.Conditions)
	})
}

func containsAll(text string, words ...string) bool {
	for _, word := range words {
		if !strings.Contains(text, word) {
			return false
		}
	}
	return true
}

// served is a Git server with a repository that holds the given files.
func served(t *testing.T, files map[string]string) *githttp.Repo {
	t.Helper()
	repo := githttp.Must(githttp.New(t).CreateRepo("shop"))(t)
	githttp.Must(repo.Commit(files))(t)
	return repo
}

// configMap is the manifest of a ConfigMap with one key, in a namespace unless that is empty.
func configMap(namespace, name, value string) string {
	if namespace != "" {
		namespace = "  namespace: " + namespace + "\n"
	}
	return fmt.Sprintf("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: %s\n%sdata:\n  key: %q\n", name, namespace, value)
}
