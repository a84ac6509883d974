package integration

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
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
	"k8s.io/client-go/util/retry"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
	"nopea.io/nopea/pkg/generated/clientset/versioned"
	nopeaclient "nopea.io/nopea/pkg/generated/clientset/versioned/typed/nopea/v1alpha1"
	"nopea.io/nopea/pkg/testing/githttp"
	"nopea.io/nopea/pkg/testing/localcluster"
	"nopea.io/nopea/pkg/testing/sandbox"
)

// patience is how long a test waits before it calls something lost. Most takes well under a second; 5,000 first applies beside the
// other tests, on a slow machine, take a minute.
const patience = 3 * time.Minute

var tenants atomic.Int32

// tenant is a namespace with a ServiceAccount that may do everything in it, and a Git server.
type tenant struct {
	t         *testing.T
	namespace string
	kube      kubernetes.Interface
	api       nopeaclient.NopeaV1alpha1Interface
	git       *githttp.Server
	on        *sandbox.Sandbox
}

func newTenant(t *testing.T) *tenant {
	t.Helper()
	return newTenantOn(t, world)
}

func newTenantOn(t *testing.T, on *sandbox.Sandbox) *tenant {
	t.Helper()
	v := &tenant{
		t: t, on: on, namespace: fmt.Sprintf("tenant-%d", tenants.Add(1)),
		kube: githttp.Must(kubernetes.NewForConfig(on.Config()))(t),
		git:  githttp.New(t),
	}
	v.api = githttp.Must(versioned.NewForConfig(on.Config()))(t).NopeaV1alpha1()
	v.must(v.kube.CoreV1().Namespaces().Create(background(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: v.namespace}}, metav1.CreateOptions{}))
	v.must(v.kube.CoreV1().ServiceAccounts(v.namespace).Create(background(), &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: "nopea"}}, metav1.CreateOptions{}))
	v.bind(v.namespace, "admin")
	t.Cleanup(func() {
		// What a test leaves behind must not go on polling a Git server that is gone.
		repositories, err := v.api.GitRepositories(v.namespace).List(background(), metav1.ListOptions{})
		if err != nil {
			t.Logf("list gitrepositories: %v", err)
			return
		}
		for _, repository := range repositories.Items {
			if err := v.api.GitRepositories(v.namespace).Delete(background(), repository.Name, metav1.DeleteOptions{}); err != nil {
				t.Logf("delete gitrepository: %v", err)
			}
		}
	})
	return v
}

// must fails the test on the error of a call whose answer does not matter.
func (v *tenant) must(_ any, err error) {
	v.t.Helper()
	if err != nil {
		v.t.Fatal(err)
	}
}

// bind gives the tenant's ServiceAccount a ClusterRole in a namespace, or in all of them.
func (v *tenant) bind(namespace, role string) {
	v.t.Helper()
	subjects := []rbacv1.Subject{{Kind: "ServiceAccount", Namespace: v.namespace, Name: "nopea"}}
	ref := rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: role}
	name := metav1.ObjectMeta{Name: v.namespace + "-" + role}
	if namespace == "" {
		v.must(v.kube.RbacV1().ClusterRoleBindings().Create(background(), &rbacv1.ClusterRoleBinding{ObjectMeta: name, Subjects: subjects, RoleRef: ref}, metav1.CreateOptions{}))
		return
	}
	v.must(v.kube.RbacV1().RoleBindings(namespace).Create(background(), &rbacv1.RoleBinding{ObjectMeta: name, Subjects: subjects, RoleRef: ref}, metav1.CreateOptions{}))
}

// repo makes a Git repository with the given files.
func (v *tenant) repo(name string, files map[string]string) *githttp.Repo {
	v.t.Helper()
	repo := githttp.Must(v.git.CreateRepo(name))(v.t)
	if files != nil {
		githttp.Must(repo.Commit(files))(v.t)
	}
	return repo
}

