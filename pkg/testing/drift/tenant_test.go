package drift

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
	"nopea.io/nopea/pkg/generated/clientset/versioned"
	nopeaclient "nopea.io/nopea/pkg/generated/clientset/versioned/typed/nopea/v1alpha1"
	"nopea.io/nopea/pkg/testing/githttp"
	"nopea.io/nopea/pkg/testing/sandbox"
)

// patience is how long a test waits for something that should take well under a second, or a minute at most where a dry run has to find it.
const patience = 90 * time.Second

var tenants atomic.Int32

// tenant is a namespace with a ServiceAccount that may do everything, and a Git server.
type tenant struct {
	t         *testing.T
	namespace string
	kube      kubernetes.Interface
	objects   dynamic.Interface
	api       nopeaclient.NopeaV1alpha1Interface
	git       *githttp.Server
	on        *sandbox.Sandbox
}

func newTenant(t *testing.T, on *sandbox.Sandbox) *tenant {
	t.Helper()
	v := &tenant{
		t: t, on: on, namespace: fmt.Sprintf("tenant-%d", tenants.Add(1)), git: githttp.New(t),
		kube:    githttp.Must(kubernetes.NewForConfig(on.Config()))(t),
		objects: githttp.Must(dynamic.NewForConfig(quietly(on.Config())))(t),
		api:     githttp.Must(versioned.NewForConfig(on.Config()))(t).NopeaV1alpha1(),
	}
	v.must(v.kube.CoreV1().Namespaces().Create(background(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: v.namespace}}, metav1.CreateOptions{}))
	v.must(v.kube.CoreV1().ServiceAccounts(v.namespace).Create(background(), &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: "nopea"}}, metav1.CreateOptions{}))
	v.must(v.kube.RbacV1().ClusterRoleBindings().Create(background(), &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: v.namespace + "-cluster-admin"},
		Subjects:   []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: v.namespace, Name: "nopea"}},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "cluster-admin"},
	}, metav1.CreateOptions{}))
	t.Cleanup(func() { // what a test leaves behind must not go on polling a Git server that is gone
		if err := v.api.GitRepositories(v.namespace).DeleteCollection(background(), metav1.DeleteOptions{}, metav1.ListOptions{}); err != nil {
			t.Logf("delete the gitrepositories: %v", err)
		}
	})
	return v
}

// quietly is a configuration whose client does not show warnings, which odd edits give rise to.
func quietly(config *rest.Config) *rest.Config {
	config.WarningHandlerWithContext = rest.NoWarnings{}
	return config
}

// must fails the test on the error of a call whose answer does not matter.
func (v *tenant) must(_ any, err error) {
	v.t.Helper()
	if err != nil {
		v.t.Fatal(err)
	}
}

// declare makes a Git repository with the given files and a GitRepository of it, and waits until it is Ready. Its automatic triggers stay
// out of the way.
func (v *tenant) declare(name string, files map[string]string, change ...func(*v1alpha1.GitRepositorySpec)) {
	v.t.Helper()
	repo := githttp.Must(v.git.CreateRepo(name))(v.t)
	githttp.Must(repo.Commit(files))(v.t)
	repository := &v1alpha1.GitRepository{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: v.namespace},
		Spec:       v1alpha1.GitRepositorySpec{URL: repo.URL, Interval: "1h", ReconcileInterval: "1h"},
	}
	for _, c := range change {
		c(&repository.Spec)
	}
	v.must(v.api.GitRepositories(v.namespace).Create(background(), repository, metav1.CreateOptions{}))
	v.eventually("GitRepository "+name+" is Ready", func(ctx context.Context) error {
		now, err := v.api.GitRepositories(v.namespace).Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return err
		}
		if !apimeta.IsStatusConditionTrue(now.Status.Conditions, v1alpha1.ConditionReady) {
			return fmt.Errorf("it has %+v", now.Status.Conditions)
		}
		return nil
	})
}

// change updates a GitRepository's spec.
func (v *tenant) change(name string, change func(*v1alpha1.GitRepositorySpec)) {
	v.t.Helper()
	v.eventually("GitRepository "+name+" is changed", func(ctx context.Context) error {
		repository, err := v.api.GitRepositories(v.namespace).Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return err
		}
		change(&repository.Spec)
		_, err = v.api.GitRepositories(v.namespace).Update(ctx, repository, metav1.UpdateOptions{})
		return err
	})
}

// eventually waits until check returns nil.
func (v *tenant) eventually(what string, check func(context.Context) error) {
	v.t.Helper()
	if err := waitFor(patience, check); err != nil {
		v.t.Fatalf("waited in vain for: %s: %v", what, err)
	}
}

func waitFor(limit time.Duration, check func(context.Context) error) error {
	var last error
	err := wait.PollUntilContextTimeout(background(), 20*time.Millisecond, limit, true, func(context.Context) (bool, error) {
		last = check(background()) // not cut off: why it is not so yet is worth more
		return last == nil, nil
	})
	if err != nil {
		return errors.Join(err, last)
	}
	return nil
}
