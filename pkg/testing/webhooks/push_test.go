package webhooks

import (
	"bytes"
	"fmt"
	"net/http"
	"slices"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
	"nopea.io/nopea/pkg/testing/githttp"
	"nopea.io/nopea/pkg/testing/hooks"
)

// TestPushIsLive pushes, and has each provider tell of it in each way, until the cluster has what was pushed.
func TestPushIsLive(t *testing.T) {
	t.Parallel()
	v := newTenant(t)
	v.secret(v1alpha1.DefaultWebhookSecret, "an older one", secret)
	repo := v.repo("shop")
	round := 0
	for _, sender := range hooks.Senders() {
		for way, send := range map[string]func(hooks.Delivery) answer{
			"listener": func(d hooks.Delivery) answer {
				return v.heard(func() (string, hooks.Delivery) { return sender.Name, d })
			},
			"kube-apiserver": func(d hooks.Delivery) answer { return v.post("shop", d) },
		} {
			round++
			value := fmt.Sprint(round)
			githttp.Must(repo.Commit(files("shop", value)))(t)
			push := v.pushed(repo, "main")
			sync := v.sync(send(sender.Push(push, secret)))
			if sync.Spec.Trigger != v1alpha1.SyncTriggerWebhook || sync.Spec.RequestedBy[0] != sender.Name || sync.Spec.Push == nil || sync.Spec.Push.Commit != push.Commit {
				t.Errorf("%s by %s: %+v", sender.Name, way, sync.Spec)
			}
			v.live("shop", value)
		}
	}
	v.status("shop", v1alpha1.WebhookResultAccepted, "Sync shop-")
}

// TestBytesArriveIntact sends what a proxy might be tempted to mend.
func TestBytesArriveIntact(t *testing.T) {
	t.Parallel()
	v := newTenant(t)
	v.secret(v1alpha1.DefaultWebhookSecret, secret)
	repo := v.repo("shop")
	push := v.pushed(repo, "main")
	odd := []byte("\r\n\t{ \"ref\" : \"refs\\/heads\\/main\",\r\n\"x\":\"\u2028 \xff\xfe %41 + &amp; \\u0000\", \"after\":\"" + push.Commit + "\"}\r\n\r\n")
	v.expect(v.post("shop", hooks.GitHub().Raw(push, odd, secret)), http.StatusAccepted)
	v.expect(v.post("shop", hooks.GitHubForm(v.pushed(repo, "main"), secret)), http.StatusAccepted)
	v.heard(func() (string, hooks.Delivery) { return "github", hooks.GitHubForm(v.pushed(repo, "main"), secret) })
	large := slices.Concat(hooks.GitHub().Push(push, secret).Body, space(5<<20))
	v.expect(v.post("shop", hooks.GitHub().Raw(v.pushed(repo, "main"), large[:5<<20], secret)), http.StatusAccepted)
	v.expect(v.listen("github", hooks.GitHub().Raw(v.pushed(repo, "main"), large[:5<<20], secret)), http.StatusAccepted)
	v.expect(v.post("shop", hooks.GitHub().Raw(push, large, secret)), http.StatusRequestEntityTooLarge)
	v.expect(v.listen("github", hooks.GitHub().Raw(push, large, secret)), http.StatusRequestEntityTooLarge)
}

// space is what JSON may end with.
func space(size int) []byte { return bytes.Repeat([]byte{' '}, size) }

// TestRefs follows tags, one of several refs in a push, and no deletion.
func TestRefs(t *testing.T) {
	t.Parallel()
	v := newTenant(t)
	v.secret(v1alpha1.DefaultWebhookSecret, secret)
	repo := v.repo("shop")

	deleted := v.pushed(repo, "main")
	deleted.Commit = ""
	other := v.pushed(repo, "main")
	other.Ref = "refs/heads/feature"
	for _, sender := range hooks.Senders() {
		v.expect(v.post("shop", sender.Push(deleted, secret)), http.StatusOK, "was deleted")
		v.expect(v.post("shop", sender.Push(other, secret)), http.StatusOK, "refs/heads/feature")
	}
	v.unsynced("shop")
	v.status("shop", v1alpha1.WebhookResultIgnored, "refs/heads/feature")

	commit := githttp.Must(repo.Commit(files("shop", "two")))(t)
	several := fmt.Appendf(nil, `{"repository":{"links":{"clone":[{"name":"http","href":%q}]}},"changes":[
		{"ref":{"id":"refs/heads/a"},"fromHash":%[2]q,"toHash":"0000000000000000000000000000000000000000","type":"DELETE"},
		{"ref":{"id":"refs/heads/main"},"fromHash":"0000000000000000000000000000000000000000","toHash":%[2]q,"type":"UPDATE"},
		{"ref":{"id":"refs/tags/v7"},"fromHash":"0000000000000000000000000000000000000000","toHash":%[2]q,"type":"ADD"}]}`, repo.URL, commit)
	push := v.pushed(repo, "main")
	for _, sender := range hooks.Senders() {
		if sender.Name == "bitbucket-server" {
			if sync := v.sync(v.post("shop", sender.Raw(push, several, secret))); sync.Spec.Push.Ref != "refs/heads/main" {
				t.Errorf("got %+v", sync.Spec)
			}
		}
	}
	v.live("shop", "two")

	v.must(nil, repo.SetRef("refs/tags/v1", commit))
	v.must(v.api.GitRepositories(v.namespace).Create(t.Context(), &v1alpha1.GitRepository{
		ObjectMeta: metav1.ObjectMeta{Name: "tagged", Namespace: v.namespace},
		Spec:       v1alpha1.GitRepositorySpec{URL: repo.URL, Path: "none", Ref: &v1alpha1.GitRef{Tag: "v1"}},
	}, metav1.CreateOptions{}))
	tag := v.pushed(repo, "main")
	tag.Ref = "refs/tags/v1"
	v.expect(v.post("tagged", hooks.GitHub().Push(tag, secret)), http.StatusAccepted)
	v.expect(v.post("shop", hooks.GitHub().Push(tag, secret)), http.StatusOK, "refs/tags/v1")
}
