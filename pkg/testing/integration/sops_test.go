package integration

import (
	"encoding/base64"
	"encoding/json"
	"os"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
	"nopea.io/nopea/pkg/testing/githttp"
)

// sopsFile is a file that SOPS made for the tests, or a key to them; see hack/sopsfixtures.
func sopsFile(t *testing.T, name string) string {
	t.Helper()
	return string(githttp.Must(os.ReadFile("../../sops/testdata/" + name))(t))
}

func decrypting(s *v1alpha1.GitRepositorySpec) {
	s.Decryption = &v1alpha1.DecryptionSpec{SecretRef: v1alpha1.LocalObjectReference{Name: "sops"}}
}

// TestSOPS syncs encrypted files as their keys come in, one after the other.
func TestSOPS(t *testing.T) {
	t.Parallel()
	v := newTenant(t)
	repo := v.repo("shop", map[string]string{"plain.yaml": configMapYAML("plain", "x"), "secret.yaml": sopsFile(t, "secret.yaml"), "config.yaml": sopsFile(t, "configmap.yaml")})
	v.declare("shop", repo.URL)
	repository := v.condition("shop", v1alpha1.ConditionReady, metav1.ConditionFalse, "DecryptionFailed")
	contains(t, repository.Status.LastError.Message+repository.Status.LastError.Hint, "config.yaml: it is encrypted with SOPS for OpenPGP ", "spec.decryption.secretRef")
	v.gone("plain")

	v.respec("shop", decrypting)
	repository = v.condition("shop", v1alpha1.ConditionReady, metav1.ConditionFalse, "SecretNotFound")
	contains(t, repository.Status.LastError.Message, `the Secret "sops" named by spec.decryption.secretRef`)

	secrets := v.kube.CoreV1().Secrets(v.namespace)
	keys := githttp.Must(secrets.Create(background(), &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "sops"},
		StringData: map[string]string{"one.agekey": sopsFile(t, "keys.agekey")}}, metav1.CreateOptions{}))(t)
	contains(t, v.failed("shop", "DecryptionFailed").Status.Error.Message, "config.yaml: it is encrypted with SOPS for OpenPGP ", "none of the decryption keys")

	keys.Data["two.asc"] = []byte(sopsFile(t, "keys.asc"))
	keys = githttp.Must(secrets.Update(background(), keys, metav1.UpdateOptions{}))(t)
	v.succeeded("shop")
	secret := githttp.Must(secrets.Get(background(), "database", metav1.GetOptions{}))(t)
	if string(secret.Data["password"]) != "correct horse battery staple" || secret.Annotations[v1alpha1.AnnotationOrigin] != "secret.yaml" {
		t.Errorf("the Secret is %v", secret)
	}
	if got := v.configMap("settings").Data["greeting"]; got != "hello from the vault" {
		t.Errorf("the ConfigMap says %q", got)
	}
	mark := githttp.Must(v.on.Cluster.AuditLog().Mark())(t)
	if v.succeeded("shop"); len(v.tenantRequests(mark)) == 0 {
		t.Error("the keys were not read again")
	}

	// A key that is gone is missed at the next commit, although the commit changes nothing that is applied.
	githttp.Must(repo.Commit(map[string]string{"README.md": "x"}))(t)
	delete(keys.Data, "two.asc")
	keys = githttp.Must(secrets.Update(background(), keys, metav1.UpdateOptions{}))(t)
	v.failed("shop", "DecryptionFailed")
	keys.Data["two.asc"] = []byte(sopsFile(t, "keys.asc"))
	v.must(secrets.Update(background(), keys, metav1.UpdateOptions{}))

	githttp.Must(repo.Commit(map[string]string{"cloud.yaml": sopsFile(t, "cloud.yaml")}))(t)
	contains(t, v.failed("shop", "DecryptionFailed").Status.Error.Message, "cloud.yaml: it is encrypted with SOPS for AWS KMS (kms) alone")

	changed := strings.Replace(sopsFile(t, "secret.yaml"), "app: shop", "app: other", 1)
	githttp.Must(repo.Delete("cloud.yaml"))(t)
	githttp.Must(repo.Commit(map[string]string{"secret.yaml": changed}))(t)
	contains(t, v.failed("shop", "DecryptionFailed").Status.Error.Message, "secret.yaml: it was changed after it was encrypted")

	// What the API server has against a value is not repeated.
	githttp.Must(repo.Commit(map[string]string{"secret.yaml": sopsFile(t, "secret.yaml"), "refused.yaml": sopsFile(t, "refused.yaml")}))(t)
	sync := v.failed("shop", "ManifestInvalid")
	contains(t, sync.Status.Error.Message, "refused.yaml", "spec.type")
	v.tellsNothing("correct horse battery staple", "hello from the vault", "TopSecretValue")
}

