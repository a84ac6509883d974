package drift

import (
	"context"
	"encoding/json"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/retry"
)

// method is how an edit is sent.
type method string

const (
	update     method = "update"
	jsonPatch  method = "JSON patch"
	mergePatch method = "merge patch"
	forced     method = "forced apply"
	throughSub method = "/scale"
)

func methods() []method { return []method{update, jsonPatch, mergePatch, forced} }

// editor is the field manager of edits. Nothing that comes from kubectl is trusted to be somebody's task.
const editor = "kubectl-edit"

// methods that can bring the edit about. An apply removes nothing that its manager did not apply, and does not rename.
func (e *edit) methods() []method {
	if e.op == remove || e.shape == anElement || e.renames() {
		return methods()[:3]
	}
	return methods()
}

// renames tells whether the edit changes what tells an item from others.
func (e *edit) renames() bool {
	if len(e.path) < 2 || e.path[len(e.path)-1].FieldName == nil || e.path[len(e.path)-2].Key == nil {
		return false
	}
	for _, key := range *e.path[len(e.path)-2].Key {
		if key.Name == *e.path[len(e.path)-1].FieldName {
			return true
		}
	}
	return false
}

// send makes a change, or by dry run only asks what would become of the object. It is made again on a newer base if a controller wrote
// the object meanwhile.
func (o *object) send(ctx context.Context, e *edit, how method, dry bool) (*unstructured.Unstructured, error) {
	for range 5 {
		change, ok := e.on(o.base.Object)
		if !ok {
			return nil, fmt.Errorf("%s: %s is not there", o.id, e.path)
		}
		after, err := o.sendOnce(ctx, change, how, dry)
		if !apierrors.IsConflict(err) {
			return after, err
		}
		if err := o.refresh(ctx); err != nil {
			return nil, err
		}
	}
	return nil, fmt.Errorf("%s is written all the time", o.id)
}

func (o *object) sendOnce(ctx context.Context, c *change, how method, dry bool) (*unstructured.Unstructured, error) {
	var dryRun []string
	if dry {
		dryRun = []string{metav1.DryRunAll}
	}
	options := metav1.PatchOptions{FieldManager: editor, DryRun: dryRun}
	switch how {
	case update:
		return o.client.Update(ctx, &unstructured.Unstructured{Object: c.edited}, metav1.UpdateOptions{FieldManager: editor, DryRun: dryRun})
	case jsonPatch:
		return o.patch(ctx, types.JSONPatchType, options, c.jsonPatch)
	case mergePatch:
		return o.patch(ctx, types.MergePatchType, options, c.mergePatch)
	}
	return o.forceApply(ctx, c.applied(), options)
}

// forceApply applies a part of the object as another manager.
func (o *object) forceApply(ctx context.Context, content map[string]any, options metav1.PatchOptions) (*unstructured.Unstructured, error) {
	options.Force = new(true)
	return o.patch(ctx, types.ApplyPatchType, options, func() ([]byte, error) {
		content = with(content, "apiVersion", o.base.GetAPIVersion())
		return json.Marshal(with(content, "kind", o.base.GetKind()))
	})
}

func (o *object) patch(
	ctx context.Context, kind types.PatchType, options metav1.PatchOptions, body func() ([]byte, error), sub ...string,
) (*unstructured.Unstructured, error) {
	data, err := body()
	if err != nil {
		return nil, err
	}
	return o.client.Patch(ctx, o.id.Name, kind, data, options, sub...)
}

// scale asks for one replica more through the subresource. There is no telling by a dry run what becomes of the object.
func (o *object) scale(ctx context.Context, manager string) error {
	return retry.RetryOnConflict(retry.DefaultBackoff, func() error {
		scale, err := o.client.Get(ctx, o.id.Name, metav1.GetOptions{}, "scale")
		if err != nil {
			return err
		}
		replicas, _, err := unstructured.NestedInt64(scale.Object, "spec", "replicas")
		if err != nil {
			return err
		}
		if err := unstructured.SetNestedField(scale.Object, replicas+1, "spec", "replicas"); err != nil {
			return err
		}
		_, err = o.client.Update(ctx, scale, metav1.UpdateOptions{FieldManager: manager}, "scale")
		return err
	})
}
