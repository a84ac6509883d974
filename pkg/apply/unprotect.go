package apply

import (
	"context"
	"fmt"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
)

// Unprotect takes the label off an object by which edits of it are refused. One that is gone needs none.
func (c *Cluster) Unprotect(ctx context.Context, id ID, version string) error {
	resource, err := c.Discovery.LookupAny(ctx, id.GroupKind().WithVersion(version), time.Time{})
	if err != nil {
		return err
	}
	label := strings.NewReplacer("~", "~0", "/", "~1").Replace(v1alpha1.LabelPrevent)
	patch := fmt.Sprintf(`[{"op":"test","path":"/metadata/labels/%[1]s","value":"true"},{"op":"remove","path":"/metadata/labels/%[1]s"}]`, label)
	_, err = c.client(resource, id.Namespace).Patch(ctx, id.Name, types.JSONPatchType, []byte(patch),
		metav1.PatchOptions{FieldManager: v1alpha1.FieldManager})
	if apierrors.IsNotFound(err) || apierrors.IsInvalid(err) {
		return nil // it is gone, or not labelled any more
	}
	return err
}
