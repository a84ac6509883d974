package apply

import (
	"context"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/metadata"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
	"nopea.io/nopea/pkg/ownership"
)

// Cluster is the API server as one owner's identity sees it: all reads and writes of that owner's objects go through it. Answers
// are taken as metadata only, so no Secret's content ever comes back; Objects is for the few fields that a user asked to be left as
// they are, and for Rehearse.
type Cluster struct {
	Owner     Owner
	Metadata  metadata.Interface
	Objects   dynamic.Interface
	Discovery *Discovery
	// Adopt lists the keys of the holders from which objects are taken over.
	Adopt []string
	// Rival tells how another GitRepository, whose labels an object carries, stands to it.
	Rival func(ctx context.Context, other Owner, id ID) (Rival, error)
	// Watch knows the labelled objects of some kinds. Nil: nothing is watched.
	Watch Watch
	// Witness is told of writes. It may be nil.
	Witness Witness
}

// Rival is how another GitRepository stands to an object that carries its labels.
type Rival struct {
	// Holds: it is there, and has not let go of the object.
	Holds bool
	// Returns: it adopts, itself or by others, from the GitRepository that asks.
	Returns bool
}

// Watch shows what a watch of labelled objects has seen.
type Watch interface {
	// Synced tells whether all labelled objects of a kind have been seen.
	Synced(schema.GroupKind) bool
	// Facts of an object, if it carries the labels of any owner.
	Facts(ID) (ownership.Facts, bool)
}

// Witness takes part in what is written, so that no two writers of one object meet.
type Witness interface {
	// Lock keeps others from writing the object until the returned function is called.
	Lock(ID) (unlock func())
	// Applied tells that an object was applied, and how it is to be recorded.
	Applied(owner Owner, resource Resource, live *metav1.PartialObjectMetadata, entry v1alpha1.InventoryEntry)
	// Deleted tells that an object was deleted.
	Deleted(resource Resource, id ID, uid types.UID)
	// Lost tells whether another owner has applied an object since it was that owner's. The caller holds its lock.
	Lost(owner Owner, id ID) bool
}

// Get reads an object's metadata.
func (c *Cluster) Get(ctx context.Context, resource Resource, id ID) (*metav1.PartialObjectMetadata, error) {
	return c.client(resource, id.Namespace).Get(ctx, id.Name, metav1.GetOptions{})
}

// Read reads a whole object, in the version of its kind that Git uses. It is for kinds that hold no secrets.
func (c *Cluster) Read(ctx context.Context, id ID, version string) (*unstructured.Unstructured, error) {
	resource, err := c.Discovery.Lookup(ctx, id.GroupKind().WithVersion(version), time.Time{})
	if err != nil {
		return nil, err
	}
	return c.objects(resource, id.Namespace).Get(ctx, id.Name, metav1.GetOptions{})
}

// patch sends one server-side apply.
func (c *Cluster) patch(ctx context.Context, resource Resource, id ID, manager string, body []byte, dryRun bool) (*metav1.PartialObjectMetadata, error) {
	options := metav1.PatchOptions{FieldManager: manager, Force: new(true), FieldValidation: metav1.FieldValidationStrict}
	if dryRun {
		options.DryRun = []string{metav1.DryRunAll}
	}
	return c.client(resource, id.Namespace).Patch(ctx, id.Name, types.ApplyPatchType, body, options)
}

// delete removes the very object that was seen.
func (c *Cluster) delete(ctx context.Context, resource Resource, id ID, uid types.UID, dryRun bool) error {
	policy := metav1.DeletePropagationBackground
	options := metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &uid}, PropagationPolicy: &policy}
	if dryRun {
		options.DryRun = []string{metav1.DryRunAll}
	}
	return c.client(resource, id.Namespace).Delete(ctx, id.Name, options)
}

func (c *Cluster) client(resource Resource, namespace string) metadata.ResourceInterface {
	getter := c.Metadata.Resource(resource.GroupVersionResource)
	if resource.Namespaced {
		return getter.Namespace(namespace)
	}
	return getter
}

func (c *Cluster) objects(resource Resource, namespace string) dynamic.ResourceInterface {
	getter := c.Objects.Resource(resource.GroupVersionResource)
	if resource.Namespaced {
		return getter.Namespace(namespace)
	}
	return getter
}

// lookup finds how a step's object is served, in the version that Git uses, or for a recorded object in any.
func (c *Cluster) lookup(ctx context.Context, step *Step, asOf time.Time) (Resource, error) {
	gvk := step.ID.GroupKind().WithVersion(step.Version)
	if step.Desired != nil {
		return c.Discovery.Lookup(ctx, gvk, asOf)
	}
	return c.Discovery.LookupAny(ctx, gvk, asOf)
}

// lock is the Witness' Lock, where there is one.
func (c *Cluster) lock(id ID) (unlock func()) {
	if c.Witness == nil {
		return func() {}
	}
	return c.Witness.Lock(id)
}
