package kustomize

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
)

// TestConcurrentBuilds has 50 builds at once give what each gives alone, among them some with a schema of their own, which would change how the
// others merge lists.
func TestConcurrentBuilds(t *testing.T) {
	trees := make([]memory, 10)
	for i := range trees {
		trees[i] = shop.with("apps/shop/prod/more.yaml", strings.ReplaceAll(shop["apps/shop/prod/more.yaml"], "name: B", fmt.Sprintf("name: B%d", i))).
			with("apps/shop/base/widget.yaml", fmt.Sprintf("apiVersion: example.com/v1\nkind: Widget\nmetadata: {name: w%d}\nspec: {items: [{name: a}]}\n", i)).
			with("apps/shop/base/kustomization.yaml", shop["apps/shop/base/kustomization.yaml"]+"transformers: [../plugins.yaml]\npatches: [{target: {kind: Widget}, patch: '{kind: Widget, apiVersion: example.com/v1, metadata: {name: x}, spec: {items: [{name: b}]}}'}]\n").
			with("apps/shop/plugins.yaml", "apiVersion: builtin\nkind: AnnotationsTransformer\nmetadata: {name: x}\nannotations: {see: 'https://example.com'}\nfieldSpecs: [{path: metadata/annotations, create: true}]\n")
		trees[i]["apps/shop/base/kustomization.yaml"] = strings.Replace(trees[i]["apps/shop/base/kustomization.yaml"], "service.yml", "service.yml, widget.yaml", 1)
	}
	schema := `{"definitions": {"w": {"properties": {"spec": {"properties": {"items": {"type": "array", "items": {"type": "object"}, "x-kubernetes-patch-merge-key": "name", "x-kubernetes-patch-strategy": "merge"}}}},` +
		` "x-kubernetes-group-version-kind": [{"group": "example.com", "version": "v1", "kind": "Widget"}]}}}`
	own := trees[0].with("apps/shop/schema.json", schema).with("apps/shop/own/kustomization.yaml", "resources: [../base]\nopenapi: {path: ../schema.json}\n")
	var want []string
	for _, tree := range trees {
		want = append(want, text(t, build(t, tree, "apps/shop/prod")))
	}
	if !strings.Contains(want[3], `"name":"prod-w3"`) || !strings.Contains(want[3], `"items":[{"name":"b"}]`) || !strings.Contains(want[3], `"see":"https://example.com"`) {
		t.Error(want[3])
	}
	var wg sync.WaitGroup
	for i := range 50 {
		wg.Go(func() {
			if i%5 == 4 {
				if _, err := Build(context.Background(), own, "apps/shop/own", DefaultLimits()); !errors.As(err, new(*Error)) || !strings.Contains(err.Error(), "apps/shop/own/kustomization.yaml: openapi") {
					t.Errorf("a schema of its own: %v", err)
				}
				return
			}
			objects, err := Build(context.Background(), trees[i%10], "apps/shop/prod", DefaultLimits())
			if err != nil {
				t.Error(err)
				return
			}
			if got := text(t, objects); got != want[i%10] {
				t.Errorf("build %d gave\n%s\nand alone\n%s", i, got, want[i%10])
			}
		})
	}
	wg.Wait()
}
