package prevent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/util/retry"
	"sigs.k8s.io/yaml"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
	"nopea.io/nopea/pkg/controller/prevent"
	"nopea.io/nopea/pkg/testing/githttp"
)

const (
	// patience is how long a test waits for something that should take a few seconds.
	patience = 60 * time.Second
	// origin is the file that the objects of all tests come from.
	origin = "deploy/objects.yaml"
)

var (
	configMaps  = corev1.SchemeGroupVersion.WithResource("configmaps")
	pods        = corev1.SchemeGroupVersion.WithResource("pods")
	secrets     = corev1.SchemeGroupVersion.WithResource("secrets")
	services    = corev1.SchemeGroupVersion.WithResource("services")
	deployments = schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "deployments"}
	replicaSets = schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "replicasets"}
	jobs        = schema.GroupVersionResource{Group: "batch", Version: "v1", Resource: "jobs"}
	autoscalers = schema.GroupVersionResource{Group: "autoscaling", Version: "v2", Resource: "horizontalpodautoscalers"}
)

var tenants atomic.Int32

// tenant is a namespace that a GitRepository named shop is applied to.
type tenant struct {
	t         *testing.T
	namespace string
	kube      kubernetes.Interface
	// admin may do everything, and is not exempt.
	admin dynamic.Interface
	// nopea applies as NOPEA's controller does.
	nopea dynamic.Interface
}

func newTenant(t *testing.T) *tenant {
	t.Helper()
	v := &tenant{
		t: t, namespace: fmt.Sprintf("team-%d", tenants.Add(1)),
		kube:  githttp.Must(kubernetes.NewForConfig(world.admin))(t),
		admin: githttp.Must(dynamic.NewForConfig(world.admin))(t),
	}
	v.nopea = as(t, world.controller, rest.ImpersonationConfig{
		UserName: "system:serviceaccount:" + v.namespace + ":nopea",
		Extra:    map[string][]string{v1alpha1.ExtraApply: {"true"}},
	})
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: v.namespace}}
	v.must(v.kube.CoreV1().Namespaces().Create(background(), namespace, metav1.CreateOptions{}))
	v.must(nil, grant(background(), v.kube, v.namespace, rbacv1.Subject{Kind: "ServiceAccount", Namespace: v.namespace, Name: "nopea"},
		[]rbacv1.PolicyRule{{APIGroups: []string{"*"}, Resources: []string{"*"}, Verbs: []string{"*"}}}))
	eventually(t, "the tenant's rights are in force", func(ctx context.Context) error {
		_, err := v.nopea.Resource(configMaps).Namespace(v.namespace).List(ctx, metav1.ListOptions{})
		return err
	})
	return v
}

// in is the same tenant in a subtest.
func (v *tenant) in(t *testing.T) *tenant {
	same := *v
	same.t = t
	return &same
}

// as returns a client that impersonates.
func as(t *testing.T, config *rest.Config, who rest.ImpersonationConfig) dynamic.Interface {
	t.Helper()
	config = rest.CopyConfig(config)
	config.Impersonate = who
	return githttp.Must(dynamic.NewForConfig(config))(t)
}

// adminAs is an administrator of another name, in other groups too.
func (v *tenant) adminAs(user string, groups ...string) dynamic.Interface {
	v.t.Helper()
	return as(v.t, world.admin, rest.ImpersonationConfig{UserName: user, Groups: append(groups, "system:authenticated", "system:masters")})
}

// must fails the test on the error of a call whose answer does not matter.
func (v *tenant) must(_ any, err error) {
	v.t.Helper()
	if err != nil {
		v.t.Fatal(err)
	}
}

// object reads a manifest in the tenant's namespace.
func (v *tenant) object(manifest string) *unstructured.Unstructured {
	v.t.Helper()
	object := &unstructured.Unstructured{}
	v.must(nil, yaml.Unmarshal([]byte(manifest), &object.Object))
	object.SetNamespace(v.namespace)
	return object
}