// declare creates a GitRepository whose automatic triggers stay out of the way, unless change says otherwise.
func (v *tenant) declare(name, url string, change ...func(*v1alpha1.GitRepositorySpec)) *v1alpha1.GitRepository {
	v.t.Helper()
	repository := &v1alpha1.GitRepository{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: v.namespace},
		Spec:       v1alpha1.GitRepositorySpec{URL: url, Interval: "1h", ReconcileInterval: "1h"},
	}
	for _, c := range change {
		c(&repository.Spec)
	}
	return githttp.Must(v.api.GitRepositories(v.namespace).Create(background(), repository, metav1.CreateOptions{}))(v.t)
}

// respec changes a GitRepository's spec.
func (v *tenant) respec(name string, change func(*v1alpha1.GitRepositorySpec)) {
	v.t.Helper()
	if err := retry.RetryOnConflict(retry.DefaultBackoff, func() error {
		repository, err := v.api.GitRepositories(v.namespace).Get(background(), name, metav1.GetOptions{})
		if err != nil {
			return err
		}
		change(&repository.Spec)
		_, err = v.api.GitRepositories(v.namespace).Update(background(), repository, metav1.UpdateOptions{})
		return err
	}); err != nil {
		v.t.Fatal(err)
	}
}

func (v *tenant) get(name string) *v1alpha1.GitRepository {
	v.t.Helper()
	return githttp.Must(v.api.GitRepositories(v.namespace).Get(background(), name, metav1.GetOptions{}))(v.t)
}

// sync asks for a sync and waits until it has ended.
func (v *tenant) sync(name string, spec ...v1alpha1.SyncSpec) *v1alpha1.Sync {
	v.t.Helper()
	return v.finished(v.post(name, spec...).Name)
}

func (v *tenant) post(name string, spec ...v1alpha1.SyncSpec) *v1alpha1.Sync {
	v.t.Helper()
	request := &v1alpha1.Sync{}
	if len(spec) > 0 {
		request.Spec = spec[0]
	}
	return githttp.Must(v.api.GitRepositories(v.namespace).CreateSync(background(), name, request, metav1.CreateOptions{}))(v.t)
}

func (v *tenant) finished(sync string) *v1alpha1.Sync {
	v.t.Helper()
	var last *v1alpha1.Sync
	v.eventually("Sync "+sync+" ends", func(ctx context.Context) error {
		var err error
		if last, err = v.api.Syncs(v.namespace).Get(ctx, sync, metav1.GetOptions{}); err != nil {
			return err
		}
		if !apimeta.IsStatusConditionTrue(last.Status.Conditions, v1alpha1.ConditionFinished) {
			return fmt.Errorf("phase %s", last.Status.Phase)
		}
		return nil
	})
	return last
}

// succeeded is sync that has to succeed.
func (v *tenant) succeeded(name string, spec ...v1alpha1.SyncSpec) *v1alpha1.Sync {
	v.t.Helper()
	sync := v.sync(name, spec...)
	if sync.Status.Phase != v1alpha1.SyncPhaseSucceeded {
		v.t.Fatalf("Sync of %s: %s: %+v", name, sync.Status.Phase, sync.Status.Error)
	}
	return sync
}

// failed is sync that has to fail with a code.
func (v *tenant) failed(name, code string, spec ...v1alpha1.SyncSpec) *v1alpha1.Sync {
	v.t.Helper()
	sync := v.sync(name, spec...)
	if sync.Status.Phase != v1alpha1.SyncPhaseFailed || sync.Status.Error.Code != code {
		v.t.Fatalf("Sync of %s: %s %+v; want Failed with %s", name, sync.Status.Phase, sync.Status.Error, code)
	}
	return sync
}

// ready waits until a GitRepository is Ready.
func (v *tenant) ready(name string) *v1alpha1.GitRepository {
	v.t.Helper()
	return v.condition(name, v1alpha1.ConditionReady, metav1.ConditionTrue, "")
}

// condition waits until a GitRepository's condition about its current spec has a status, and a reason unless that is empty.
func (v *tenant) condition(name, kind string, status metav1.ConditionStatus, reason string) *v1alpha1.GitRepository {
	v.t.Helper()
	var last *v1alpha1.GitRepository
	v.eventually(fmt.Sprintf("GitRepository %s has %s=%s %s", name, kind, status, reason), func(ctx context.Context) error {
		var err error
		if last, err = v.api.GitRepositories(v.namespace).Get(ctx, name, metav1.GetOptions{}); err != nil {
			return err
		}
		condition := apimeta.FindStatusCondition(last.Status.Conditions, kind)
		if condition == nil || condition.Status != status || condition.ObservedGeneration != last.Generation || (reason != "" && condition.Reason != reason) {
			return fmt.Errorf("it has %+v", last.Status.Conditions)
		}
		return nil
	})
	return last
}

