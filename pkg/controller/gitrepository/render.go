package gitrepository

import (
	"context"
	"errors"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
	"nopea.io/nopea/pkg/apply"
	"nopea.io/nopea/pkg/git"
	"nopea.io/nopea/pkg/manifest"
)

// rendered is what a commit asks for.
type rendered struct {
	desired []apply.Desired
	// defined are the kinds that CustomResourceDefinitions of the commit will serve.
	defined map[schema.GroupKind]bool
}

// render makes of a commit what is to be applied for a GitRepository, step by step.
func (c *Controller) render(ctx context.Context, repository *v1alpha1.GitRepository, snapshot *git.Snapshot, asOf time.Time) (*rendered, error) {
	rendersTotal.Inc()
	objects, err := c.load(ctx, commitTree{snapshot: snapshot}, repository.Spec.Path)
	if err != nil {
		return nil, err
	}
	objects, err = c.normalize(ctx, repository, objects, asOf)
	if err != nil {
		return nil, err
	}
	return desire(objects, &repository.Spec, c.IgnoreDifferences)
}

// normalize completes objects with namespaces and with what marks them as the GitRepository's.
func (c *Controller) normalize(ctx context.Context, repository *v1alpha1.GitRepository, objects []manifest.Object, asOf time.Time) ([]manifest.Object, error) {
	scope := &scopes{ctx: ctx, discovery: c.Discovery, asOf: asOf}
	owner := ownerOf(repository)
	normal, err := manifest.Normalize(objects, manifest.Options{
		Scope:            scope.of,
		TargetNamespace:  repository.Spec.TargetNamespace,
		DefaultNamespace: repository.Namespace,
		Labels: func(object manifest.Object) map[string]string {
			labels := owner.Labels()
			// An annotation that is none is found out, and said, later.
			if policy, err := policyOf(object, &repository.Spec); err == nil && policy == v1alpha1.DriftPolicyPrevent {
				labels[v1alpha1.LabelPrevent] = "true"
			}
			return labels
		},
		Annotations: func(object manifest.Object) map[string]string {
			// The file alone: a document's number moves with its neighbours, and would have them all written again.
			return map[string]string{v1alpha1.AnnotationOrigin: object.Origin.File}
		},
	})
	if err != nil {
		return nil, errors.Join(scope.err, err)
	}
	return normal, nil
}

// scopes answers which kinds live in a namespace, and remembers why it could not answer.
type scopes struct {
	ctx       context.Context
	discovery *apply.Discovery
	asOf      time.Time
	err       error
}

func (s *scopes) of(gvk schema.GroupVersionKind) (namespaced, known bool) {
	resource, err := s.discovery.Lookup(s.ctx, gvk, s.asOf)
	if err != nil {
		if !errors.Is(err, apply.ErrUnserved) {
			s.err = fmt.Errorf("look up kind %s: %w", gvk.Kind, err)
		}
		return false, false
	}
	return resource.Namespaced, true
}

func ownerOf(repository *v1alpha1.GitRepository) apply.Owner {
	return apply.Owner{Namespace: repository.Namespace, Name: repository.Name}
}
