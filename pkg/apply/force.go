package apply

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"

	"nopea.io/nopea/pkg/directive"
)

// goneWithin bounds the wait for an object that was deleted to be made anew; most are gone at once.
const (
	goneWithin   = 10 * time.Second
	lookForEvery = 50 * time.Millisecond
)

// isImmutable tells whether the API server refused a change for nothing but that fields are immutable. Had it anything else against the
// object, the object would be deleted and could not be made anew.
//
// There is no code for that: validation says so in the words that end the message of each cause (k8s.io/apimachinery,
// pkg/api/validation.FieldImmutableErrorMsg; pkg/apis/*/validation of kube-apiserver). What stands before them may be a user's value.
func isImmutable(err error) bool {
	var hidden *confidentialError
	if errors.As(err, &hidden) {
		err = hidden.original
	}
	var status apierrors.APIStatus
	if !apierrors.IsInvalid(err) || !errors.As(err, &status) || status.Status().Details == nil {
		return false
	}
	causes := status.Status().Details.Causes
	return len(causes) > 0 && !slices.ContainsFunc(causes, func(cause metav1.StatusCause) bool { return !saysImmutable(cause) })
}

func saysImmutable(cause metav1.StatusCause) bool {
	message := strings.TrimSuffix(cause.Message, ".")
	switch cause.Type {
	case metav1.CauseTypeFieldValueInvalid:
		return hasAnySuffix(message, "field is immutable", "alue is immutable", "may not change once set", "cannot change roleRef",
			"failed rule: self == oldSelf")
	case metav1.CauseTypeForbidden:
		// Nothing of the object's is quoted in these.
		return hasAnySuffix(message, "field is immutable", "field is immutable when `immutable` is set") ||
			strings.HasPrefix(message, "Forbidden: updates to statefulset spec for fields other than ")
	}
	return false
}

func hasAnySuffix(text string, suffixes ...string) bool {
	return slices.ContainsFunc(suffixes, func(suffix string) bool { return strings.HasSuffix(text, suffix) })
}

// irreplaceable kinds are never deleted to be made anew: with them goes what nothing brings back.
func irreplaceable(id ID) bool {
	return precious(id) || id.GroupKind().String() == "PersistentVolume"
}

// mayRecreate tells whether an object is to be deleted and made anew after a failed apply.
func mayRecreate(desired *Desired, how Write, err error) bool {
	return desired.Force && how.UID != "" && !how.DryRun && !irreplaceable(desired.ID) && isImmutable(err)
}

// recreate deletes the very object of which a change was refused, and applies it when it is gone. One that somebody marked as not to be
// deleted stays, and so does the refusal.
func (c *Cluster) recreate(ctx context.Context, resource Resource, desired *Desired, uid types.UID, refusal error) (*metav1.PartialObjectMetadata, error) {
	live, err := c.Get(ctx, resource, desired.ID)
	if err != nil {
		return nil, fmt.Errorf("%w; it was not made anew: %w", refusal, err)
	}
	if why := directive.KeepOf(live.Labels, live.Annotations).FromPrune(); why != "" {
		return nil, fmt.Errorf("%w; it is not made anew, because %s", refusal, why)
	}
	if err := c.delete(ctx, resource, desired.ID, uid, false); err != nil && !apierrors.IsNotFound(err) {
		return nil, fmt.Errorf("delete it, to make it anew: %w", err)
	}
	if c.Witness != nil {
		c.Witness.Deleted(resource, desired.ID, uid)
	}
	var made *metav1.PartialObjectMetadata
	err = wait.PollUntilContextTimeout(ctx, lookForEvery, goneWithin, true, func(ctx context.Context) (bool, error) {
		var err error
		if made, err = c.Apply(ctx, resource, desired, Write{}); apierrors.IsConflict(err) {
			return false, nil // it is still there
		}
		return true, err
	})
	if wait.Interrupted(err) {
		return nil, fmt.Errorf("it was deleted to be made anew, and is not gone yet: its finalizers are waited for")
	}
	return made, err
}
