package sandbox

import (
	"context"
	"fmt"

	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/restmapper"
)

const fieldManager = "sandbox"

// Apply applies the objects of a YAML stream as the cluster's administrator, one after the other.
func (s *Sandbox) Apply(ctx context.Context, manifests []byte) error {
	objects, err := decode(manifests)
	if err != nil {
		return fmt.Errorf("read the manifests to apply: %w", err)
	}
	client, err := dynamic.NewForConfig(s.config)
	if err != nil {
		return fmt.Errorf("make a client: %w", err)
	}
	kinds, err := discovery.NewDiscoveryClientForConfig(s.config)
	if err != nil {
		return fmt.Errorf("make a discovery client: %w", err)
	}
	applier, err := newApplier(kinds, client)
	if err != nil {
		return err
	}
	for _, item := range objects {
		if err := applier.apply(ctx, []object{item}); err != nil {
			return err
		}
	}
	return nil
}

// applier applies objects of the kinds that the cluster had when it was made.
type applier struct {
	mapper meta.RESTMapper
	client dynamic.Interface
}

func newApplier(discovery discovery.DiscoveryInterface, client dynamic.Interface) (*applier, error) {
	groups, err := restmapper.GetAPIGroupResources(discovery)
	if err != nil {
		return nil, fmt.Errorf("find out which kinds the cluster has: %w", err)
	}
	return &applier{mapper: restmapper.NewDiscoveryRESTMapper(groups), client: client}, nil
}

// apply applies objects side by side.
func (a *applier) apply(ctx context.Context, objects []object) error {
	group, ctx := errgroup.WithContext(ctx)
	for _, item := range objects {
		group.Go(func() error {
			if err := a.applyOne(ctx, item); err != nil {
				return fmt.Errorf("apply %s %s: %w", item.GetKind(), item.GetName(), err)
			}
			return nil
		})
	}
	return group.Wait()
}

func (a *applier) applyOne(ctx context.Context, item object) error {
	kind := item.GroupVersionKind()
	mapping, err := a.mapper.RESTMapping(kind.GroupKind(), kind.Version)
	if err != nil {
		return err
	}
	client := dynamic.ResourceInterface(a.client.Resource(mapping.Resource))
	if mapping.Scope.Name() == meta.RESTScopeNameNamespace {
		client = a.client.Resource(mapping.Resource).Namespace(item.GetNamespace())
	}
	_, err = client.Apply(ctx, item.GetName(), item, metav1.ApplyOptions{FieldManager: fieldManager, Force: true})
	return err
}
