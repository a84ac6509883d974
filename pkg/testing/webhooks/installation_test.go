package webhooks

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
	"nopea.io/nopea/pkg/testing/githttp"
	"nopea.io/nopea/pkg/testing/hooks"
	"nopea.io/nopea/pkg/testing/sandbox"
)

// TestInstallation is about one webhook for all, a restart of the API server, and GitRepositories that come, change and go. It is not run
// beside others: what it makes is for all of them.
func TestInstallation(t *testing.T) {
	const common = "of the whole organisation"
	v, w := newTenant(t), newTenant(t)
	v.must(v.kube.CoreV1().Secrets(sandbox.Namespace).Create(t.Context(), &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: v1alpha1.DefaultWebhookSecret}, StringData: map[string]string{"github.new": common, "gitlab": "another"},
	}, metav1.CreateOptions{}))
	t.Cleanup(func() {
		if err := v.kube.CoreV1().Secrets(sandbox.Namespace).Delete(context.Background(), v1alpha1.DefaultWebhookSecret, metav1.DeleteOptions{}); err != nil {
			t.Error(err)
		}
	})
	github := hooks.GitHub()
	repo := v.repo("shop")
	v.must(w.api.GitRepositories(w.namespace).Create(t.Context(), &v1alpha1.GitRepository{
		ObjectMeta: metav1.ObjectMeta{Name: "copy", Namespace: w.namespace},
		Spec: v1alpha1.GitRepositorySpec{URL: "https" + strings.TrimPrefix(repo.URL, "http") + "/", Suspend: true, Webhook: &v1alpha1.WebhookSpec{
			Match: []string{strings.Replace(repo.URL, "127.0.0.1", "git.example.com", 1)}}},
	}, metav1.CreateOptions{}))
	deliver := func(address, secret string) answer {
		push := v.pushed(repo, "main")
		push.URL = address
		return v.listen("github", github.Push(push, secret))
	}
	names := func(code int, address string, syncs ...string) {
		t.Helper()
		v.eventually(fmt.Sprintf("%s is answered %d", address, code), func(context.Context) error {
			a := deliver(address, common)
			var got []string
			for _, sync := range a.Syncs {
				got = append(got, sync.Namespace)
			}
			if a.code != code || fmt.Sprint(got) != fmt.Sprint(syncs) {
				return fmt.Errorf("%d %s", a.code, a.body)
			}
			return nil
		})
	}
	nobody := "https://git.example.com/nobody/has-this.git"
	names(http.StatusNotFound, nobody)
	v.expect(deliver(nobody, common), http.StatusNotFound, "No matching GitRepository")
	v.expect(deliver(nobody, "wrong"), http.StatusUnauthorized)
	v.expect(v.listen("gitlab", hooks.Senders()[3].Push(v.pushed(repo, "main"), common)), http.StatusUnauthorized)
	v.expect(v.listen("github", hooks.GitHubPing(v.pushed(repo, "main"), common)), http.StatusOK, "Pong")
	v.expect(v.listen("github", github.Raw(v.pushed(repo, "main"), []byte("}{"), common)), http.StatusBadRequest)
	v.status("shop", v1alpha1.WebhookResultPinged)
	v.expect(v.post("shop", github.Push(v.pushed(repo, "main"), common)), http.StatusAccepted)
	names(http.StatusAccepted, repo.URL, v.namespace)
	w.status("copy", v1alpha1.WebhookResultIgnored, "suspended")

	// GitRepositories change, and go.
	v.must(world.Cluster.Kubectl(t.Context(), nil, "patch", "gr", "copy", "-n", w.namespace, "--type=merge", "-p", `{"spec":{"suspend":false}}`))
	names(http.StatusAccepted, repo.URL, v.namespace, w.namespace)
	names(http.StatusAccepted, "https://git.example.com/"+v.namespace+"-shop", w.namespace)
	if err := world.APIServer.Kill(); err != nil {
		t.Fatal(err)
	}
	v.must(nil, world.APIServer.Start(t.Context()))
	v.must(nil, world.WaitReady(t.Context()))
	a := deliver(repo.URL, common)
	if v.expect(a, http.StatusAccepted); len(a.Syncs) != 2 {
		t.Errorf("after a restart: %s", a.body)
	}
	v.must(nil, w.api.GitRepositories(w.namespace).Delete(t.Context(), "copy", metav1.DeleteOptions{}))
	names(http.StatusAccepted, repo.URL, v.namespace)
	githttp.Must(repo.Commit(files("shop", "two")))(t)
	v.expect(deliver(repo.URL, common), http.StatusAccepted)
	v.live("shop", "two")
}
