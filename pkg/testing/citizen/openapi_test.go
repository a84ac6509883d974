package citizen

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"k8s.io/client-go/kubernetes"

	"nopea.io/nopea/pkg/testing/githttp"
)

// TestOpenAPIReferences resolves every reference of the documents that kube-apiserver serves for the whole cluster. One that leads
// nowhere breaks kubectl's and Helm's validation of everything, not only of the kinds of NOPEA.
func TestOpenAPIReferences(t *testing.T) {
	t.Parallel()
	v := newTenant(t, world)
	v.eventually("the cluster's document has NOPEA's kinds", v.openAPIHas("io.nopea.v1alpha1.GitRepository"))
	paths := githttp.Must(githttp.Must(kubernetes.NewForConfig(world.Config()))(t).Discovery().OpenAPIV3().Paths())(t)
	if paths["apis/nopea.io/v1alpha1"] == nil {
		t.Fatalf("/openapi/v3 has no apis/nopea.io/v1alpha1, but %q", slices.Sorted(maps.Keys(paths)))
	}
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
