package citizen

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/openapi"

	"nopea.io/nopea/pkg/testing/githttp"
)

// TestOpenAPIReferences resolves every reference of the documents that kube-apiserver serves for the whole cluster. One that leads
// nowhere breaks kubectl's and Helm's validation of everything, not only of the kinds of NOPEA.
func TestOpenAPIReferences(t *testing.T) {
	t.Parallel()
	v := newTenant(t, world)
	v.eventually("the cluster's document has NOPEA's kinds", v.openAPIHas("io.nopea.v1alpha1.GitRepository"))
	client := githttp.Must(kubernetes.NewForConfig(world.Config()))(t).Discovery()
	var paths map[string]openapi.GroupVersion
	v.eventually("/openapi/v3 has NOPEA's group", func(context.Context) (err error) {
		if paths, err = client.OpenAPIV3().Paths(); err == nil && paths["apis/nopea.io/v1alpha1"] == nil {
			err = fmt.Errorf("it has %q", slices.Sorted(maps.Keys(paths)))
		}
		return err
	})
	documents := map[string][]byte{"/openapi/v2": v.get("/openapi/v2")}
	for name := range paths {
		documents["/openapi/v3/"+name] = v.get("/openapi/v3/" + name)
	}
	for name, data := range documents {
		var document any
		if err := json.Unmarshal(data, &document); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		references := referencesOf(document, nil)
		for _, reference := range references {
			if !resolves(document, reference) {
				t.Errorf("%s: %s leads nowhere", name, reference)
			}
		}
		if (name == "/openapi/v2" || strings.Contains(name, "nopea.io/")) && len(references) == 0 {
			t.Errorf("%s holds no reference", name)
		}
	}
	t.Logf("%d documents", len(documents))
}

func referencesOf(node any, found []string) []string {
	switch node := node.(type) {
	case map[string]any:
		for key, value := range node {
			if reference, ok := value.(string); ok && key == "$ref" {
				found = append(found, reference)
				continue
			}
			found = referencesOf(value, found)
		}
	case []any:
		for _, value := range node {
			found = referencesOf(value, found)
		}
	}
	return found
}

// resolves follows a JSON pointer inside its document; the only form that Kubernetes uses.
func resolves(document any, reference string) bool {
	path, ok := strings.CutPrefix(reference, "#/")
	if !ok {
		return false
	}
	for step := range strings.SplitSeq(path, "/") {
		object, ok := document.(map[string]any)
		if !ok {
			return false
		}
		if document, ok = object[strings.NewReplacer("~1", "/", "~0", "~").Replace(step)]; !ok {
			return false
		}
	}
	return true
}
