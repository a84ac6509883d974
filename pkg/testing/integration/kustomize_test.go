package integration

import (
	"fmt"
	"strings"
	"testing"

	apimeta "k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
	"nopea.io/nopea/pkg/testing/githttp"
)

// TestKustomize syncs three environments of one Git repository, and changes one of them. It does not run beside others, because it counts what
// the controller does.
func TestKustomize(t *testing.T) {
	v := newTenant(t)
	environments := []string{"dev", "test", "prod"}
	patch := func(value string) string { return configMapYAML("settings", value) }
	files := map[string]string{
		"base/kustomization.yaml":               "resources: [settings.yaml]\nconfigMapGenerator: [{name: files, files: [motd.txt], options: {disableNameSuffixHash: true}}]\n",
		"base/settings.yaml":                    configMapYAML("settings", "base"),
		"base/motd.txt":                         "hello",
		"components/owner/kustomization.yaml":   "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nlabels: [{pairs: {owner: us}}]\n",
		"environments/README.md":                "three environments",
		"environments/prod/not-referred-to.txt": "x",
	}
	for _, name := range environments {
		files["environments/"+name+"/kustomization.yaml"] = fmt.Sprintf("namePrefix: %s-\nresources: [../../base]\ncomponents: [../../components/owner]\npatches: [{path: patch.yaml}]\n", name)
		files["environments/"+name+"/patch.yaml"] = patch(name)
	}
	repo := v.repo("shop", files)
	for _, name := range environments {
		v.declare(name, repo.URL, func(s *v1alpha1.GitRepositorySpec) { s.Path = "environments/" + name })
	}
	for _, name := range environments {
		v.ready(name)
		settings, generated := v.configMap(name+"-settings"), v.configMap(name+"-files")
		if settings.Data["key"] != name || settings.Labels["owner"] != "us" || settings.Annotations[v1alpha1.AnnotationOrigin] != "base/settings.yaml" {
			t.Errorf("%s: %v", name, settings)
		}
		if generated.Data["motd.txt"] != "hello" || generated.Annotations[v1alpha1.AnnotationOrigin] != "base/kustomization.yaml" {
			t.Errorf("%s: %v", name, generated)
		}
	}
	fetches := 0
	for _, request := range v.git.TakeRequests() {
		if request.Command == "fetch" {
			fetches++
		}
	}
	if fetches != 1 {
		t.Errorf("fetched %d times", fetches)
	}

	mark := githttp.Must(v.on.Cluster.AuditLog().Mark())(t)
	githttp.Must(repo.Commit(map[string]string{"environments/prod/patch.yaml": patch("changed")}))(t)
	if sync := v.succeeded("prod"); sync.Status.Counts.Configured != 1 || sync.Status.Counts.Unchanged != 1 || v.configMap("prod-settings").Data["key"] != "changed" {
		t.Errorf("the Sync says %+v", sync.Status.Counts)
	}
	patches := 0
	for _, request := range v.tenantRequests(mark) {
		if request.Verb == "patch" {
			patches++
		}
	}
	if patches != 1 {
		t.Errorf("%d patches", patches)
	}

	renders := v.counter("nopea_renders_total")
	githttp.Must(repo.Commit(map[string]string{"environments/prod/not-referred-to.txt": "y", "environments/README.md": "y", "environments/dev/patch.yaml": patch("other")}))(t)
	v.succeeded("prod")
	if n := v.counter("nopea_renders_total") - renders; n != 0 {
		t.Errorf("a commit that changes nothing that was read led to %v builds", n)
	}
	githttp.Must(repo.Commit(map[string]string{"base/motd.txt": "hello again"}))(t)
	v.succeeded("prod")
	if got := v.configMap("prod-files").Data["motd.txt"]; got != "hello again" {
		t.Errorf("a file that a generator reads is %q", got)
	}
	githttp.Must(repo.Commit(map[string]string{"base/kustomization.yml": "resources: [settings.yaml]\n"}))(t)
	sync := v.failed("prod", "BuildFailed")
	contains(t, sync.Status.Error.Message, "base/kustomization.yml: the folder holds kustomization.yaml too; remove one of them")
}

// TestKustomizeRefusals reads what a user would.
func TestKustomizeRefusals(t *testing.T) {
	t.Parallel()
	v := newTenant(t)
	repo := v.repo("shop", map[string]string{
		"remote/kustomization.yaml": "resources:\n- https://github.com/example/shop//base?ref=v1\n",
		// A folder of plain manifests with kustomizations in it, as Flux takes it.
		"mixed/plain.yaml":                 configMapYAML("plain", "x"),
		"mixed/built/Kustomization":        "namePrefix: built-\nresources: [inner, settings.yaml]\n",
		"mixed/built/settings.yaml":        configMapYAML("settings", "x"),
		"mixed/built/inner/Kustomization":  "resources: [a.yaml]\n",
		"mixed/built/inner/a.yaml":         configMapYAML("inner", "x"),
		"mixed/built/inner/not-named.yaml": configMapYAML("not-named", "x"),
	})
	v.declare("remote", repo.URL, func(s *v1alpha1.GitRepositorySpec) { s.Path = "remote" })
	v.declare("mixed", repo.URL, func(s *v1alpha1.GitRepositorySpec) { s.Path = "mixed" })
	v.declare("file", repo.URL, func(s *v1alpha1.GitRepositorySpec) { s.Path = "remote/kustomization.yaml" })
	repository := v.condition("remote", v1alpha1.ConditionReady, metav1.ConditionFalse, "BuildFailed")
	const want = "remote/kustomization.yaml: resources: https://github.com/example/shop//base?ref=v1: " +
		"remote bases and files are not fetched; copy what it names into the repository, and refer to it by its path"
	if got := repository.Status.LastError.Message; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if message := apimeta.FindStatusCondition(repository.Status.Conditions, v1alpha1.ConditionReady).Message; !strings.HasPrefix(message, want) {
		t.Errorf("Ready says %s", message)
	}
	v.condition("remote", v1alpha1.ConditionStalled, metav1.ConditionTrue, "BuildFailed")
	v.ready("mixed")
	for _, name := range []string{"plain", "built-settings", "built-inner"} {
		v.configMap(name)
	}
	v.gone("not-named")
	v.gone("settings")
	repository = v.condition("file", v1alpha1.ConditionReady, metav1.ConditionFalse, "BuildFailed")
	contains(t, repository.Status.LastError.Message, "remote/kustomization.yaml: spec.path names a kustomization file", "let it name the folder that holds it")
}
