package drift

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/metadata"
	"k8s.io/utils/clock"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"

	"nopea.io/nopea/pkg/apply"
	"nopea.io/nopea/pkg/ownership"
	"nopea.io/nopea/pkg/testing/githttp"
)

// object is one that NOPEA applied. One goroutine at a time uses it.
type object struct {
	id       apply.ID
	resource apply.Resource
	desired  *apply.Desired
	manifest map[string]any
	cluster  *apply.Cluster
	client   dynamic.ResourceInterface
	// scalable: it has the subresource /scale.
	scalable bool
	// base is the object as NOPEA left it, own what NOPEA holds of it, facts what its metadata says.
	base  *unstructured.Unstructured
	own   *fieldpath.Set
	facts ownership.Facts
}

// applied reads the objects that a GitRepository has applied.
func (v *tenant) applied(name string, files map[string]string) []*object {
	v.t.Helper()
	config := v.on.Config()
	kinds := githttp.Must(discovery.NewDiscoveryClientForConfig(config))(v.t)
	cluster := &apply.Cluster{
		Owner:     apply.Owner{Namespace: v.namespace, Name: name},
		Metadata:  githttp.Must(metadata.NewForConfig(config))(v.t),
		Objects:   v.objects,
		Discovery: apply.NewDiscovery(kinds, clock.RealClock{}),
	}
	scalable := scalableKinds(v.t, kinds)
	var objects []*object
	desired := desiredOf(v.t, cluster.Owner, files, cluster.Discovery)
	for i := range desired {
		d := &desired[i]
		resource := githttp.Must(cluster.Discovery.Lookup(background(), d.ID.GroupKind().WithVersion(d.Version), time.Time{}))(v.t)
		o := &object{id: d.ID, resource: resource, desired: d, cluster: cluster, scalable: scalable[d.ID.GroupKind()],
			client: client(v.objects, resource, d.ID.Namespace)}
		if err := utiljson.Unmarshal(d.Body, &o.manifest); err != nil {
			v.t.Fatal(err)
		}
		if err := o.refresh(background()); err != nil {
			v.t.Fatal(err)
		}
		if o.facts.Signature == (ownership.Digest{}) {
			v.t.Fatalf("%s: NOPEA did not apply it", o.id)
		}
		objects = append(objects, o)
	}
	return objects
}

func client(objects dynamic.Interface, resource apply.Resource, namespace string) dynamic.ResourceInterface {
	if resource.Namespaced {
		return objects.Resource(resource.GroupVersionResource).Namespace(namespace)
	}
	return objects.Resource(resource.GroupVersionResource)
}

// scalableKinds are the kinds with the subresource /scale, in any version.
func scalableKinds(t *testing.T, kinds discovery.DiscoveryInterface) map[schema.GroupKind]bool {
	t.Helper()
	_, lists, err := kinds.ServerGroupsAndResources()
	if err != nil && !discovery.IsGroupDiscoveryFailedError(err) {
		t.Fatal(err)
	}
	scaled, found := make(map[schema.GroupVersionResource]bool), make(map[schema.GroupKind]bool)
	for _, pass := range []bool{true, false} {
		for _, list := range lists {
			version := schema.FromAPIVersionAndKind(list.GroupVersion, "").GroupVersion()
			for _, resource := range list.APIResources {
				if pass {
					scaled[version.WithResource(resource.Name)] = true
				} else if scaled[version.WithResource(resource.Name+"/scale")] {
					found[version.WithKind(resource.Kind).GroupKind()] = true
				}
			}
		}
	}
	return found
}

// refresh reads the object, which has to be as NOPEA applied it.
func (o *object) refresh(ctx context.Context) error {
	live, err := o.client.Get(ctx, o.id.Name, metav1.GetOptions{})
	if err != nil {
		return fmt.Errorf("read %s: %w", o.id, err)
	}
	if o.facts, err = factsOf(o.id, live); err != nil {
		return fmt.Errorf("%s: %w", o.id, err)
	}
	o.own, err = ownership.Fields(live.GetManagedFields())
	o.base = live
	return err
}

func factsOf(id apply.ID, live *unstructured.Unstructured) (ownership.Facts, error) {
	metadata := &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{
		UID: live.GetUID(), ResourceVersion: live.GetResourceVersion(), Generation: live.GetGeneration(),
		Labels: live.GetLabels(), Annotations: live.GetAnnotations(), ManagedFields: live.GetManagedFields(),
	}}
	return ownership.Read(id.GroupKind(), metadata, nil)
}

// targets are what may be edited in the object as NOPEA left it.
func (o *object) targets() []target { return targets(o.own, o.base.Object, o.manifest) }

// leaves counts the fields of all objects.
func leaves(objects []*object) int {
	count := 0
	for _, o := range objects {
		for _, t := range o.targets() {
			if t.leaf {
				count++
			}
		}
	}
	return count
}

func isDefinition(o *object) bool { return o.id.Kind == "CustomResourceDefinition" }

// divided are the CustomResourceDefinitions and all others.
func divided(objects []*object) (definitions, others []*object) {
	for _, o := range objects {
		if isDefinition(o) {
			definitions = append(definitions, o)
		} else {
			others = append(others, o)
		}
	}
	return definitions, others
}

// refused errors say that the API server does not take an edit, not that the test or the machine failed.
func refused(err error) bool {
	return apierrors.IsInvalid(err) || apierrors.IsBadRequest(err) || apierrors.IsForbidden(err) ||
		slices.Contains([]metav1.StatusReason{metav1.StatusReasonUnknown, metav1.StatusReasonInternalError}, apierrors.ReasonForError(err)) && isStatus(err)
}

func isStatus(err error) bool {
	_, ok := err.(apierrors.APIStatus) //nolint:errorlint // the client returns it as it is
	return ok
}
