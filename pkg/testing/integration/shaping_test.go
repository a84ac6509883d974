package integration

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
	"nopea.io/nopea/pkg/testing/githttp"
)

// webYAML is a Deployment with variables in fields of several types.
func webYAML(replicas string) string {
	return `apiVersion: apps/v1
kind: Deployment
metadata: {name: web, annotations: {replicas: "${N}"}}
spec:
  replicas: ` + replicas + `
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - {name: web, image: "example.com/web:1.${N}", env: [{name: REGION, value: "${REGION}-${ZONE:=a}"}, {name: COUNT, value: "${N}"}, {name: SHELL, value: "$${HOME}"}]}
`
}

func TestShaping(t *testing.T) {
	t.Parallel()
	const password = "hunter2-not-to-be-shown"
	v := newTenant(t)
	variables := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "vars"}, Data: map[string]string{"REGION": "eu", "N": "7", "file.txt": "x"}}
	v.must(v.kube.CoreV1().ConfigMaps(v.namespace).Create(background(), variables, metav1.CreateOptions{}))
	v.must(v.kube.CoreV1().Secrets(v.namespace).Create(background(), &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "vars"},
		StringData: map[string]string{"PW": password + "\n", "REGION": "not this one"}}, metav1.CreateOptions{}))
	repo := v.repo("shop", map[string]string{
		".sourceignore":       "*.tmp.yaml\n",
		"app/.nopeaignore":    "/broken/\n",
		"app/broken/a.yaml":   "no: manifest\n",
		"app/b.tmp.yaml":      "no: manifest\n",
		"app/c.yaml":          "no: manifest\n",
		"app/extra.yaml":      configMapYAML("extra", "${REGION:=x}"),
		"app/plain.yaml":      "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: plain, annotations: {nopea.io/substitute: disabled}}\ndata: {script: 'echo ${HOME}'}\n",
		"app/web.yaml":        webYAML("${N}"),
		"app/credential.yaml": "apiVersion: v1\nkind: Secret\nmetadata: {name: credential}\nstringData: {password: '${PW}'}\n",
	})
	v.declare("shop", repo.URL, func(s *v1alpha1.GitRepositorySpec) {
		s.Path, s.Ignore = "app", "/app/c.yaml\n"
		s.CommonMetadata = &v1alpha1.CommonMetadata{Labels: map[string]string{"team": "a"}, Annotations: map[string]string{"contact": "a@example.com"}}
		s.SubstituteFrom = []v1alpha1.SubstituteReference{{Kind: "Secret", Name: "vars"}, {Kind: "ConfigMap", Name: "vars"}, {Kind: "Secret", Name: "none", Optional: true}}
		s.Substitute = map[string]string{"N": "2"}
	})
	v.ready("shop")
	web := githttp.Must(v.kube.AppsV1().Deployments(v.namespace).Get(background(), "web", metav1.GetOptions{}))(t)
	container := web.Spec.Template.Spec.Containers[0]
	got := fmt.Sprint(*web.Spec.Replicas, web.Annotations["replicas"], container.Image, container.Env[0].Value, container.Env[1].Value, container.Env[2].Value,
		web.Labels["team"], web.Annotations["contact"], len(web.Spec.Template.Labels), len(web.Spec.Selector.MatchLabels))
	if want := fmt.Sprint(2, "2", "example.com/web:1.2", "eu-a", "2", "${HOME}", "a", "a@example.com", 1, 1); got != want {
		t.Fatalf("got %s, want %s", got, want)
	}
	credential := githttp.Must(v.kube.CoreV1().Secrets(v.namespace).Get(background(), "credential", metav1.GetOptions{}))(t)
	if string(credential.Data["password"]) != password || v.configMap("plain").Data["script"] != "echo ${HOME}" || v.configMap("extra").Data["key"] != "eu" {
		t.Fatal("variables were not replaced, or where they should not be")
	}

	// A changed value counts although the commit changes nothing below the path; so does a changed ignore file above it.
	variables.Data["REGION"] = "us"
	v.must(v.kube.CoreV1().ConfigMaps(v.namespace).Update(background(), variables, metav1.UpdateOptions{}))
	githttp.Must(repo.Commit(map[string]string{"README.md": "x"}))(t)
	if sync := v.succeeded("shop"); sync.Status.Counts.Configured != 2 || v.configMap("extra").Data["key"] != "us" {
		t.Fatalf("%+v", sync.Status)
	}
	githttp.Must(repo.Commit(map[string]string{".sourceignore": "*.tmp.yaml\nextra.yaml\n"}))(t)
	if sync := v.succeeded("shop"); sync.Status.Counts.Pruned != 1 {
		t.Fatalf("%+v", sync.Status)
	}
	v.gone("extra")

	// What is wrong is named, and no value of a Secret is.
	githttp.Must(repo.Commit(map[string]string{"app/bad.yaml": configMapYAML("bad", "${NOPE}")}))(t)
	contains(t, v.failed("shop", "VariableUnknown").Status.Error.Message, "app/bad.yaml", `ConfigMap "bad"`, "data.key", `"NOPE"`)
	githttp.Must(repo.Commit(map[string]string{"app/bad.yaml": configMapYAML("bad", "${A:-x}")}))(t)
	contains(t, v.failed("shop", "ManifestInvalid").Status.Error.Message, "only ${NAME} and ${NAME:=default}")
	githttp.Must(repo.Delete("app/bad.yaml"))(t)
	githttp.Must(repo.Commit(map[string]string{"app/web.yaml": strings.Replace(webYAML("2"), "image: \"example.com/web:1.${N}\"", `image: x, imagePullPolicy: "${PW}"`, 1)}))(t)
	contains(t, v.failed("shop", "ManifestInvalid").Status.Error.Message, "web", "imagePullPolicy", "values of Secrets")
	githttp.Must(repo.Commit(map[string]string{"app/web.yaml": webYAML("2"), "app/.nopeaignore": "[\n"}))(t)
	contains(t, v.failed("shop", "ManifestInvalid").Status.Error.Message, "app/.nopeaignore:1", "no pattern")
	shown := fmt.Sprint(string(githttp.Must(json.Marshal(v.get("shop")))(t)),
		string(githttp.Must(json.Marshal(githttp.Must(v.api.Syncs(v.namespace).List(background(), metav1.ListOptions{}))(t)))(t)),
		string(githttp.Must(json.Marshal(githttp.Must(v.kube.EventsV1().Events(v.namespace).List(background(), metav1.ListOptions{}))(t)))(t)))
	if strings.Contains(shown, password) {
		t.Error("the value of a Secret is shown")
	}
	githttp.Must(repo.Commit(map[string]string{"app/.nopeaignore": "/broken/\n"}))(t)
	v.respec("shop", func(s *v1alpha1.GitRepositorySpec) { s.SubstituteFrom[0].Name = "vars-2" })
	v.condition("shop", v1alpha1.ConditionReady, metav1.ConditionFalse, "SecretNotFound")
}

