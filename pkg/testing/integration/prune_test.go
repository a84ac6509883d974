package integration

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
	"nopea.io/nopea/pkg/testing/githttp"
)

// held fails the test if any of n ConfigMaps is gone.
func (v *tenant) held(n int) {
	v.t.Helper()
	for i := range n {
		v.configMap(fmt.Sprintf("cm-%03d", i))
	}
}

func TestPrune(t *testing.T) {
	t.Parallel()
	v := newTenant(t)
	repo := v.repo("shop", configMapFiles(5, "x"))
	v.declare("shop", repo.URL)
	v.ready("shop")

	// A failing object holds the prune back.
	githttp.Must(repo.Delete("cm-000.yaml"))(t)
	githttp.Must(repo.Commit(map[string]string{"bad.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndatta: {}\n"}))(t)
	v.failed("shop", "ManifestInvalid")
	v.held(5)
	githttp.Must(repo.Delete("bad.yaml"))(t)
	if sync := v.succeeded("shop"); sync.Status.Counts.Pruned != 1 {
		t.Fatalf("%+v", sync.Status)
	}
	v.gone("cm-000")

	// With prune off, what is gone from Git stays, and is not pruned later either.
	v.edit("shop", func(s *v1alpha1.GitRepositorySpec) { s.Prune = new(false) })
	githttp.Must(repo.Delete("cm-001.yaml"))(t)
	if sync := v.succeeded("shop"); sync.Status.Counts.Released != 1 {
		t.Fatalf("%+v", sync.Status)
	}
	v.edit("shop", func(s *v1alpha1.GitRepositorySpec) { s.Prune = new(true) })
	v.succeeded("shop")
	v.configMap("cm-001")
}

// edit changes a GitRepository's spec and waits until it is Ready with it.
func (v *tenant) edit(name string, change func(*v1alpha1.GitRepositorySpec)) {
	v.t.Helper()
	v.eventually("the spec is changed", func(ctx context.Context) error {
		repository, err := v.api.GitRepositories(v.namespace).Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return err
		}
		change(&repository.Spec)
		_, err = v.api.GitRepositories(v.namespace).Update(ctx, repository, metav1.UpdateOptions{})
		return err
	})
	v.ready(name)
}

// TestNothingIsPrunedFrom what is not whole.
func TestNothingIsPrunedFrom(t *testing.T) {
	t.Parallel()
	for name, damage := range map[string]struct {
		code string
		do   func(*tenant, *githttp.Repo)
	}{
		"an empty source": {"SourceEmpty", func(v *tenant, r *githttp.Repo) { v.replaceAll(r, map[string]string{"README.md": "moved"}) }},
		"a failed render": {"ManifestInvalid", func(v *tenant, r *githttp.Repo) { v.replaceAll(r, map[string]string{"cm-000.yaml": "kind: ["}) }},
		"a ref that is gone": {"RefNotFound", func(v *tenant, r *githttp.Repo) {
			githttp.Must(r.CommitTo("other", "o", map[string]string{"a": "b"}))(v.t)
			v.must(nil, r.SetHead("other"))
			v.must(nil, r.DeleteRef("refs/heads/main"))
		}},
		"a path that is gone": {"PathNotFound", func(v *tenant, r *githttp.Repo) {
			v.replaceAll(r, map[string]string{"elsewhere/cm.yaml": configMapYAML("cm", "x")})
		}},
		"a repository that is gone": {"RepositoryNotFound", func(v *tenant, _ *githttp.Repo) {
			v.git.SetFault(func(githttp.Request) *githttp.Fault { return &githttp.Fault{Status: 404, Body: "not found"} })
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := newTenant(t)
			files := make(map[string]string)
			for path, content := range configMapFiles(3, "x") {
				files["deploy/"+path] = content
			}
			repo := v.repo("shop", files)
			folder := "deploy"
			if damage.code == "SourceEmpty" || damage.code == "ManifestInvalid" {
				folder = ""
			}
			v.declare("shop", repo.URL, func(s *v1alpha1.GitRepositorySpec) { s.Path, s.Ref = folder, &v1alpha1.GitRef{Branch: "main"} })
			v.ready("shop")
			damage.do(v, repo)
			v.failed("shop", damage.code)
			v.held(3)
		})
	}
}

// replaceAll commits a tree that holds nothing but the given files.
func (v *tenant) replaceAll(repo *githttp.Repo, files map[string]string) {
	v.t.Helper()
	listed := githttp.Must(repo.Git("ls-tree", "--name-only", "main"))(v.t)
	githttp.Must(repo.Delete(strings.Fields(listed)...))(v.t)
	githttp.Must(repo.Commit(files))(v.t)
}

