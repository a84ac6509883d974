package apiserver

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
)

// TestOpenAPI guards the document of the whole cluster, which one dangling reference of ours would break.
func TestOpenAPI(t *testing.T) {
	s := startServer(t, t.TempDir(), nil)
	for path, wanted := range map[string]string{
		"/openapi/v2":                        "io.nopea.v1alpha1.GitRepository",
		"/openapi/v3/apis/nopea.io/v1alpha1": "io.nopea.v1alpha1.GitRepository",
	} {
		answer := rawRequest(t, s.as("root"), "GET", path, "", "", "Accept", "application/json")
		var document any
		if err := json.Unmarshal([]byte(answer.body), &document); err != nil {
			t.Fatalf("%s: %d %v", path, answer.StatusCode, err)
		}
		references := 0
		forEachReference(document, func(reference string) {
			references++
			if !resolves(document, reference) {
				t.Errorf("%s: %s does not resolve", path, reference)
			}
		})
		if references < 50 || !strings.Contains(answer.body, wanted) || !strings.Contains(answer.body, "gitrepositories/{name}/syncs") {
			t.Errorf("%s: %d references, or no model %s, or no syncs", path, references, wanted)
		}
	}
}

func forEachReference(node any, do func(string)) {
	switch node := node.(type) {
	case map[string]any:
		for key, value := range node {
			if reference, ok := value.(string); ok && key == "$ref" {
				do(reference)
			}
			forEachReference(value, do)
		}
	case []any:
		for _, value := range node {
			forEachReference(value, do)
		}
	}
}

func resolves(document any, reference string) bool {
	path, ok := strings.CutPrefix(reference, "#/")
	if !ok {
		return false
	}
	for part := range strings.SplitSeq(path, "/") {
		object, ok := document.(map[string]any)
		if !ok {
			return false
		}
		if document, ok = object[strings.NewReplacer("~1", "/", "~0", "~").Replace(part)]; !ok {
			return false
		}
	}
	return true
}

func TestDiscoveryAndTables(t *testing.T) {
	s := startServer(t, t.TempDir(), nil)
	answer := rawRequest(t, s.as("root"), "GET", "/apis/nopea.io/v1alpha1", "", "")
	var list metav1.APIResourceList
	if err := json.Unmarshal([]byte(answer.body), &list); err != nil {
		t.Fatal(err)
	}
	resources := map[string]metav1.APIResource{}
	for _, resource := range list.APIResources {
		resources[resource.Name] = resource
	}
	if r := resources["gitrepositories"]; !slices.Equal(r.ShortNames, []string{"gr"}) || !slices.Equal(r.Categories, []string{"gitops"}) || r.SingularName != "gitrepository" || !r.Namespaced {
		t.Errorf("got %+v", r)
	}
	if r := resources["gitrepositories/syncs"]; r.Kind != "Sync" || !slices.Equal(r.Verbs, []string{"create"}) {
		t.Errorf("got %+v", r)
	}
	if resources["syncs"].SingularName != "sync" || resources["inventories"].SingularName != "inventory" || resources["syncs/plan"].Kind != "Plan" || len(resources) != 8 {
		t.Errorf("got %+v", resources)
	}

	s.createRepository(t, "shop")
	mustPost(t, s, "anna", "shop", v1alpha1.Sync{})
	for path, want := range map[string]string{
		"gitrepositories": "shop Unknown waiting for the controller <none> <none> <none> <none> https://git.example.com/shop.git HEAD . nopea 5m",
		"syncs":           "shop Manual anna <none> Pending <none> <none> <none>",
	} {
		answer := rawRequest(t, s.as("root"), "GET", "/apis/nopea.io/v1alpha1/"+path, "", "", "Accept", "application/json;as=Table;g=meta.k8s.io;v=v1")
		var table metav1.Table
		if err := json.Unmarshal([]byte(answer.body), &table); err != nil || len(table.Rows) != 1 || len(table.Rows[0].Cells) != len(table.ColumnDefinitions) {
			t.Fatalf("%s: %v %s", path, err, answer.body)
		}
		var cells []string
		for _, cell := range table.Rows[0].Cells {
			text, ok := cell.(string)
			if !ok {
				t.Fatalf("%s: cell %v", path, cell)
			}
			cells = append(cells, text)
		}
		if got := strings.Join(cells, " "); !strings.Contains(got, want) {
			t.Errorf("%s: got %s, want %s", path, got, want)
		}
	}
}
