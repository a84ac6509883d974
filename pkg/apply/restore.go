package apply

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"nopea.io/nopea/pkg/ownership"
)

// RefusedError says that somebody else holds an object.
type RefusedError struct {
	Holder *Holder
}

func (e *RefusedError) Error() string {
	return e.Holder.refusal()
}

// Restore applies an object that is not as it should be, or is gone: where facts is nil nothing showed one of its name. It returns the
// object's metadata as it is then. The caller holds the object's lock.
func (c *Cluster) Restore(ctx context.Context, resource Resource, desired *Desired, facts *ownership.Facts) (*metav1.PartialObjectMetadata, error) {
	var how Write
	if facts != nil && LiveOf(*facts, c.Owner).ours() {
		how = Write{UID: facts.UID, Yields: facts.Yielded != (ownership.Digest{})}
	}
	live, err := c.write(ctx, resource, desired, how)
	if !apierrors.IsConflict(err) {
		return live, err
	}
	// It is there without NOPEA's marks, or another object of that name is.
	object, err := c.Get(ctx, resource, desired.ID)
	if apierrors.IsNotFound(err) {
		return c.Apply(ctx, resource, desired, Write{})
	}
	if err != nil {
		return nil, err
	}
	found, err := c.judge(ctx, desired.ID, object)
	switch {
	case err != nil:
		return nil, err
	case found.Holder != nil:
		return nil, &RefusedError{found.Holder}
	case found.Deleting:
		return nil, fmt.Errorf("it is being deleted")
	}
	how = Write{UID: found.UID, Yields: found.Yielded != ""}
	if found.adoptable() {
		return c.takeOver(ctx, resource, desired, how)
	}
	return c.write(ctx, resource, desired, how)
}

// Record tells the Witness of an object that was applied.
func (c *Cluster) Record(resource Resource, desired *Desired, live *metav1.PartialObjectMetadata) error {
	entry, err := NewEntry(desired, live)
	if err != nil {
		return err
	}
	if c.Witness != nil {
		c.Witness.Applied(c.Owner, resource, live, entry)
	}
	return nil
}