// TestPruneGuard holds a large prune until it is confirmed by its commit.
func TestPruneGuard(t *testing.T) {
	t.Parallel()
	v := newTenant(t)
	files := configMapFiles(15, "x")
	repo := v.repo("shop", files)
	v.declare("shop", repo.URL)
	v.ready("shop")
	names := slices.Sorted(maps.Keys(files))
	githttp.Must(repo.Delete(names[1:13]...))(t)
	githttp.Must(repo.Commit(map[string]string{names[0]: configMapYAML("cm-000", "y")}))(t)
	commit := githttp.Must(repo.Resolve("main"))(t)
	sync := v.failed("shop", "PruneUnconfirmed")
	contains(t, sync.Status.Error.Message, "12 of 15")
	contains(t, sync.Status.Error.Hint, commit)
	v.held(15)
	if v.configMap("cm-000").Data["key"] != "y" {
		t.Error("a held prune held the rest as well")
	}
	if held := v.get("shop").Status.PendingPrune; held == nil || held.Commit != commit || held.Count != 12 || len(held.Objects) != 10 {
		t.Fatalf("pending prune: %+v", held)
	}
	// The confirmation of another commit counts for nothing.
	v.failed("shop", "PruneUnconfirmed", v1alpha1.SyncSpec{ConfirmPrune: strings.Repeat("a", 40)})
	v.held(15)
	if done := v.succeeded("shop", v1alpha1.SyncSpec{ConfirmPrune: commit}); done.Status.Counts.Pruned != 12 {
		t.Fatalf("%+v", done.Status)
	}
	v.gone("cm-005")
	if held := v.ready("shop").Status.PendingPrune; held != nil {
		t.Errorf("still pending: %+v", held)
	}
}

// TestOnlyItsOwn: what is not provably NOPEA's is neither pruned nor taken over.
func TestOnlyItsOwn(t *testing.T) {
	t.Parallel()
	v := newTenant(t)
	configMaps := v.kube.CoreV1().ConfigMaps(v.namespace)
	repo := v.repo("shop", map[string]string{"app.yaml": configMapYAML("settings", "one"), "old.yaml": configMapYAML("old", "x"), "freed.yaml": configMapYAML("freed", "x")})
	v.declare("shop", repo.URL, func(s *v1alpha1.GitRepositorySpec) { s.DriftPolicy = v1alpha1.DriftPolicyIgnore })
	v.ready("shop")

	// A copied label proves nothing.
	copied := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "copied", Labels: v.configMap("settings").Labels}}
	v.must(configMaps.Create(background(), copied, metav1.CreateOptions{}))
	// Without its label an object was let go by somebody.
	v.must(configMaps.Patch(background(), "freed", types.MergePatchType, []byte(`{"metadata":{"labels":{"nopea.io/repository":null}}}`), metav1.PatchOptions{}))
	// Another object of the same name is not the one that was applied.
	if err := configMaps.Delete(background(), "old", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	v.must(configMaps.Create(background(), &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "old"}, Data: map[string]string{"mine": "yes"}}, metav1.CreateOptions{}))
	githttp.Must(repo.Delete("old.yaml", "freed.yaml"))(t)
	if sync := v.succeeded("shop"); sync.Status.Counts.Pruned != 0 || sync.Status.Counts.Released != 2 {
		t.Fatalf("%+v", sync.Status)
	}
	for _, name := range []string{"copied", "freed", "old"} {
		v.configMap(name)
	}

	// What another GitRepository holds is refused, by name, and so is what Helm holds.
	rival := v.repo("rival", map[string]string{"app.yaml": configMapYAML("settings", "stolen"), "free.yaml": configMapYAML("free", "x")})
	v.must(configMaps.Create(background(), &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "free", Labels: map[string]string{"app.kubernetes.io/managed-by": "Helm"},
		Annotations: map[string]string{"meta.helm.sh/release-name": "web"}}}, metav1.CreateOptions{}))
	v.declare("rival", rival.URL)
	v.condition("rival", v1alpha1.ConditionReady, metav1.ConditionFalse, "Refused")
	sync := v.failed("rival", "Refused")
	contains(t, sync.Status.Error.Message, "GitRepository "+v.namespace+"/shop", `Helm release "web"`)
	if v.configMap("settings").Data["key"] != "one" {
		t.Error("the object was taken from its owner")
	}
	// Once that GitRepository is gone, it holds nothing.
	if err := v.api.GitRepositories(v.namespace).Delete(background(), "shop", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	githttp.Must(rival.Delete("free.yaml"))(t)
	v.succeeded("rival")
	if v.configMap("settings").Data["key"] != "stolen" {
		t.Error("the object was not taken over from a GitRepository that is gone")
	}
}

// TestMissingInventory prunes nothing unconfirmed, and is made again.
func TestMissingInventory(t *testing.T) {
	t.Parallel()
	v := newTenant(t)
	repo := v.repo("shop", configMapFiles(3, "x"))
	v.declare("shop", repo.URL)
	v.ready("shop")
	if err := v.api.Inventories(v.namespace).DeleteCollection(background(), metav1.DeleteOptions{}, metav1.ListOptions{}); err != nil {
		t.Fatal(err)
	}
	githttp.Must(repo.Delete("cm-002.yaml"))(t)
	sync := v.failed("shop", "PruneUnconfirmed")
	if counts := sync.Status.Counts; counts.Pruned != 0 || counts.Unchanged != 2 {
		t.Fatalf("%+v", sync.Status)
	}
	v.held(3)
	githttp.Must(repo.Commit(map[string]string{"cm-002.yaml": configMapYAML("cm-002", "x")}))(t)
	v.succeeded("shop")
	githttp.Must(repo.Delete("cm-001.yaml"))(t)
	if sync := v.succeeded("shop"); sync.Status.Counts.Pruned != 1 {
		t.Fatalf("the inventory was not made again: %+v", sync.Status)
	}
}

