package apply

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
	"nopea.io/nopea/pkg/ownership"
)

// takeOverTries bounds how often an object is looked at again because somebody writes it meanwhile.
const takeOverTries = 10

// adopt takes an object over from those who hold it now, and tells whether that changed anything of it but whose it is.
func (c *Cluster) adopt(ctx context.Context, resource Resource, desired *Desired, how Write) (live *metav1.PartialObjectMetadata, changed bool, err error) {
	before, err := c.objects(resource, desired.ID.Namespace).Get(ctx, desired.ID.Name, metav1.GetOptions{})
	if err != nil {
		return nil, false, err
	}
	if live, err = c.takeOver(ctx, resource, desired, how); err != nil {
		return nil, false, err
	}
	after, err := c.objects(resource, desired.ID.Namespace).Get(ctx, desired.ID.Name, metav1.GetOptions{})
	if err != nil {
		return nil, false, fmt.Errorf("read what was taken over: %w", err)
	}
	return live, !sameContent(before, after), nil
}

// takeOver applies an object once what other deployers hold of it is NOPEA's, and their marks are gone: then the apply takes away what they
// held and Git does not. The first patch alone ends their hold, so that whenever the process ends, the object is taken over anew, or is
// NOPEA's.
func (c *Cluster) takeOver(ctx context.Context, resource Resource, desired *Desired, how Write) (*metav1.PartialObjectMetadata, error) {
	var live *metav1.PartialObjectMetadata
	for range takeOverTries {
		object, err := c.Get(ctx, resource, desired.ID)
		if err != nil {
			return nil, err
		}
		if live == nil {
			found, err := c.judge(ctx, desired.ID, object)
			switch {
			case err != nil:
				return nil, err
			case found.Holder != nil:
				return nil, &RefusedError{found.Holder}
			}
		}
		var patch []byte
		if live != nil || !ownership.Applied(object.ManagedFields) || len(ownership.Deployers(object.ManagedFields)) == 0 {
			if patch, err = inheritance(object, desired); err != nil {
				return nil, err
			}
			if patch == nil && live != nil {
				return live, nil
			}
		} // else NOPEA's own fields come first
		if patch != nil {
			_, err = c.client(resource, desired.ID.Namespace).Patch(ctx, desired.ID.Name, types.JSONPatchType, patch,
				metav1.PatchOptions{FieldManager: v1alpha1.FieldManager})
			if apierrors.IsConflict(err) {
				continue
			}
			if err != nil {
				return nil, fmt.Errorf("take over what others hold of it: %w", err)
			}
		}
		if live, err = c.write(ctx, resource, desired, how); err != nil {
			return nil, err
		}
	}
	return nil, fmt.Errorf("take over what others hold of it: it is written by somebody again and again")
}

// inheritance is a JSON patch, for exactly one version of an object, by which what other deployers hold is NOPEA's and their marks are
// gone, but for those that Git holds. Nil when there is nothing to patch.
func inheritance(object *metav1.PartialObjectMetadata, desired *Desired) ([]byte, error) {
	// Replaced by its own value, the resourceVersion makes the API server answer with a conflict where it is another by now.
	operations := []operation{{Op: "replace", Path: "/metadata/resourceVersion", Value: object.ResourceVersion}}
	managed, err := ownership.Inherit(object.ManagedFields)
	if err != nil {
		return nil, err
	}
	if managed != nil {
		operations = append(operations, operation{Op: "replace", Path: "/metadata/managedFields", Value: managed})
	}
	content, err := decode(desired.Body)
	if err != nil {
		return nil, err
	}
	wanted := unstructured.Unstructured{Object: content}
	labels, annotations := otherMarks(object)
	for _, marks := range []struct {
		at         string
		names      []string
		has, inGit map[string]string
	}{
		{"labels", labels, object.Labels, wanted.GetLabels()},
		{"annotations", annotations, object.Annotations, wanted.GetAnnotations()},
	} {
		for _, name := range marks.names {
			if _, there := marks.has[name]; !there {
				continue
			}
			if _, kept := marks.inGit[name]; !kept {
				operations = append(operations, operation{Op: "remove", Path: pointerText([]string{"metadata", marks.at, name})})
			}
		}
	}
	return encodePatch(operations)
}

// sameContent tells whether two states of an object differ in nothing but whose it is.
func sameContent(a, b *unstructured.Unstructured) bool {
	return equality.Semantic.DeepEqual(contentOf(a), contentOf(b))
}

// contentOf is an object without its status, and of its metadata only what people declare, without anybody's marks.
func contentOf(object *unstructured.Unstructured) map[string]any {
	content := maps.Clone(object.Object)
	delete(content, "metadata")
	delete(content, "status")
	marks, notes := otherMarks(object)
	marks = append(marks, helmManagedBy, v1alpha1.LabelRepository, v1alpha1.LabelNamespace, v1alpha1.LabelPrevent)
	notes = append(notes, v1alpha1.AnnotationOrigin)
	content["labels"] = without(object.GetLabels(), marks)
	content["annotations"] = without(object.GetAnnotations(), notes)
	content["finalizers"] = object.GetFinalizers()
	return content
}

func without(values map[string]string, names []string) map[string]string {
	rest := make(map[string]string, len(values))
	for name, value := range values {
		if !slices.Contains(names, name) {
			rest[name] = value
		}
	}
	return rest
}