// protect puts on an object what NOPEA does where driftPolicy is Prevent.
func (v *tenant) protect(object *unstructured.Unstructured) *unstructured.Unstructured {
	labels, annotations := object.GetLabels(), object.GetAnnotations()
	if labels == nil {
		labels = map[string]string{}
	}
	if annotations == nil {
		annotations = map[string]string{}
	}
	labels[v1alpha1.LabelNamespace], labels[v1alpha1.LabelRepository], labels[v1alpha1.LabelPrevent] = v.namespace, "shop", "true"
	annotations[v1alpha1.AnnotationOrigin] = origin
	object.SetLabels(labels)
	object.SetAnnotations(annotations)
	return object
}

// apply applies a manifest as NOPEA does.
func (v *tenant) apply(resource schema.GroupVersionResource, manifest string) *unstructured.Unstructured {
	v.t.Helper()
	return v.applyObject(resource, v.protect(v.object(manifest)))
}

func (v *tenant) applyObject(resource schema.GroupVersionResource, object *unstructured.Unstructured) *unstructured.Unstructured {
	v.t.Helper()
	return githttp.Must(v.nopea.Resource(resource).Namespace(v.namespace).
		Apply(background(), object.GetName(), object, metav1.ApplyOptions{FieldManager: v1alpha1.FieldManager, Force: true}))(v.t)
}

// on is a resource in the tenant's namespace, as the administrator sees it.
func (v *tenant) on(resource schema.GroupVersionResource) dynamic.ResourceInterface {
	return v.admin.Resource(resource).Namespace(v.namespace)
}

func (v *tenant) get(resource schema.GroupVersionResource, name string) *unstructured.Unstructured {
	v.t.Helper()
	return githttp.Must(v.on(resource).Get(background(), name, metav1.GetOptions{}))(v.t)
}

func (v *tenant) create(resource schema.GroupVersionResource, object *unstructured.Unstructured) *unstructured.Unstructured {
	v.t.Helper()
	return githttp.Must(v.on(resource).Create(background(), object, metav1.CreateOptions{}))(v.t)
}

// update replaces an object by what change makes of it.
func update(on dynamic.ResourceInterface, name string, change func(*unstructured.Unstructured) error) error {
	return retry.RetryOnConflict(retry.DefaultBackoff, func() error { // controllers write too
		live, err := on.Get(background(), name, metav1.GetOptions{})
		if err != nil {
			return err
		}
		if err := change(live); err != nil {
			return err
		}
		_, err = on.Update(background(), live, metav1.UpdateOptions{})
		return err
	})
}

// gone waits until an object is not there.
func (v *tenant) gone(resource schema.GroupVersionResource, name string) {
	v.t.Helper()
	eventually(v.t, resource.Resource+" "+name+" is gone", func(ctx context.Context) error {
		_, err := v.on(resource).Get(ctx, name, metav1.GetOptions{})
		return absent(err)
	})
}

// absent is nil if the error says that something is not there.
func absent(err error) error {
	if apierrors.IsNotFound(err) {
		return nil
	}
	return errors.Join(errors.New("it is there"), err)
}

// refused fails the test unless the policy refused a request about something of this tenant, in words that help.
func (v *tenant) refused(_ any, err error) {
	v.t.Helper()
	if !apierrors.IsForbidden(err) {
		v.t.Errorf("the answer is %v; want a refusal", err)
		return
	}
	said := []string{prevent.Name, "GitRepository " + v.namespace + "/shop", origin, "push", fmt.Sprintf("%q", breakGlass), "spec.driftPolicy"}
	for _, words := range said {
		if !strings.Contains(err.Error(), words) {
			v.t.Errorf("%q does not say %q", err, words)
		}
	}
}

// entry is NOPEA's entry in an object's managed fields.
func (v *tenant) entry(object *unstructured.Unstructured) string {
	v.t.Helper()
	for _, entry := range object.GetManagedFields() {
		if entry.Manager == v1alpha1.FieldManager && entry.Operation == metav1.ManagedFieldsOperationApply {
			return string(githttp.Must(json.Marshal(entry))(v.t))
		}
	}
	return ""
}

// eventually waits until check returns nil.
func eventually(t *testing.T, what string, check func(context.Context) error) {
	t.Helper()
	var last error
	err := wait.PollUntilContextTimeout(background(), 50*time.Millisecond, patience, true, func(ctx context.Context) (bool, error) {
		last = check(ctx)
		return last == nil, nil
	})
	if err != nil {
		t.Fatalf("waited in vain for: %s: %v", what, errors.Join(err, last))
	}
}