func TestDeletionPolicy(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name    string
		policy  v1alpha1.DeletionPolicy
		before  func(*tenant)
		orphans bool
	}{
		{name: "Orphan", policy: v1alpha1.DeletionPolicyOrphan, orphans: true},
		{name: "Delete", policy: v1alpha1.DeletionPolicyDelete},
		{name: "Delete without its identity", policy: v1alpha1.DeletionPolicyDelete, orphans: true, before: func(v *tenant) {
			if err := v.kube.CoreV1().ServiceAccounts(v.namespace).Delete(background(), "nopea", metav1.DeleteOptions{}); err != nil {
				v.t.Fatal(err)
			}
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			v := newTenant(t)
			repo := v.repo("shop", configMapFiles(3, "x"))
			v.declare("shop", repo.URL, func(s *v1alpha1.GitRepositorySpec) { s.DeletionPolicy = test.policy })
			repository := v.ready("shop")
			if want := test.policy == v1alpha1.DeletionPolicyDelete; slices.Contains(repository.Finalizers, v1alpha1.FinalizerCleanup) != want {
				t.Fatalf("finalizers %v", repository.Finalizers)
			}
			if test.before != nil {
				test.before(v)
			}
			if err := v.api.GitRepositories(v.namespace).Delete(background(), "shop", metav1.DeleteOptions{}); err != nil {
				t.Fatal(err)
			}
			v.eventually("the GitRepository and its records are gone", func(ctx context.Context) error {
				if _, err := v.api.GitRepositories(v.namespace).Get(ctx, "shop", metav1.GetOptions{}); !apierrors.IsNotFound(err) {
					return errors.Join(errors.New("the GitRepository is there, or cannot be read"), err)
				}
				if left := len(v.inventories("shop")); left > 0 {
					return fmt.Errorf("%d inventories", left)
				}
				return nil
			})
			for i := range 3 {
				_, err := v.kube.CoreV1().ConfigMaps(v.namespace).Get(background(), fmt.Sprintf("cm-%03d", i), metav1.GetOptions{})
				if apierrors.IsNotFound(err) == test.orphans {
					t.Errorf("cm-%03d: %v", i, err)
				}
			}
		})
	}
}

// TestStages applies a definition and an object of its kind in one commit, and keeps the later stage back when a definition fails.
func TestStages(t *testing.T) {
	t.Parallel()
	v := newTenant(t)
	v.bind("", "cluster-admin")
	group := v.namespace + ".example.com"
	definition := fmt.Sprintf(`apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata:
  name: widgets.%[1]s
spec:
  group: %[1]s
  names: {kind: Widget, plural: widgets, singular: widget, listKind: WidgetList}
  scope: Namespaced
  versions:
  - name: v1
    served: true
    storage: true
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec: {type: object, properties: {size: {type: integer}}}
`, group)
	widget := fmt.Sprintf("apiVersion: %s/v1\nkind: Widget\nmetadata: {name: one}\nspec: {size: 3}\n", group)
	repo := v.repo("shop", map[string]string{"a-widget.yaml": widget, "z-definition.yaml": definition,
		"namespace.yaml": "apiVersion: v1\nkind: Namespace\nmetadata: {name: " + v.namespace + "-more}\n",
		"in-it.yaml":     "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: there, namespace: " + v.namespace + "-more}\n"})
	v.declare("shop", repo.URL)
	v.ready("shop")

	githttp.Must(repo.Commit(map[string]string{
		"bad-definition.yaml": strings.NewReplacer("widgets", "gadgets", "scope: Namespaced", "scope: Nowhere").Replace(definition),
		"later.yaml":          configMapYAML("later", "x"),
		"namespace-2.yaml":    "apiVersion: v1\nkind: Namespace\nmetadata: {name: " + v.namespace + "-two}\n",
	}))(t)
	sync := v.failed("shop", "ManifestInvalid")
	contains(t, sync.Status.Error.Message, "bad-definition.yaml", "wait for it")
	v.gone("later")
	v.must(v.kube.CoreV1().Namespaces().Get(background(), v.namespace+"-two", metav1.GetOptions{}))
	// A held prune names what is precious.
	githttp.Must(repo.Delete("bad-definition.yaml", "namespace-2.yaml"))(t)
	sync = v.failed("shop", "PruneUnconfirmed")
	contains(t, sync.Status.Error.Message, "Namespace "+v.namespace+"-two")
	v.configMap("later")
}
