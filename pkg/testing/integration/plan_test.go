package integration

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
	"nopea.io/nopea/pkg/testing/githttp"
)

const (
	passwordBefore = "correct-horse-battery"
	passwordAfter  = "staple-of-another-barn"
)

func secretYAML(name, value string) string {
	return fmt.Sprintf("apiVersion: v1\nkind: Secret\nmetadata:\n  name: %s\nstringData:\n  password: %q\n  user: shop\n", name, value)
}

const planDeploymentYAML = `apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  replicas: 0
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - name: app
        image: example.com/web:v1
        env: [{name: MODE, value: slow}]
`

// TestPlanOfPullRequest asks what a commit would change that no branch contains. The plan tells it all, shows nothing of a Secret, and
// nothing is written; it goes with its Sync.
func TestPlanOfPullRequest(t *testing.T) {
	t.Parallel()
	v := newTenant(t)
	repo := v.repo("shop", map[string]string{
		"same.yaml": configMapYAML("same", "one"), "old.yaml": configMapYAML("old", "x"), "web.yaml": planDeploymentYAML,
		"secret.yaml": secretYAML("login", passwordBefore),
	})
	v.must(v.kube.CoreV1().ConfigMaps(v.namespace).Create(background(), &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{
		Name: "foreign", Labels: map[string]string{"app.kubernetes.io/managed-by": "Helm"}, Annotations: map[string]string{"meta.helm.sh/release-name": "podinfo"},
	}}, metav1.CreateOptions{}))
	main := githttp.Must(repo.Resolve("main"))(t)
	v.declare("shop", repo.URL)
	v.ready("shop")

	githttp.Must(repo.Delete("old.yaml"))(t)
	commit := githttp.Must(repo.Commit(map[string]string{
		"web.yaml":    replaceAll(replaceAll(planDeploymentYAML, "web:v1", "web:v2"), "value: slow", "value: fast"),
		"secret.yaml": secretYAML("login", passwordAfter), "second.yaml": secretYAML("second", passwordAfter),
		"foreign.yaml": configMapYAML("foreign", "mine"), "bad.yaml": "apiVersion: v1\nkind: Service\nmetadata: {name: bad}\nspec: {ports: [{port: 99999}]}\n",
	}))(t)
	v.must(nil, repo.SetRef("refs/pull/7/head", commit))
	v.must(nil, repo.SetRef("refs/heads/main", main))
	before := v.versions()

	sync := v.sync("shop", v1alpha1.SyncSpec{DryRun: true, Revision: commit})
	if sync.Status.Phase != v1alpha1.SyncPhaseFailed || sync.Status.Revision == nil || sync.Status.Revision.Commit != commit {
		t.Fatalf("a plan with a refusal and a bad manifest is %s: %+v", sync.Status.Phase, sync.Status)
	}
	plan := githttp.Must(v.api.Syncs(v.namespace).GetPlan(background(), sync.Name, metav1.GetOptions{}))(t)
	want := map[string]string{
		"ConfigMap/same": "Unchanged", "ConfigMap/old": "Prune", "Deployment/web": "Configure", "Secret/login": "Configure",
		"Secret/second": "Create", "ConfigMap/foreign": "Refuse", "Service/bad": "Fail",
	}
	got := make(map[string]string)
	fields := make(map[string]string)
	for _, object := range plan.Objects {
		got[object.Kind+"/"+object.Name] = string(object.Action)
		for _, field := range object.Fields {
			fields[object.Kind+"/"+object.Name+" "+field.Path] = field.From + " -> " + field.To
		}
	}
	if !maps.Equal(got, want) || plan.Revision.Commit != commit {
		t.Errorf("the plan of %+v is %v, want %v", plan.Revision, got, want)
	}
	if want := map[string]string{
		"Deployment/web spec.template.spec.containers[name=app].image":                `"example.com/web:v1" -> "example.com/web:v2"`,
		"Deployment/web spec.template.spec.containers[name=app].env[name=MODE].value": `"slow" -> "fast"`,
		"Secret/login data.password":                                                  "*** -> ***",
	}; !maps.Equal(fields, want) {
		t.Errorf("the fields are %v, want %v", fields, want)
	}
	for _, change := range sync.Status.Changes {
		if change.Name == "web" && !slices.Contains(change.Fields, "spec.template.spec.containers[name=app].image") {
			t.Errorf("the status names %v of the Deployment", change.Fields)
		}
	}
	raw := fmt.Sprintf("/apis/nopea.io/v1alpha1/namespaces/%s/syncs/%s/plan", v.namespace, sync.Name)
	text := v.kubectlOK("", "get", "--raw", raw) + string(githttp.Must(json.Marshal(sync))(t))
	contains(t, text, `"kind":"Plan"`, "podinfo")
	for _, secret := range []string{passwordBefore, passwordAfter} {
		if strings.Contains(text, secret) || strings.Contains(text, base64.StdEncoding.EncodeToString([]byte(secret))) {
			t.Errorf("a Secret's value is shown: %s", text)
		}
	}
	contains(t, v.kubectlOK("", "get", "syncs", "-n", v.namespace, sync.Name), "(dry run)")
	if byRef := v.sync("shop", v1alpha1.SyncSpec{DryRun: true, Revision: "refs/pull/7/head"}); byRef.Status.Revision == nil || byRef.Status.Revision.Commit != commit ||
		*byRef.Status.Counts != *sync.Status.Counts {
		t.Errorf("by the ref's name it is %+v", byRef.Status)
	}
	unknown := v.failed("shop", "CommitNotFound", v1alpha1.SyncSpec{DryRun: true, Revision: strings.Repeat("12", 20)})
	contains(t, unknown.Status.Error.Hint, "refs/pull/7/head")

	if after := v.versions(); !maps.Equal(after, before) {
		t.Errorf("a dry run wrote: %v, then %v", before, after)
	}
	v.must(nil, v.api.Syncs(v.namespace).Delete(background(), sync.Name, metav1.DeleteOptions{DryRun: []string{metav1.DryRunAll}}))
	v.must(v.api.Syncs(v.namespace).GetPlan(background(), sync.Name, metav1.GetOptions{}))
	v.must(nil, v.api.Syncs(v.namespace).Delete(background(), sync.Name, metav1.DeleteOptions{}))
	if _, err := v.api.Syncs(v.namespace).GetPlan(background(), sync.Name, metav1.GetOptions{}); !apierrors.IsNotFound(err) {
		t.Errorf("the plan outlives its Sync: %v", err)
	}
}