func TestObjectsByTheirAnnotations(t *testing.T) {
	t.Parallel()
	v := newTenant(t)
	annotated := func(name, value, annotation string, more ...string) string {
		return fmt.Sprintf("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: %s, annotations: {%s}}\ndata: {key: %s}\n%s", name, annotation, value, strings.Join(more, ""))
	}
	const immutable = "immutable: true\n"
	repo := v.repo("shop", map[string]string{
		"kept.yaml":    annotated("kept", "a", "nopea.io/prune: disabled"),
		"flux.yaml":    annotated("flux", "a", "kustomize.toolkit.fluxcd.io/prune: Disabled"),
		"ignored.yaml": annotated("ignored", "a", `nopea.io/ignore: "true"`),
		"seed.yaml":    annotated("seed", "a", `nopea.io/create-only: "true"`),
		"foreign.yaml": annotated("foreign", "a", "kustomize.toolkit.fluxcd.io/ssa: IfNotPresent"),
		"frozen.yaml":  annotated("frozen", "a", `nopea.io/force: "true"`, immutable),
		"stiff.yaml":   annotated("stiff", "a", "x: other", immutable),
		"plain.yaml":   annotated("plain", "a", "argocd.argoproj.io/hook: PreSync"),
	})
	v.must(v.kube.CoreV1().ConfigMaps(v.namespace).Create(background(),
		&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "foreign"}, Data: map[string]string{"key": "mine"}}, metav1.CreateOptions{}))
	v.declare("shop", repo.URL)
	v.ready("shop")
	v.gone("ignored")
	if sync := v.succeeded("shop"); len(sync.Status.Notes) != 1 || !strings.Contains(sync.Status.Notes[0], "plain") || v.configMap("foreign").Data["key"] != "mine" {
		t.Fatalf("%+v", sync.Status)
	}

	// What is only to be created is left as it is: by hand, and by another manifest. What is not is put back.
	for _, name := range []string{"seed", "plain"} {
		object := v.configMap(name)
		object.Data["key"] = "edited"
		v.must(v.kube.CoreV1().ConfigMaps(v.namespace).Update(background(), object, metav1.UpdateOptions{}))
	}
	v.eventually("plain is put back", func(context.Context) error {
		if now := v.configMap("plain").Data["key"]; now != "a" {
			return errors.New(now)
		}
		return nil
	})
	frozen, stiff := v.configMap("frozen"), v.configMap("stiff")
	githttp.Must(repo.Commit(map[string]string{"seed.yaml": annotated("seed", "b", `nopea.io/create-only: "true"`),
		"frozen.yaml": annotated("frozen", "b", `nopea.io/force: "true"`, immutable)}))(t)
	sync := v.succeeded("shop")
	if now := v.configMap("frozen"); now.UID == frozen.UID || now.Data["key"] != "b" || len(sync.Status.Changes) != 1 || !strings.Contains(sync.Status.Changes[0].Message, "made anew") {
		t.Fatalf("%+v %+v", now, sync.Status)
	}
	if now := v.configMap("seed").Data["key"]; now != "edited" {
		t.Fatalf("what is only to be created was changed to %q", now)
	}

	// Without the annotation, and where something else is wrong as well, nothing is deleted.
	frozen = v.configMap("frozen")
	githttp.Must(repo.Commit(map[string]string{"stiff.yaml": annotated("stiff", "b", "x: other", immutable),
		"frozen.yaml": strings.Replace(annotated("frozen", "c", `nopea.io/force: "true"`, immutable), "key: c", "a b: c", 1)}))(t)
	v.failed("shop", "ManifestInvalid")
	if v.configMap("stiff").UID != stiff.UID || v.configMap("frozen").UID != frozen.UID {
		t.Fatal("made anew against the rules")
	}
	githttp.Must(repo.Commit(map[string]string{"stiff.yaml": annotated("stiff", "a", "x: other", immutable), "frozen.yaml": annotated("frozen", "b", `nopea.io/force: "true"`, immutable),
		"plain.yaml": annotated("plain", "z", `nopea.io/ignore: "true"`)}))(t)

	// What is ignored from now on is released and not changed; what is kept is released when it is gone from Git.
	githttp.Must(repo.Delete("kept.yaml"))(t)
	githttp.Must(repo.Delete("stiff.yaml"))(t)
	if sync := v.succeeded("shop"); sync.Status.Counts.Released != 2 || sync.Status.Counts.Pruned != 1 || v.configMap("plain").Data["key"] != "a" {
		t.Fatalf("%+v", sync.Status)
	}
	v.configMap("kept")
	v.gone("stiff")
	githttp.Must(repo.Commit(map[string]string{"plain.yaml": annotated("plain", "z", "nopea.io/ignore: anything")}))(t)
	contains(t, v.failed("shop", "ManifestInvalid").Status.Error.Message, "plain.yaml", "nopea.io/ignore must be true or false")

	// The end of the GitRepository takes what is not kept.
	githttp.Must(repo.Delete("plain.yaml"))(t)
	v.edit("shop", func(s *v1alpha1.GitRepositorySpec) { s.DeletionPolicy = v1alpha1.DeletionPolicyDelete })
	if err := v.api.GitRepositories(v.namespace).Delete(background(), "shop", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	v.eventually("the GitRepository is gone", func(ctx context.Context) error {
		_, err := v.api.GitRepositories(v.namespace).Get(ctx, "shop", metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			return nil
		}
		return fmt.Errorf("it is there, or %w", err)
	})
	v.gone("frozen")
	v.gone("seed")
	for _, name := range []string{"kept", "flux", "plain", "foreign"} {
		v.configMap(name)
	}
}
