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
	// ignored are objects that ask not to be applied, each with the annotation by which it does.
	ignored map[apply.ID]string
	// notes name what is not honoured of annotations for other tools.
	notes []string
	// defined are the kinds that CustomResourceDefinitions of the commit will serve.
	defined map[schema.GroupKind]bool
}

// render makes of a commit what is to be applied for a GitRepository, step by step.
func (c *Controller) render(ctx context.Context, repository *v1alpha1.GitRepository, snapshot *git.Snapshot, read *inputs, asOf time.Time) (*rendered, error) {
	rendersTotal.Inc()
	tree := &commitTree{snapshot: snapshot, keys: read.keys}
	objects, err := c.load(ctx, tree, &repository.Spec)
	if err != nil {
		return nil, err
	}
	if read.variables != nil {
		if objects, err = manifest.Substitute(objects, read.variables, typeOf); err != nil {
			return nil, err
		}
	}
	objects, err = c.normalize(ctx, repository, objects, asOf)
	if err != nil {
		return nil, err
	}
	return desire(objects, &repository.Spec, c.IgnoreDifferences, read.keys.Digest())
}

// normalize completes objects with namespaces and with what marks them as the GitRepository's.
func (c *Controller) normalize(ctx context.Context, repository *v1alpha1.GitRepository, objects []manifest.Object, asOf time.Time) ([]manifest.Object, error) {
	scope := &scopes{ctx: ctx, discovery: c.Discovery, asOf: asOf}
	owner := ownerOf(repository)
	normal, err := manifest.Normalize(objects, manifest.Options{
		Scope:            scope.of,
		TargetNamespace:  repository.Spec.TargetNamespace,
		DefaultNamespace: repository.Namespace,
		Labels:           func(object manifest.Object) map[string]string { return labelsOf(object, &repository.Spec, owner) },
		Annotations:      func(object manifest.Object) map[string]string { return annotationsOf(object, &repository.Spec) },
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
