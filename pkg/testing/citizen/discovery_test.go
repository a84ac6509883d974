package citizen

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"testing"

	apidiscoveryv2 "k8s.io/api/apidiscovery/v2"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
)

// TestDiscovery finds the group in kube-apiserver's aggregated discovery, as fresh, and through kubectl.
func TestDiscovery(t *testing.T) {
	t.Parallel()
	v := newTenant(t, world)
	v.eventually("aggregated discovery has the group as Current", func(context.Context) error { return v.discovered(apidiscoveryv2.DiscoveryFreshnessCurrent) })
	rows := v.kubectl("", "api-resources", "--api-group=nopea.io", "--no-headers", "-o", "name")
	if want := "gitrepositories.nopea.io\ninventories.nopea.io\nsyncs.nopea.io\n"; rows != want {
		t.Errorf("kubectl api-resources says %q, want %q", rows, want)
	}
	// kubectl asks for each group in turn, and fails if one does.
	if all := v.kubectl("", "api-resources", "--verbs=list", "-o", "name"); !containsAll(all, "pods\n", "syncs.nopea.io\n") {
		t.Errorf("kubectl api-resources says %s", all)
	}
	// kube-apiserver takes the OpenAPI documents of aggregated APIs over by itself, some time after it has discovered them.
	v.eventually("kubectl explain describes a field", func(ctx context.Context) error {
		text, err := world.Cluster.Kubectl(ctx, nil, "explain", "--api-version=nopea.io/v1alpha1", "gitrepositories.spec.deletionPolicy")
		if err != nil || !containsAll(text, "Orphan", "Delete", "DESCRIPTION") {
			return fmt.Errorf("kubectl explain: %w: %s", err, text)
		}
		return nil
	})
}

// discovered tells whether NOPEA's group is in the aggregated discovery, with all its resources, and with the given freshness.
func (v *tenant) discovered(freshness apidiscoveryv2.DiscoveryFreshness) error {
	v.t.Helper()
	got := v.request(http.MethodGet, "/apis", "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList")
	var list apidiscoveryv2.APIGroupDiscoveryList
	if err := json.Unmarshal(got.body, &list); err != nil || got.status != http.StatusOK {
		return fmt.Errorf("/apis: %d: %w: %.300s", got.status, err, got.body)
	}
	for _, group := range list.Items {
		if group.Name != v1alpha1.GroupName {
			continue
		}
		for _, version := range group.Versions {
			var names []string
			for _, resource := range version.Resources {
				names = append(names, resource.Resource)
			}
			slices.Sort(names)
			if version.Freshness != freshness || !slices.Equal(names, resources) {
				return fmt.Errorf("%s is %s, with %q", version.Version, version.Freshness, names)
			}
			return nil
		}
	}
	return fmt.Errorf("/apis has no group %s", v1alpha1.GroupName)
}

// fluxDefinition is as much of Flux's kind of the same name as discovery cares about.
const fluxDefinition = `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata:
  name: gitrepositories.source.toolkit.fluxcd.io
spec:
  group: source.toolkit.fluxcd.io
  scope: Namespaced
  names: {kind: GitRepository, listKind: GitRepositoryList, plural: gitrepositories, singular: gitrepository, shortNames: [gitrepo]}
  versions:
  - name: v1
    served: true
    storage: true
    schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
`

// TestBesideFlux installs Flux's GitRepository: what users of Flux type goes on to mean Flux's, and ours is reached by its short and
// by its full name.
func TestBesideFlux(t *testing.T) {
	t.Parallel()
	v := newTenant(t, world)
	v.kubectl(fluxDefinition, "apply", "-f", "-")
	v.kubectl("", "wait", "--for=condition=Established", "crd/gitrepositories.source.toolkit.fluxcd.io", "--timeout=60s")
	v.kubectl(fmt.Sprintf("apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata: {name: podinfo, namespace: %s}\n", v.namespace), "apply", "-f", "-")
	repo := served(t, map[string]string{"app.yaml": configMap("", "settings", "one")})
	v.declare("shop", repo.URL)
	for resource, want := range map[string]string{
		"gitrepositories":          "gitrepository.source.toolkit.fluxcd.io/podinfo\n",
		"gitrepository":            "gitrepository.source.toolkit.fluxcd.io/podinfo\n",
		"gitrepo":                  "gitrepository.source.toolkit.fluxcd.io/podinfo\n",
		"gr":                       "gitrepository.nopea.io/shop\n",
		"gitrepositories.nopea.io": "gitrepository.nopea.io/shop\n",
		"gitrepository.nopea.io":   "gitrepository.nopea.io/shop\n",
	} {
		v.eventually("kubectl get "+resource, func(ctx context.Context) error {
			got, err := world.Cluster.Kubectl(ctx, nil, "get", resource, "-n", v.namespace, "-o", "name")
			if err != nil || got != want {
				return fmt.Errorf("%w: %q, want %q", err, got, want)
			}
			return nil
		})
	}
}