// eventually waits until check returns nil.
func (v *tenant) eventually(what string, check func(context.Context) error) {
	v.t.Helper()
	var last error
	err := wait.PollUntilContextTimeout(background(), 20*time.Millisecond, patience, true, func(ctx context.Context) (bool, error) {
		last = check(ctx)
		return last == nil, nil
	})
	if err != nil {
		v.t.Fatalf("waited in vain for: %s: %v", what, errors.Join(err, last))
	}
}

func (v *tenant) configMap(name string) *corev1.ConfigMap {
	v.t.Helper()
	return githttp.Must(v.kube.CoreV1().ConfigMaps(v.namespace).Get(background(), name, metav1.GetOptions{}))(v.t)
}

// gone fails the test if a ConfigMap is there.
func (v *tenant) gone(name string) {
	v.t.Helper()
	if _, err := v.kube.CoreV1().ConfigMaps(v.namespace).Get(background(), name, metav1.GetOptions{}); !apierrors.IsNotFound(err) {
		v.t.Fatalf("ConfigMap %s is there, or %v", name, err)
	}
}

// configMapYAML is the manifest of a ConfigMap with one key.
func configMapYAML(name, value string) string {
	return fmt.Sprintf("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: %s\ndata:\n  key: %q\n", name, value)
}

// configMapFiles are n ConfigMaps, one a file.
func configMapFiles(n int, value string) map[string]string {
	files := make(map[string]string, n)
	for i := range n {
		files[fmt.Sprintf("cm-%03d.yaml", i)] = configMapYAML(fmt.Sprintf("cm-%03d", i), value)
	}
	return files
}

func contains(t *testing.T, text string, words ...string) {
	t.Helper()
	for _, word := range words {
		if !strings.Contains(text, word) {
			t.Errorf("%q does not say %q", text, word)
		}
	}
}

func replaceAll(text, old, replacement string) string {
	return strings.ReplaceAll(text, old, replacement)
}

// serviceAccount is who the tenant's objects are applied as.
func (v *tenant) serviceAccount() string {
	return "system:serviceaccount:" + v.namespace + ":nopea"
}

// tenantRequests are the requests about the tenant's objects since a mark.
func (v *tenant) tenantRequests(mark localcluster.Mark) []localcluster.Event {
	v.t.Helper()
	return githttp.Must(v.on.Cluster.AuditLog().Since(mark, localcluster.Match{ImpersonatedUser: v.serviceAccount()}))(v.t)
}

// ownSandbox is a cluster of the test's own, for tests that stop servers or leave something that blocks others.
func ownSandbox(t *testing.T) *sandbox.Sandbox {
	t.Helper()
	return ownSandboxOf(t, 0)
}

// ownSandboxOf is ownSandbox with simulated nodes, on which Pods run.
func ownSandboxOf(t *testing.T, nodes int) *sandbox.Sandbox {
	t.Helper()
	dir := githttp.Must(os.MkdirTemp("", "nopea-"))(t)
	cluster, err := localcluster.Start(background(), localcluster.Options{Dir: filepath.Join(dir, "cluster"), Nodes: nodes})
	if err != nil {
		t.Fatal(err)
	}
	own, err := sandbox.Start(background(), sandbox.Options{Cluster: cluster, Dir: filepath.Join(dir, "nopea")})
	if err != nil {
		t.Fatal(errors.Join(err, cluster.Stop()))
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the controller's log ends with:\n%s", own.Controller.Tail())
			t.Logf("the API server's log ends with:\n%s", own.APIServer.Tail())
		}
		if err := errors.Join(own.Stop(), cluster.Stop()); err != nil {
			t.Errorf("stop the sandbox: %v", err)
		}
		if !t.Failed() {
			if err := os.RemoveAll(dir); err != nil {
				t.Error(err)
			}
		}
	})
	return own
}
