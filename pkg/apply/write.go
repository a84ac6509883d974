package apply

import (
	"context"
	"fmt"
	"strconv"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
	"nopea.io/nopea/pkg/ownership"
)

// Write says how an object is applied.
type Write struct {
	// UID of the very object that it is for. Empty: only if there is none of that name; a conflict tells that there is.
	UID types.UID
	// Yields: fields that their rightful controller holds are left out.
	Yields bool
	// DryRun writes nothing.
	DryRun bool
}

// Apply sends a server-side apply of a manifest, and returns the object's metadata as it is then. Fields that are left to somebody else
// are handed over first where NOPEA holds them: a field that is merely left out is removed by the API server.
func (c *Cluster) Apply(ctx context.Context, resource Resource, desired *Desired, how Write) (*metav1.PartialObjectMetadata, error) {
	live, err := c.apply(ctx, resource, desired, how)
	return live, conceal(desired, err)
}

func (c *Cluster) apply(ctx context.Context, resource Resource, desired *Desired, how Write) (*metav1.PartialObjectMetadata, error) {
	body := desired.Body
	if how.Yields {
		var err error
		if body, err = c.withoutYielded(ctx, resource, desired); err != nil {
			return nil, err
		}
	}
	if len(desired.Left) > 0 && !how.DryRun {
		uid, err := c.leave(ctx, resource, desired, how.UID)
		if err != nil {
			return nil, err
		}
		how.UID = uid
	}
	return c.patch(ctx, resource, desired.ID, v1alpha1.FieldManager, identified(body, how.UID), how.DryRun)
}

// withoutYielded is the manifest's body less what the object's rightful controllers hold now.
func (c *Cluster) withoutYielded(ctx context.Context, resource Resource, desired *Desired) ([]byte, error) {
	live, err := c.Get(ctx, resource, desired.ID)
	if err != nil {
		return nil, err
	}
	content, err := decode(desired.Body)
	if err != nil {
		return nil, err
	}
	return Encode(ownership.Without(content, ownership.YieldedPaths(desired.ID.GroupKind(), live.ManagedFields)))
}

// leave sees to it that the fields of Left have a value and a manager beside NOPEA. An object that is not there yet is created with the
// values that Git has.
func (c *Cluster) leave(ctx context.Context, resource Resource, desired *Desired, uid types.UID) (types.UID, error) {
	content, err := decode(desired.Body)
	if err != nil {
		return "", err
	}
	for _, field := range desired.Left {
		restore(content, field.Path, field.Value)
	}
	if uid == "" {
		whole, err := Encode(content)
		if err != nil {
			return "", err
		}
		created, err := c.patch(ctx, resource, desired.ID, v1alpha1.FieldManager, identified(whole, ""), false)
		if err != nil {
			return "", err
		}
		uid = created.UID
	}
	live, err := c.objects(resource, desired.ID.Namespace).Get(ctx, desired.ID.Name, metav1.GetOptions{})
	if err != nil {
		return "", fmt.Errorf("read the fields that are left to somebody else: %w", err)
	}
	part, err := handover(content, desired.Left, live)
	if err != nil || part == nil {
		return uid, err
	}
	body, err := Encode(part)
	if err != nil {
		return "", err
	}
	if _, err = c.patch(ctx, resource, desired.ID, v1alpha1.HandoverManager, identified(body, uid), false); err != nil {
		return "", fmt.Errorf("hand fields over: %w", err)
	}
	return uid, nil
}

// restore puts a field back where it was taken out of a manifest. Items of lists are never taken out, so that numbers stay right.
func restore(content map[string]any, path []string, value any) {
	var at any = content
	for i, step := range path {
		last := i == len(path)-1
		switch inner := at.(type) {
		case map[string]any:
			if last {
				inner[step] = value
				return
			}
			if _, ok := inner[step]; !ok {
				inner[step] = map[string]any{}
			}
			at = inner[step]
		case []any:
			number, err := strconv.Atoi(step)
			if err != nil || number < 0 || number >= len(inner) {
				return
			}
			at = inner[number]
		default:
			return
		}
	}
}
