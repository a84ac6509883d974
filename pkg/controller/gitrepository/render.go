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

// render reads the manifests of a commit and makes them ready to apply for a GitRepository.
func (c *Controller) render(ctx context.Context, repository *v1alpha1.GitRepository, snapshot *git.Snapshot, asOf time.Time) (*rendered, error) {
	rendersTotal.Inc()
	files, err := snapshot.Files(ctx, repository.Spec.Path, manifest.Wanted)
	if err != nil {
		return nil, err
	}
	sources := make([]manifest.File, len(files))
	for i, file := range files {
		sources[i] = manifest.File{Path: file.Path, Data: file.Data, Hash: file.Hash}
	}
	objects, err := c.Manifests.Parse(ctx, sources, manifest.DefaultLimits())
	if err != nil {
		return nil, err
	}
	scope := &scopes{ctx: ctx, discovery: c.Discovery, asOf: asOf}
	owner := ownerOf(repository)
	objects, err = manifest.Normalize(objects, manifest.Options{
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
	return desire(objects, &repository.Spec, c.IgnoreDifferences)
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
