package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"

	"nopea.io/nopea/pkg/testing/localcluster"
)

const (
	// plainAtOnce is how many requests the floor of row 4 has under way.
	plainAtOnce = 16
	plainLook   = 10 * time.Millisecond
)

// plain applies whole manifests by hand. It knows all kinds beforehand.
type plain struct {
	client dynamic.Interface
	// builtIn are the kinds of a new cluster, defined those of the definitions that are applied.
	builtIn, defined apimeta.RESTMapper
}

// plainFirstApply is the floor of row 4, on a new cluster without NOPEA.
func (b *bench) plainFirstApply(ctx context.Context, name string, files map[string]string) (took time.Duration, err error) {
	say("Row 4: its floor, on a cluster without NOPEA (%s)", name)
	cluster, err := localcluster.Start(ctx, localcluster.Options{Dir: filepath.Join(b.dir, name, "cluster")})
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, cluster.Stop()) }()
	config, err := cluster.Config()
	if err != nil {
		return 0, err
	}
	objects, err := decodeAll(files)
	if err != nil {
		return 0, err
	}
	p, err := newPlain(config, objects)
	if err != nil {
		return 0, err
	}
	stages := p.stages(objects)
	start := time.Now()
	for _, stage := range stages {
		if err := p.applyStage(ctx, stage); err != nil {
			return 0, err
		}
	}
	return time.Since(start), nil
}

func decodeAll(files map[string]string) ([]*unstructured.Unstructured, error) {
	var objects []*unstructured.Unstructured
	for _, name := range slices.Sorted(maps.Keys(files)) {
		for decoder := yaml.NewYAMLOrJSONDecoder(bytes.NewReader([]byte(files[name])), 4<<10); ; {
			object := &unstructured.Unstructured{}
			err := decoder.Decode(object)
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				return nil, fmt.Errorf("decode %s: %w", name, err)
			}
			if !object.IsList() {
				objects = append(objects, object)
				continue
			}
			err = object.EachListItem(func(item runtime.Object) error {
				objects = append(objects, item.(*unstructured.Unstructured))
				return nil
			})
			if err != nil {
				return nil, fmt.Errorf("decode %s: %w", name, err)
			}
		}
	}
	return objects, nil
}

func newPlain(config *rest.Config, objects []*unstructured.Unstructured) (*plain, error) {
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("make a client: %w", err)
	}
	kinds, err := discovery.NewDiscoveryClientForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("make a client: %w", err)
	}
	groups, err := restmapper.GetAPIGroupResources(kinds)
	if err != nil {
		return nil, fmt.Errorf("find out which kinds the cluster has: %w", err)
	}
	defined, err := definedBy(objects)
	return &plain{client: client, builtIn: restmapper.NewDiscoveryRESTMapper(groups), defined: defined}, err
}

// definedBy maps the kinds that the definitions among the objects define.
func definedBy(objects []*unstructured.Unstructured) (apimeta.RESTMapper, error) {
	mapper := apimeta.NewDefaultRESTMapper(nil)
	for _, object := range objects {
		if object.GetKind() != "CustomResourceDefinition" {
			continue
		}
		var definition struct {
			Spec struct {
				Group string `json:"group"`
				Scope string `json:"scope"`
				Names struct {
					Kind     string `json:"kind"`
					Plural   string `json:"plural"`
					Singular string `json:"singular"`
				} `json:"names"`
				Versions []struct {
					Name string `json:"name"`
				} `json:"versions"`
			} `json:"spec"`
		}
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, &definition); err != nil {
			return nil, fmt.Errorf("read the definition %s: %w", object.GetName(), err)
		}
		scope := apimeta.RESTScopeRoot
		if definition.Spec.Scope == "Namespaced" {
			scope = apimeta.RESTScopeNamespace
		}
		names := definition.Spec.Names
		for _, version := range definition.Spec.Versions {
			served := schema.GroupVersion{Group: definition.Spec.Group, Version: version.Name}
			mapper.AddSpecific(served.WithKind(names.Kind), served.WithResource(names.Plural), served.WithResource(names.Singular), scope)
		}
	}
	return mapper, nil
}

// stages are definitions and namespaces, what the cluster knows already, and what the definitions define.
func (p *plain) stages(objects []*unstructured.Unstructured) [3][]*unstructured.Unstructured {
	var stages [3][]*unstructured.Unstructured
	for _, object := range objects {
		kind := object.GroupVersionKind()
		stage := 1
		if kind.Kind == "CustomResourceDefinition" || kind.Kind == "Namespace" {
			stage = 0
		} else if _, err := p.builtIn.RESTMapping(kind.GroupKind(), kind.Version); err != nil {
			stage = 2
		}
		stages[stage] = append(stages[stage], object)
	}
	return stages
}

// applyStage applies objects side by side.
func (p *plain) applyStage(ctx context.Context, objects []*unstructured.Unstructured) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(plainAtOnce)
	for _, object := range objects {
		group.Go(func() error {
			if err := p.apply(ctx, object); err != nil {
				return fmt.Errorf("apply %s %s: %w", object.GetKind(), object.GetName(), err)
			}
			return nil
		})
	}
	return group.Wait()
}

// apply tries again while a kind is defined but not served yet.
func (p *plain) apply(ctx context.Context, object *unstructured.Unstructured) error {
	kind := object.GroupVersionKind()
	mapping, err := apimeta.MultiRESTMapper{p.builtIn, p.defined}.RESTMapping(kind.GroupKind(), kind.Version)
	if err != nil {
		return err
	}
	client := dynamic.ResourceInterface(p.client.Resource(mapping.Resource))
	if mapping.Scope.Name() == apimeta.RESTScopeNameNamespace {
		client = p.client.Resource(mapping.Resource).Namespace(object.GetNamespace())
	}
	return wait.PollUntilContextCancel(ctx, plainLook, true, func(ctx context.Context) (bool, error) {
		_, err := client.Apply(ctx, object.GetName(), object, metav1.ApplyOptions{FieldManager: "bench", Force: true})
		if apierrors.IsNotFound(err) {
			return false, nil
		}
		return true, err
	})
}
