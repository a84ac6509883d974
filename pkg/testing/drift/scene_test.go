package drift

import (
	"context"
	"fmt"
	"reflect"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/retry"

	"nopea.io/nopea/pkg/testing/githttp"
	"nopea.io/nopea/pkg/testing/localcluster"
)

var (
	deployments = schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "deployments"}
	configMaps  = schema.GroupVersionResource{Version: "v1", Resource: "configmaps"}
	services    = schema.GroupVersionResource{Version: "v1", Resource: "services"}
)

// thing is one object of a tenant's namespace.
type thing struct {
	v        *tenant
	resource schema.GroupVersionResource
	name     string
}

func (v *tenant) thing(resource schema.GroupVersionResource, name string) *thing {
	return &thing{v: v, resource: resource, name: name}
}

func (o *thing) String() string { return o.resource.Resource + " " + o.name }

// read returns the object as it is.
func (o *thing) read() *unstructured.Unstructured {
	o.v.t.Helper()
	return githttp.Must(o.v.objects.Resource(o.resource).Namespace(o.v.namespace).Get(background(), o.name, metav1.GetOptions{}))(o.v.t)
}

// tryPatch edits the object.
func (o *thing) tryPatch(kind types.PatchType, patch string, options metav1.PatchOptions) (*unstructured.Unstructured, error) {
	return o.v.objects.Resource(o.resource).Namespace(o.v.namespace).Patch(background(), o.name, kind, []byte(patch), options)
}

// merge edits the object as somebody with kubectl would.
func (o *thing) merge(patch string) *unstructured.Unstructured {
	o.v.t.Helper()
	return githttp.Must(o.tryPatch(types.MergePatchType, patch, metav1.PatchOptions{FieldManager: editor}))(o.v.t)
}

// json is merge with a JSON patch.
func (o *thing) json(patch string) *unstructured.Unstructured {
	o.v.t.Helper()
	return githttp.Must(o.tryPatch(types.JSONPatchType, patch, metav1.PatchOptions{FieldManager: editor}))(o.v.t)
}

// put updates the object to what change makes of it, however often its controller writes it meanwhile.
func (o *thing) put(change func(*unstructured.Unstructured) *unstructured.Unstructured) (before, after *unstructured.Unstructured) {
	o.v.t.Helper()
	o.v.must(nil, retry.RetryOnConflict(retry.DefaultBackoff, func() (err error) {
		before = o.read()
		after, err = o.v.objects.Resource(o.resource).Namespace(o.v.namespace).Update(background(), change(before), metav1.UpdateOptions{FieldManager: editor})
		return err
	}))
	return before, after
}

// at is what an object has at a dotted path, in which a number stands for an item of a list.
func at(object *unstructured.Unstructured, path string) any {
	var found any = object.Object
	for _, step := range strings.Split(path, ".") {
		switch inner := found.(type) {
		case map[string]any:
			found = inner[step]
		case []any:
			number := 0
			if _, err := fmt.Sscan(step, &number); err != nil || number >= len(inner) {
				return nil
			}
			found = inner[number]
		default:
			return nil
		}
	}
	return found
}

// has fails the test if the object has not the value at the path.
func (o *thing) has(object *unstructured.Unstructured, path string, value any) {
	o.v.t.Helper()
	if found := at(object, path); !reflect.DeepEqual(found, value) {
		o.v.t.Fatalf("%s has %v at %s; want %v", o, found, path, value)
	}
}

// becomes waits until the object has the value at the path.
func (o *thing) becomes(path string, value any) {
	o.v.t.Helper()
	o.v.eventually(fmt.Sprintf("%s has %v at %s", o, value, path), func(context.Context) error {
		if found := at(o.read(), path); !reflect.DeepEqual(found, value) {
			return fmt.Errorf("it has %v", found)
		}
		return nil
	})
}

// witnessYAML is a ConfigMap whose edits tell that NOPEA has looked at what came before.
const witnessYAML = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: witness}\ndata: {key: one}\n"

// settle has the witness edited and put back some times: whatever goes on without end would show meanwhile.
func (v *tenant) settle() {
	v.t.Helper()
	witness := v.thing(configMaps, "witness")
	for range 5 {
		witness.merge(`{"data":{"key":"edited"}}`)
		witness.becomes("data.key", "one")
	}
}

// writes are NOPEA's requests since a mark that would change an object, dry runs left out.
func (o *thing) writes(mark localcluster.Mark) []localcluster.Event {
	o.v.t.Helper()
	events := githttp.Must(o.v.on.Cluster.AuditLog().Since(mark, localcluster.Match{
		ImpersonatedUser: "system:serviceaccount:" + o.v.namespace + ":nopea", Verbs: localcluster.Writes(),
		Group: o.resource.Group, Resource: o.resource.Resource, Namespace: o.v.namespace, Name: o.name,
	}))(o.v.t)
	var actual []localcluster.Event
	for _, event := range events {
		if !strings.Contains(event.RequestURI, "dryRun") {
			actual = append(actual, event)
		}
	}
	return actual
}

func (v *tenant) mark() localcluster.Mark {
	v.t.Helper()
	return githttp.Must(v.on.Cluster.AuditLog().Mark())(v.t)
}

// apply applies manifests as the cluster's administrator.
func (v *tenant) apply(manifests string) {
	v.t.Helper()
	if err := v.on.Apply(background(), []byte(manifests)); err != nil {
		v.t.Fatal(err)
	}
}

// deploymentYAML is a Deployment with lists of several kinds; the controllers of the local cluster make its Pods, which stay pending.
func deploymentYAML(name string) string {
	return fmt.Sprintf(`apiVersion: apps/v1
kind: Deployment
metadata: {name: %[1]s}
spec:
  replicas: 1
  selector: {matchLabels: {app: %[1]s}}
  template:
    metadata: {labels: {app: %[1]s}}
    spec:
      initContainers: [{name: first, image: "init:1"}, {name: second, image: "init:2"}]
      containers:
      - {name: web, image: "nginx:1", env: [{name: A, value: "1"}, {name: B, value: "$(A)"}]}
      - {name: proxy, image: "proxy:1"}
      volumes: [{name: one, emptyDir: {}}, {name: two, emptyDir: {}}]
      nodeSelector: {}
`, name)
}

// parallel is a tenant with files on the shared cluster, whose test runs beside others.
func parallel(t *testing.T, files map[string]string) *tenant {
	t.Helper()
	t.Parallel()
	v := newTenant(t, world)
	files["witness.yaml"] = witnessYAML
	v.declare("shop", files)
	return v
}
