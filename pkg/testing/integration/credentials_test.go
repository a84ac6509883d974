package integration

import (
	"context"
	"fmt"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
	"nopea.io/nopea/pkg/testing/githttp"
	"nopea.io/nopea/pkg/testing/gitssh"
)

// store creates or replaces a Secret.
func (v *tenant) store(name string, values map[string]string) {
	v.t.Helper()
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: name}, StringData: values}
	secrets := v.kube.CoreV1().Secrets(v.namespace)
	if _, err := secrets.Get(background(), name, metav1.GetOptions{}); err == nil {
		v.must(secrets.Update(background(), secret, metav1.UpdateOptions{}))
		return
	}
	v.must(secrets.Create(background(), secret, metav1.CreateOptions{}))
}

// refused has a GitRepository synced, and waits until it is not Ready for a reason, and says so in these words.
func (v *tenant) refused(name, reason string, words ...string) {
	v.t.Helper()
	v.post(name) // what is in a Secret shows at the next try
	repository := v.condition(name, v1alpha1.ConditionReady, metav1.ConditionFalse, reason)
	ready := apimeta.FindStatusCondition(repository.Status.Conditions, v1alpha1.ConditionReady)
	text := ready.Message + " " + repository.Status.LastError.Hint
	contains(v.t, text, words...)
	if whole := fmt.Sprint(repository.Status); strings.Contains(whole, "PRIVATE KEY") || strings.Contains(whole, "s3cr3t") {
		v.t.Errorf("the status holds a secret: %s", whole)
	}
	v.t.Logf("%s | %s", ready.Message, repository.Status.LastError.Hint)
}

// TestSSH reads a repository from a real sshd, as a user gets there: no Secret, no known_hosts, a wrong one, the right one; then the key is
// replaced while the controller runs, and polls go on.
func TestSSH(t *testing.T) {
	t.Parallel()
	v := newTenant(t)
	sshd := gitssh.New(t, gitssh.Options{})
	old, renewed := gitssh.NewKey(t, "ed25519", ""), gitssh.NewKey(t, "rsa", "s3cr3t phrase", "-b", "2048")
	sshd.Authorize(t, old)
	repo := v.repo("shop", map[string]string{"app.yaml": configMapYAML("settings", "one")})
	v.declare("shop", sshd.URL(repo.Dir), func(s *v1alpha1.GitRepositorySpec) { s.Interval = "1s" })
	v.refused("shop", "SecretInvalid", "spec.secretRef", "identity", "ssh-keyscan -p")
	v.respec("shop", func(s *v1alpha1.GitRepositorySpec) { s.SecretRef = &v1alpha1.LocalObjectReference{Name: "git"} })
	v.refused("shop", "SecretNotFound", `"git"`)
	v.store("git", map[string]string{"identity": old.Private})
	v.refused("shop", "SecretInvalid", "known_hosts", "ssh-keyscan -p")
	v.store("git", map[string]string{"identity": old.Private, "known_hosts": sshd.ForeignHosts(t)})
	v.refused("shop", "HostKeyMismatch", "127.0.0.1", "SHA256:", "known_hosts")
	v.store("git", map[string]string{"ssh-privatekey": old.Private, "known_hosts": sshd.KnownHosts(t)})
	v.succeeded("shop")
	v.ready("shop")
	if got := v.configMap("settings").Data["key"]; got != "one" {
		t.Errorf("the ConfigMap holds %q", got)
	}
	// The old key is taken away, first at the server: nothing is lost, and the new one is found.
	sshd.Authorize(t, renewed)
	v.store("git", map[string]string{"identity": renewed.Private, "password": "wrong s3cr3t", "known_hosts": sshd.KnownHosts(t)})
	v.failed("shop", "InvalidCredentials")
	v.store("git", map[string]string{"identity": renewed.Private, "password": "s3cr3t phrase", "known_hosts": sshd.KnownHosts(t)})
	v.succeeded("shop")
	githttp.Must(repo.Commit(map[string]string{"app.yaml": configMapYAML("settings", "two")}))(t)
	v.eventually("a poll brings the new commit", func(context.Context) error {
		if got := v.configMap("settings").Data["key"]; got != "two" {
			return fmt.Errorf("the ConfigMap holds %q", got)
		}
		return nil
	})
	if n := sshd.Connections(); n > 6 {
		t.Errorf("%d connections were made", n)
	}
}

// TestTLSAndProxySecrets reads a repository from a server with an authority of its own that asks for a client certificate.
func TestTLSAndProxySecrets(t *testing.T) {
	t.Parallel()
	v := newTenant(t)
	authority, clients := githttp.NewAuthority(t), githttp.NewAuthority(t)
	certificate, key := clients.Issue(t)
	v.git = githttp.NewWith(t, githttp.Options{Dir: t.TempDir(), TLS: authority.Server(t, clients)})
	repo := v.repo("shop", map[string]string{"app.yaml": configMapYAML("settings", "one")})
	v.store("git", map[string]string{"username": "ada", "password": "s3cr3t"})
	v.declare("shop", repo.URL, func(s *v1alpha1.GitRepositorySpec) { s.SecretRef = &v1alpha1.LocalObjectReference{Name: "git"} })
	v.refused("shop", "CertificateUntrusted", "ca.crt")
	v.store("git", map[string]string{"ca.crt": authority.PEM})
	v.refused("shop", "ClientCertificateRefused", "tls.crt", "tls.key")
	v.store("git", map[string]string{"ca.crt": authority.PEM, "tls.crt": certificate, "tls.key": key})
	v.succeeded("shop")
	v.ready("shop")
	v.respec("shop", func(s *v1alpha1.GitRepositorySpec) { s.ProxySecretRef = &v1alpha1.LocalObjectReference{Name: "proxy"} })
	v.refused("shop", "SecretNotFound", `"proxy"`, "spec.proxySecretRef")
	v.store("proxy", map[string]string{"username": "ada"})
	v.refused("shop", "SecretInvalid", "spec.proxySecretRef", "address")
	v.store("proxy", map[string]string{"address": "http://127.0.0.1:1"})
	v.refused("shop", "Unreachable", "proxy")
}