// versions are the resourceVersions of what the tests of plans apply, and of the GitRepository.
func (v *tenant) versions() map[string]string {
	v.t.Helper()
	// How its objects fare is told whenever that changes, whatever else goes on.
	shop := v.get("shop")
	apimeta.RemoveStatusCondition(&shop.Status.Conditions, v1alpha1.ConditionHealthy)
	shop.Status.Health = nil
	versions := map[string]string{"gitrepository": string(githttp.Must(json.Marshal(shop.Status))(v.t))}
	list := func(kind string, objects []metav1.Object) {
		for _, object := range objects {
			versions[kind+"/"+object.GetName()] = object.GetResourceVersion()
		}
	}
	var objects []metav1.Object
	configMaps := githttp.Must(v.kube.CoreV1().ConfigMaps(v.namespace).List(background(), metav1.ListOptions{}))(v.t)
	for i := range configMaps.Items {
		objects = append(objects, &configMaps.Items[i])
	}
	list("configmap", objects)
	objects = nil
	secrets := githttp.Must(v.kube.CoreV1().Secrets(v.namespace).List(background(), metav1.ListOptions{}))(v.t)
	for i := range secrets.Items {
		objects = append(objects, &secrets.Items[i])
	}
	list("secret", objects)
	objects = nil
	inventories := githttp.Must(v.api.Inventories(v.namespace).List(background(), metav1.ListOptions{}))(v.t)
	for i := range inventories.Items {
		objects = append(objects, &inventories.Items[i])
	}
	list("inventory", objects)
	web := githttp.Must(v.kube.AppsV1().Deployments(v.namespace).Get(background(), "web", metav1.GetOptions{}))(v.t)
	versions["deployment/web"] = fmt.Sprint(web.UID, web.Generation) // its controller writes the status
	return versions
}

