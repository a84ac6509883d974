package apply

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/metadata"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
)

// Cluster is the API server as one owner's identity sees it: all reads and writes of that owner's objects go through it. Answers
// are taken as metadata only, so no Secret's content ever comes back.
type Cluster struct {
	Owner     Owner
	Metadata  metadata.Interface
	Discovery *Discovery
	// RepositoryExists tells whether another GitRepository is still there to hold what it applied.
	RepositoryExists func(ctx context.Context, other Owner) (bool, error)
}

func (c *Cluster) get(ctx context.Context, resource Resource, id ID) (*metav1.PartialObjectMetadata, error) {
	return c.client(resource, id.Namespace).Get(ctx, id.Name, metav1.GetOptions{})
}

// apply sends one server-side apply. With a uid it succeeds only on the very object that was seen.
func (c *Cluster) apply(ctx context.Context, resource Resource, desired *Desired, uid types.UID, dryRun bool) (*metav1.PartialObjectMetadata, error) {
	body, err := json.Marshal(withUID(desired.Object.Object, uid))
	if err != nil {
		return nil, fmt.Errorf("encode the manifest: %w", err)
	}
	options := metav1.PatchOptions{FieldManager: v1alpha1.FieldManager, Force: new(true), FieldValidation: metav1.FieldValidationStrict}
	if dryRun {
		options.DryRun = []string{metav1.DryRunAll}
	}
	return c.client(resource, desired.ID.Namespace).Patch(ctx, desired.ID.Name, types.ApplyPatchType, body, options)
}

// withUID returns a manifest that names the very object that it is for. The rest is shared, not copied: definitions are large.
func withUID(content map[string]any, uid types.UID) map[string]any {
	if uid == "" {
		return content
	}
	metadata, _ := content["metadata"].(map[string]any)
	metadata = maps.Clone(metadata)
	metadata["uid"] = string(uid)
	content = maps.Clone(content)
	content["metadata"] = metadata
	return content
}

// delete removes the very object that was seen.
func (c *Cluster) delete(ctx context.Context, resource Resource, id ID, uid types.UID) error {
	policy := metav1.DeletePropagationBackground
	return c.client(resource, id.Namespace).Delete(ctx, id.Name, metav1.DeleteOptions{
		Preconditions:     &metav1.Preconditions{UID: &uid},
		PropagationPolicy: &policy,
	})
}

func (c *Cluster) client(resource Resource, namespace string) metadata.ResourceInterface {
	getter := c.Metadata.Resource(resource.GroupVersionResource)
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
