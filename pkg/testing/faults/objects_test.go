package faults

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"nopea.io/nopea/pkg/testing/githttp"
)

// id of an object in the seed's namespace.
type id struct{ kind, name string }

func compareIDs(a, b id) int { return strings.Compare(a.String(), b.String()) }

func (i id) String() string { return i.kind + " " + i.name }

var resources = map[string]schema.GroupVersionResource{
	"ConfigMap":  {Version: "v1", Resource: "configmaps"},
	"Secret":     {Version: "v1", Resource: "secrets"},
	"Deployment": {Group: "apps", Version: "v1", Resource: "deployments"},
}

// content of a commit: each object's version. Two versions of an object differ in a field, and each has one that the other has not.
type content map[id]int

// object is the manifest of an object in a version.
func object(i id, version int) map[string]any {
	apiVersion := "v1"
	if group := resources[i.kind].Group; group != "" {
		apiVersion = group + "/v1"
	}
	manifest := map[string]any{"apiVersion": apiVersion, "kind": i.kind, "metadata": map[string]any{"name": i.name}}
	values := map[string]any{"value": fmt.Sprintf("%s-%d", i.name, version), fmt.Sprintf("only-%d", version): "x"}
	switch i.kind {
	case "ConfigMap":
		manifest["data"] = values
	case "Secret":
		manifest["stringData"] = values
	case "Deployment":
		labels := map[string]any{"app": i.name}
		manifest["spec"] = map[string]any{
			"replicas": int64(0),
			"selector": map[string]any{"matchLabels": labels},
			"template": map[string]any{
				"metadata": map[string]any{"labels": labels},
				"spec":     map[string]any{"containers": []any{map[string]any{"name": "web", "image": fmt.Sprintf("example.com/web:%d", version)}}},
			},
		}
	}
	return manifest
}

// differs says how a live object is not as Git has it; empty when it is.
func differs(i id, version int, live map[string]any) string {
	want := object(i, version)
	if values, ok := want["stringData"].(map[string]any); ok {
		data := make(map[string]any, len(values))
		for key, value := range values {
			data[key] = base64.StdEncoding.EncodeToString([]byte(fmt.Sprint(value)))
		}
		delete(want, "stringData")
		want["data"] = data
	}
	// What the former version had, and this one has not, must be gone.
	if want["data"] != nil && !reflect.DeepEqual(want["data"], live["data"]) {
		return fmt.Sprintf("data is %v, want %v", live["data"], want["data"])
	}
	return missing("", want, live)
}

// missing says where live lacks what is wanted.
func missing(path string, want, live any) string {
	switch want := want.(type) {
	case map[string]any:
		got, ok := live.(map[string]any)
		if !ok {
			return fmt.Sprintf("%s is %v", path, live)
		}
		for key, value := range want {
			if text := missing(path+"."+key, value, got[key]); text != "" {
				return text
			}
		}
		return ""
	case []any:
		got, ok := live.([]any)
		if !ok || len(got) != len(want) {
			return fmt.Sprintf("%s is %v", path, live)
		}
		for n, value := range want {
			if text := missing(fmt.Sprintf("%s[%d]", path, n), value, got[n]); text != "" {
				return text
			}
		}
		return ""
	}
	if !reflect.DeepEqual(want, live) {
		return fmt.Sprintf("%s is %v, want %v", path, live, want)
	}
	return ""
}

// choose makes the first commit's content and the second's, with at least one object added, one changed, two removed and one left.
func choose(random *rand.Rand) (first, second content) {
	first, second = content{}, content{}
	kinds := []string{"ConfigMap", "ConfigMap", "Secret", "Deployment"}
	choose := func(prefix string, least, most int, versions func(i id)) {
		for n := range least + random.IntN(most-least+1) {
			kind := kinds[random.IntN(len(kinds))]
			versions(id{kind, fmt.Sprintf("%s-%d", prefix, n)})
		}
	}
	choose("kept", 1, 4, func(i id) { first[i], second[i] = 1, 1 })
	choose("changed", 2, 6, func(i id) { first[i], second[i] = 1, 2 })
	choose("added", 1, 4, func(i id) { second[i] = 1 })
	choose("removed", 2, 4, func(i id) { first[i] = 1 })
	return first, second
}

func (i id) file() string { return strings.ToLower(i.kind) + "/" + i.name + ".yaml" }

// commit makes the default branch hold exactly this content, in one commit on top of what there is.
func commit(repo *githttp.Repo, c content) (string, error) {
	var in strings.Builder
	ref := "refs/heads/" + githttp.DefaultBranch
	fmt.Fprintf(&in, "commit %s\nmark :1\ncommitter Ada <ada@example.com> now\ndata 6\nChange\n", ref)
	if parent, err := repo.Resolve(ref); err == nil {
		fmt.Fprintf(&in, "from %s\n", parent)
	}
	in.WriteString("deleteall\n")
	for _, i := range slices.SortedFunc(maps.Keys(c), compareIDs) {
		// JSON is YAML.
		data, err := json.Marshal(object(i, c[i]))
		if err != nil {
			return "", err
		}
		fmt.Fprintf(&in, "M 100644 inline %s\ndata %d\n%s\n", i.file(), len(data), data)
	}
	in.WriteString("\nget-mark :1\ndone\n")
	return repo.GitIn(strings.NewReader(in.String()), "fast-import", "--quiet", "--force", "--done", "--date-format=now")
}
