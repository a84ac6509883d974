package kustomize

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
)

const file = "a/kustomization.yaml"

func TestRefused(t *testing.T) {
	const remote = "remote bases and files are not fetched; copy what it names into the repository, and refer to it by its path"
	plain := memory{"a/deploy.yaml": deployment, "base/kustomization.yaml": "resources: [deploy.yaml]\n", "base/deploy.yaml": deployment,
		"c/kustomization.yaml": "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nnamePrefix: x\n", "github.com/x/y/kustomization.yaml": "resources: [a]"}
	for name, test := range map[string]struct {
		text string
		more memory
		want string
	}{
		"remote base":             {"resources: ['https://github.com/example/shop//base?ref=v1']", nil, file + ": resources: https://github.com/example/shop//base?ref=v1: " + remote},
		"remote file":             {"resources: [deploy.yaml, 'HTTP://example.com/x.yaml']", nil, file + ": resources: HTTP://example.com/x.yaml: " + remote},
		"password in a URL":       {"resources: ['https://user:hunter2@example.com/x.yaml']", nil, file + ": resources: https://…@example.com/x.yaml: " + remote},
		"git over SSH":            {"bases: ['git@example.com:x/y.git']", nil, file + ": resources: git@example.com:x/y.git: " + remote},
		"short form of GitHub":    {"resources: [github.com/x/y]", nil, file + ": resources: github.com/x/y: " + remote},
		"forced git":              {"components: ['git::ssh://example.com/x']", nil, file + ": components: git::ssh://example.com/x: " + remote},
		"file URL":                {"resources: ['file:///etc']", nil, file + ": resources: file:///etc: " + remote},
		"remote patch":            {"resources: [deploy.yaml]\npatches: [{path: 'https://example.com/p'}]", nil, file + ": patches: https://example.com/p: " + remote},
		"remote patch, old":       {"resources: [deploy.yaml]\npatchesStrategicMerge: ['https://example.com/p']", nil, file + ": patchesStrategicMerge: https://example.com/p: " + remote},
		"remote generator file":   {"configMapGenerator: [{name: x, files: ['k=https://example.com/p']}]", nil, file + ": configMapGenerator.files: https://example.com/p: " + remote},
		"remote env":              {"secretGenerator: [{name: x, env: 'https://example.com/p'}]", nil, file + ": secretGenerator.envs: https://example.com/p: " + remote},
		"remote replacement":      {"replacements: [{path: 'https://example.com/p'}]", nil, file + ": replacements: https://example.com/p: " + remote},
		"remote crds":             {"crds: ['https://example.com/p']", nil, file + ": crds: https://example.com/p: " + remote},
		"remote configuration":    {"configurations: ['https://example.com/p']", nil, file + ": configurations: https://example.com/p: " + remote},
		"remote transformer":      {"transformers: ['https://example.com/p']", nil, file + ": transformers: https://example.com/p: " + remote},
		"remote in a base":        {"resources: [../b]", memory{"b/kustomization.yml": "resources: ['https://example.com']"}, "b/kustomization.yml: resources: https://example.com: " + remote},
		"out of the tree":         {"resources: [../../etc]", nil, file + ": resources: ../../etc: this path leads out of the repository"},
		"out of the tree, file":   {"configMapGenerator: [{name: x, files: [../../etc/passwd]}]", nil, file + ": configMapGenerator.files: ../../etc/passwd: this path leads out of the repository"},
		"absolute":                {"resources: [/a/deploy.yaml]", nil, file + ": resources: /a/deploy.yaml: absolute paths are not allowed; write the path from the folder of this file"},
		"cycle":                   {"resources: [../b]", memory{"b/kustomization.yaml": "resources: [../a]"}, "b/kustomization.yaml: resources: ../a: a cycle: this folder is or holds a, which is being built; refer to a folder beside it"},
		"itself":                  {"resources: [.]", nil, file + ": resources: .: a cycle: this folder is or holds a"},
		"above":                   {"resources: [..]", memory{"kustomization.yaml": "resources: [x]"}, file + ": resources: ..: a cycle: this folder is or holds a"},
		"missing file":            {"resources: [nope.yaml]", nil, file + ": resources: nope.yaml: there is no a/nope.yaml in this commit; correct the path"},
		"missing folder":          {"resources: [../nope]", nil, file + ": resources: ../nope: the folder nope is not in this commit, or holds no kustomization.yaml; correct the path"},
		"folder as patch":         {"resources: [deploy.yaml]\npatches: [{path: ../base}]", nil, file + ": patches: ../base: base is a folder where a file is wanted; name a file"},
		"empty entry":             {"resources: ['']", nil, file + ": resources: an entry is empty; remove it"},
		"openapi":                 {"openapi: {path: deploy.yaml}\nresources: [deploy.yaml]", nil, file + ": openapi: an OpenAPI schema of one's own is not supported"},
		"openapi version":         {"resources: [../b]", memory{"b/kustomization.yaml": "OpenAPI: {version: v1}"}, "b/kustomization.yaml: openapi: an OpenAPI schema"},
		"Helm":                    {"helmCharts: [{name: redis, repo: 'https://example.com'}]", nil, file + ": helmCharts: redis: Helm charts are not inflated; render the chart, and commit what comes out"},
		"Helm globals":            {"helmGlobals: {chartHome: x}\nresources: [deploy.yaml]", nil, file + ": helmGlobals: Helm charts are not inflated"},
		"Helm, old":               {"helmChartInflationGenerator: [{chartName: redis}]", nil, file + ": helmCharts: redis: Helm charts are not inflated"},
		"Helm, plugin":            {"generators: [g.yaml]", memory{"a/g.yaml": "apiVersion: builtin\nkind: HelmChartInflationGenerator\nmetadata: {name: x}\nname: x\n"}, "a/g.yaml: HelmChartInflationGenerator: Helm charts are not inflated"},
		"container":               {"generators: [g.yaml]", memory{"a/g.yaml": "apiVersion: example.com/v1\nkind: Gen\nmetadata: {name: x, annotations: {config.kubernetes.io/function: 'container: {image: x}'}}\n"}, "a/g.yaml: example.com/v1 Gen runs a plugin, function or container of one's own, which is not supported"},
		"exec":                    {"transformers:\n- |\n  apiVersion: example.com/v1\n  kind: Exec\n  metadata: {name: x, annotations: {config.kubernetes.io/function: 'exec: {path: /bin/sh}'}}\n", nil, file + ": transformers: example.com/v1 Exec runs a plugin"},
		"function among builtins": {"validators: [g.yaml]", memory{"a/g.yaml": "apiVersion: builtin\nkind: NamespaceTransformer\nmetadata: {name: x, namespace: y}\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\n"}, "a/g.yaml: v1 ConfigMap runs a plugin"},
		"plugins of a folder":     {"transformers: [../base]", nil, file + ": transformers: ../base: base is a folder where a file is wanted"},
		"remote within a plugin":  {"transformers: [g.yaml]", memory{"a/g.yaml": "apiVersion: builtin\nkind: PatchTransformer\nmetadata: {name: x}\nPATH: https://example.com/p\n"}, "a/g.yaml: PatchTransformer: https://example.com/p: " + remote},
		"in a List of plugins":    {"transformers: [g.yaml]", memory{"a/g.yaml": "apiVersion: v1\nkind: List\nitems: [{apiVersion: builtin, kind: ReplacementTransformer, metadata: {name: x}, replacements: [{path: 'https://example.com/p'}]}]\n"}, "a/g.yaml: replacements: https://example.com/p: " + remote},
		"two files":               {"resources: [deploy.yaml]", memory{"a/Kustomization": "x"}, "a/Kustomization: the folder holds kustomization.yaml too; remove one of them"},
		"unknown field":           {"resource: [deploy.yaml]", nil, file + `: invalid Kustomization: json: unknown field "resource"`},
		"wrong version":           {"apiVersion: v1\nkind: Kustomization\nresources: [deploy.yaml]", nil, file + ": apiVersion for Kustomization should be kustomize.config.k8s.io/v1beta1"},
		"empty":                   {"", nil, file + ": it is empty"},
		"syntax":                  {"resources: [", nil, file + ":2: YAML: did not find expected node content"},
		"base is a component":     {"resources: [../c]", nil, "c/kustomization.yaml: this is a Component, but resources refer to it; let components refer to it"},
		"component is a base":     {"components: [../base]", nil, "base/kustomization.yaml: components refer to this, but it is no Component"},
		"bad resource":            {"resources: [x.yaml]", memory{"a/x.yaml": "a: 1\nb: [\n"}, "a/x.yaml:3: YAML"},
		"no object":               {"resources: [x.yaml]", memory{"a/x.yaml": "a: hunter2\n"}, "a/x.yaml: a document is no object"},
		"twice":                   {"resources: [deploy.yaml, ../base]", nil, file + ": kustomize build: may not add resource with an already registered id: Deployment.v1.apps/web.[noNs]"},
		"patch of nothing":        {"resources: [deploy.yaml]\npatches: [{patch: 'hunter2: x'}]", nil, file + ": kustomize build: "},
		"literal":                 {"secretGenerator: [{name: x, literals: [hunter2]}]", nil, file + ": secretGenerator: an entry of literals is not of the form key=value; correct it"},
		"env bytes":               {"secretGenerator: [{name: x, envs: [x.env]}]", memory{"a/x.env": "\xffhunter2\n"}, file + ": secretGenerator.envs: x.env: a/x.env is not UTF-8; save it with that encoding"},
		"replacement value":       {"resources: [deploy.yaml, s.yaml]\nreplacements: [{source: {kind: Secret, fieldPath: stringData.p, options: {delimiter: '-', index: 5}}, targets: [{select: {kind: Deployment}}]}]", memory{"a/s.yaml": "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {p: hunter2}\n"}, file + ": kustomize build: options.index 5 is out of bounds"},
		"JSON patch":              {"resources: [deploy.yaml]\npatches: [{target: {kind: Deployment}, patch: '[{\"op\": \"replace\", \"path\": \"/spec/nope/hunter\", \"value\": \"hunter2\"}]'}]", nil, file + ": kustomize build: "},
	} {
		t.Run(name, func(t *testing.T) {
			tree := plain.with(file, test.text)
			for name, text := range test.more {
				tree = tree.with(name, text)
			}
			_, err := Build(context.Background(), tree, "a", DefaultLimits())
			if _, ok := errors.AsType[*Error](err); !ok || !strings.HasPrefix(err.Error(), test.want) {
				t.Fatalf("got  %v (%T)\nwant %s", err, err, test.want)
			}
			if strings.Contains(err.Error(), "hunter2") {
				t.Errorf("a secret is told: %v", err)
			}
			t.Log(err)
		})
	}
}