// TestPlanOfWhatIsThere finds no change where only the owner changes: objects that kubectl applied are taken over as they are.
func TestPlanOfWhatIsThere(t *testing.T) {
	t.Parallel()
	v := newTenant(t)
	files := map[string]string{"app.yaml": configMapYAML("settings", "one"), "web.yaml": planDeploymentYAML, "secret.yaml": secretYAML("login", passwordBefore)}
	for _, manifest := range files {
		v.kubectlOK(manifest, "apply", "-n", v.namespace, "-f", "-")
	}
	repo := v.repo("shop", files)
	v.declare("shop", repo.URL, func(s *v1alpha1.GitRepositorySpec) { s.Suspend = true })
	sync := v.succeeded("shop", v1alpha1.SyncSpec{DryRun: true})
	if *sync.Status.Counts != (v1alpha1.SyncCounts{Adopted: 3}) {
		t.Errorf("the plan is %+v, %+v", sync.Status.Counts, sync.Status.Changes)
	}
	for _, change := range sync.Status.Changes {
		if len(change.Fields) > 0 {
			t.Errorf("fields would change of %+v", change)
		}
	}
	plan := githttp.Must(v.api.Syncs(v.namespace).GetPlan(background(), sync.Name, metav1.GetOptions{}))(t)
	for _, object := range plan.Objects {
		contains(t, object.Message, "taken over from what kubectl-client-side-apply applied")
	}
	// A new namespace, and what goes into it, cannot be tried before it is there.
	v.bind("", "cluster-admin")
	other := v.namespace + "-new"
	githttp.Must(repo.Commit(map[string]string{
		"ns.yaml":    "apiVersion: v1\nkind: Namespace\nmetadata: {name: " + other + "}\n",
		"other.yaml": replaceAll(configMapYAML("settings", "one"), "name: settings\n", "name: settings\n  namespace: "+other+"\n"),
	}))(t)
	sync = v.succeeded("shop", v1alpha1.SyncSpec{DryRun: true})
	if *sync.Status.Counts != (v1alpha1.SyncCounts{Adopted: 3, Created: 2}) {
		t.Errorf("the plan is %+v: %+v", sync.Status.Counts, sync.Status.Changes)
	}
	if _, err := v.kube.CoreV1().Namespaces().Get(background(), other, metav1.GetOptions{}); !apierrors.IsNotFound(err) {
		t.Errorf("the namespace is there: %v", err)
	}
	if _, err := v.api.Syncs(v.namespace).GetPlan(background(), v.succeeded("shop").Name, metav1.GetOptions{}); !apierrors.IsNotFound(err) {
		t.Errorf("a Sync that is no dry run has a plan: %v", err)
	}
}

// TestAtLeastRevision applies what the ref points to where that holds the commit that is asked for, and nothing where it does not. While
// suspended, it goes back to exactly that commit.
func TestAtLeastRevision(t *testing.T) {
	t.Parallel()
	v := newTenant(t)
	repo := v.repo("shop", map[string]string{"app.yaml": configMapYAML("settings", "one")})
	first := githttp.Must(repo.Resolve("main"))(t)
	v.must(nil, repo.SetRef("refs/heads/side", first))
	side := githttp.Must(repo.CommitTo("side", "Side", map[string]string{"app.yaml": configMapYAML("settings", "side")}))(t)
	v.declare("shop", repo.URL)
	v.ready("shop")
	second := githttp.Must(repo.Commit(map[string]string{"app.yaml": configMapYAML("settings", "two"), "more.yaml": configMapYAML("more", "two")}))(t)

	for _, missing := range []string{side, strings.Repeat("12", 20)} {
		sync := v.failed("shop", "RevisionNotContained", v1alpha1.SyncSpec{Revision: missing})
		contains(t, sync.Status.Error.Message, missing, second[:7], "does not contain")
	}
	if v.configMap("settings").Data["key"] != "one" || v.ready("shop").Status.Applied.Commit != first {
		t.Fatal("a Sync whose revision is not in the ref applied something")
	}
	if sync := v.succeeded("shop", v1alpha1.SyncSpec{Revision: first}); sync.Status.Revision.Commit != second || v.configMap("settings").Data["key"] != "two" {
		t.Fatalf("at least the first commit is %+v", sync.Status.Revision)
	}
	v.git.TakeRequests()
	v.succeeded("shop", v1alpha1.SyncSpec{Revision: second})
	if requests := v.git.TakeRequests(); len(requests) != 1 {
		t.Errorf("a revision that the ref points to costs the requests %+v", requests)
	}

	v.respec("shop", func(s *v1alpha1.GitRepositorySpec) { s.Suspend = true })
	v.failed("shop", "RevisionNotContained", v1alpha1.SyncSpec{Revision: side})
	sync := v.succeeded("shop", v1alpha1.SyncSpec{Revision: first})
	if sync.Status.Revision.Commit != first || v.configMap("settings").Data["key"] != "one" || v.get("shop").Status.Applied.Commit != first {
		t.Fatalf("back to the first commit is %+v", sync.Status)
	}
	v.gone("more")
	v.respec("shop", func(s *v1alpha1.GitRepositorySpec) { s.Suspend = false })
	v.eventually("the newest commit is applied again", func(context.Context) error {
		if commit := v.get("shop").Status.Applied.Commit; commit != second {
			return fmt.Errorf("%s is applied", commit)
		}
		return nil
	})
}