// TestSOPSInKustomize builds with an encrypted file of a generator and an encrypted resource.
func TestSOPSInKustomize(t *testing.T) {
	t.Parallel()
	v := newTenant(t)
	v.must(v.kube.CoreV1().Secrets(v.namespace).Create(background(), &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "sops"},
		StringData: map[string]string{"one.agekey": sopsFile(t, "keys.agekey")}}, metav1.CreateOptions{}))
	repo := v.repo("shop", map[string]string{
		"kustomization.yaml": "namePrefix: my-\nresources: [secret.yaml]\ngeneratorOptions: {disableNameSuffixHash: true}\n" +
			"secretGenerator: [{name: app, envs: [app.env], files: [blob.bin]}]\nconfigMapGenerator: [{name: server, files: [app.ini]}]\n",
		"secret.yaml": sopsFile(t, "secret.yaml"), "app.env": sopsFile(t, "app.env"), "blob.bin": sopsFile(t, "blob.bin"), "app.ini": sopsFile(t, "app.ini"),
	})
	v.declare("shop", repo.URL)
	repository := v.condition("shop", v1alpha1.ConditionReady, metav1.ConditionFalse, "DecryptionFailed")
	contains(t, repository.Status.LastError.Message, ": it is encrypted with SOPS for age age1")
	v.respec("shop", decrypting)
	v.ready("shop")
	for name, want := range map[string]map[string]string{
		"my-database": {"password": "correct horse battery staple", "username": "shop"},
		"my-app":      {"PASSWORD": "a=b c", "USER": "shop", "blob.bin": sopsFile(t, "plain/blob.bin")},
	} {
		secret := githttp.Must(v.kube.CoreV1().Secrets(v.namespace).Get(background(), name, metav1.GetOptions{}))(t)
		for key, value := range want {
			if string(secret.Data[key]) != value {
				t.Errorf("%s of %s is %q", key, name, secret.Data[key])
			}
		}
	}
	if got := v.configMap("my-server").Data["app.ini"]; got != sopsFile(t, "plain/app.ini") {
		t.Errorf("app.ini is %q", got)
	}
	v.tellsNothing("correct horse battery staple", "a=b c")
}

// tellsNothing fails the test if something that everybody may read holds one of the values.
func (v *tenant) tellsNothing(values ...string) {
	v.t.Helper()
	list := metav1.ListOptions{}
	for what, objects := range map[string]any{
		"GitRepositories": githttp.Must(v.api.GitRepositories(v.namespace).List(background(), list))(v.t),
		"Syncs":           githttp.Must(v.api.Syncs(v.namespace).List(background(), list))(v.t),
		"Inventories":     githttp.Must(v.api.Inventories(v.namespace).List(background(), list))(v.t),
		"Events":          githttp.Must(v.kube.EventsV1().Events(v.namespace).List(background(), list))(v.t),
		"log":             v.on.Controller.Tail(),
	} {
		text := string(githttp.Must(json.Marshal(objects))(v.t))
		for _, value := range values {
			if strings.Contains(text, value) || strings.Contains(text, base64.StdEncoding.EncodeToString([]byte(value))) {
				v.t.Errorf("%s hold %q", what, value)
			}
		}
	}
}