// TestBounds has what a few lines could make large or endless.
func TestBounds(t *testing.T) {
	configMap := "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: %s}\ndata: {a: %q}\n"
	big := strings.Repeat("x", 1<<20)
	many := ""
	for i := range 2000 {
		many += "---\n" + fmt.Sprintf(configMap, fmt.Sprint("c", i), "a")
	}
	doubling := "resources: [x.yaml]\npatches:\n- target: {kind: ConfigMap}\n  patch: |\n"
	nested := "resources: [x.yaml]\nreplacements:\n"
	for i := range 40 {
		doubling += fmt.Sprintf("    - {op: copy, from: /data, path: /data/d%d}\n", i)
		nested += fmt.Sprintf("- source: {kind: ConfigMap, fieldPath: data}\n  targets: [{select: {kind: ConfigMap}, fieldPaths: [data.d%d], options: {create: true}}]\n", i)
	}
	joined := "resources: [x.yaml]\nreplacements:\n" + strings.Repeat("- source: {kind: ConfigMap, fieldPath: data.a}\n  targets: [{select: {kind: ConfigMap}, fieldPaths: [data.a], options: {delimiter: ':', index: 99}}]\n", 40)
	bomb := "a: &a [x,x,x,x,x,x,x,x,x,x]\n"
	for i, c := range "bcdefghijkl" {
		p := string(rune('a' + i))
		bomb += fmt.Sprintf("%c: &%c [*%s,*%s,*%s,*%s,*%s,*%s,*%s,*%s,*%s,*%s]\n", c, c, p, p, p, p, p, p, p, p, p, p)
	}
	layers := memory{}
	for i := range 20 {
		layers[fmt.Sprintf("l%d/x/kustomization.yaml", i)] = fmt.Sprintf("namePrefix: x\nresources: [../../l%d/x, ../../l%d/y]\n", i+1, i+1)
		layers[fmt.Sprintf("l%d/y/kustomization.yaml", i)] = fmt.Sprintf("namePrefix: z\nresources: [../../l%d/x, ../../l%d/y]\n", i+1, i+1)
	}
	layers["l20/x/kustomization.yaml"] = "namePrefix: x\n"
	layers["l20/y/kustomization.yaml"] = "namePrefix: z\n"
	deep := memory{}
	for i := range 40 {
		deep[fmt.Sprintf("d%d/kustomization.yaml", i)] = fmt.Sprintf("resources: [../d%d]\n", i+1)
	}
	for name, test := range map[string]struct {
		text string
		more memory
		want string
	}{
		"aliases":             {"resources: [x.yaml]", memory{"a/x.yaml": bomb}, "aliases and merge keys"},
		"aliases in a patch":  {"patches:\n- patch: |\n    " + strings.ReplaceAll(bomb, "\n", "\n    "), nil, "aliases and merge keys"},
		"aliases in the file": {bomb, nil, "aliases and merge keys"},
		"layers":              {"resources: [../l0/x]", layers, "more than 1000 kustomizations"},
		"depth":               {"resources: [../d0]", deep, "more than 32 levels deep"},
		"read often":          {"configMapGenerator: [" + strings.Repeat("{name: x, files: [b]},", 100) + "]", memory{"a/b": big}, "more than 10000 files or 67108864 bytes"},
		"objects":             {"resources: [x.yaml, y.yaml, z.yaml]", memory{"a/x.yaml": many, "a/y.yaml": many, "a/z.yaml": many}, "6000 objects come together here, and only 5000 are allowed"},
		"annotation":          {"resources: [x.yaml]\ncommonAnnotations: {a: " + big + "}", memory{"a/x.yaml": many}, "are too much for one build"},
		"JSON patch doubles":  {doubling, memory{"a/x.yaml": fmt.Sprintf(configMap, "c", big[:1000])}, "kustomize build: Unable to complete the copy"},
		"copies":              {doubling, memory{"a/x.yaml": many}, "are too much for one build"},
		"replacements double": {nested, memory{"a/x.yaml": fmt.Sprintf(configMap, "c", "a")}, "more than 8 replacements write into fields that replacements read"},
		"replacements join":   {joined, memory{"a/x.yaml": fmt.Sprintf(configMap, "c", "a")}, "more than 8 replacements write into fields that replacements read"},
		"replacement of a large value": {"resources: [x.yaml, y.yaml]\nreplacements: [{source: {kind: ConfigMap, name: big, fieldPath: data.a}, targets: [{select: {kind: ConfigMap}, fieldPaths: [data.b], options: {create: true}}]}]",
			memory{"a/x.yaml": many, "a/y.yaml": fmt.Sprintf(configMap, "big", big)}, "so many replacements of such large values"},
		"vars": {"resources: [x.yaml]\nvars: [{name: V, objref: {kind: ConfigMap, name: c, apiVersion: v1}, fieldref: {fieldpath: data.a}}]",
			memory{"a/x.yaml": strings.Replace(fmt.Sprintf(configMap, "c", big), "data: {", "data: {b: '"+strings.Repeat("$(V)", 1000)+"', ", 1)}, "uses of vars are too much"},
		"CRDs in a cycle": {"crds: [x.json]", memory{"a/x.json": `{"A": {"Schema": {"properties": {"kind": {}, "apiVersion": {}, "metadata": {}, "a": {"$ref": "A"}}}}}`}, "refer to each other in a cycle"},
		"no CRDs":         {"crds: [x.json]", memory{"a/x.json": ``}, "its definitions are empty"},
	} {
		t.Run(name, func(t *testing.T) {
			tree := test.more.with(file, test.text)
			_, err := Build(context.Background(), tree, "a", DefaultLimits())
			if _, ok := errors.AsType[*Error](err); !ok || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got  %.2000v\nwant %s", err, test.want)
			}
		})
	}
}

func TestCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Build(ctx, shop, "apps/shop/prod", DefaultLimits()); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// failing is a tree that cannot be read at the moment.
type failing struct{ err error }

func (f failing) File(context.Context, string) ([]byte, error) { return nil, f.err }

func TestUnreadable(t *testing.T) {
	offline := errors.New("offline")
	if _, err := Build(context.Background(), failing{offline}, "a", DefaultLimits()); !errors.Is(err, offline) || errors.As(err, new(*Error)) {
		t.Errorf("got %v (%T)", err, err)
	}
	_, err := Build(context.Background(), failing{&Unreadable{Err: offline}}, "a", DefaultLimits())
	if e, ok := errors.AsType[*Error](err); !ok || e.File != file || !errors.Is(err, offline) {
		t.Errorf("got %v", err)
	}
	if _, err := Holds(context.Background(), failing{offline}, "a"); !errors.Is(err, offline) {
		t.Errorf("got %v", err)
	}
}
