package webhooks

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
	"nopea.io/nopea/pkg/testing/githttp"
	"nopea.io/nopea/pkg/testing/hooks"
)

// TestRefused is about what no valid signature is on.
func TestRefused(t *testing.T) {
	t.Parallel()
	v := newTenant(t)
	github := hooks.GitHub()
	repo := v.repo("shop")
	push := v.pushed(repo, "main")
	v.expect(v.post("shop", github.Push(push, secret)), http.StatusUnauthorized)
	v.status("shop", v1alpha1.WebhookResultRefused, "kubectl create secret generic nopea-webhook -n "+v.namespace)

	v.secret(v1alpha1.DefaultWebhookSecret, secret)
	v.heard(func() (string, hooks.Delivery) { return "github", github.Push(v.pushed(repo, "main"), secret) })
	unknown := push
	unknown.URL = strings.Replace(push.URL, v.namespace, "nobody-has-this", 1)
	for way, send := range map[string]func(name string, d hooks.Delivery) answer{
		"kube-apiserver": v.post,
		"listener":       func(_ string, d hooks.Delivery) answer { return v.listen("github", d) },
	} {
		wrong := v.expect(send("shop", github.Push(push, "wrong")), http.StatusUnauthorized)
		for what, same := range map[string]answer{
			"unknown":                  send("no-such", github.Push(unknown, secret)),
			"unknown, signed wrongly":  send("no-such", github.Push(unknown, "wrong")),
			"unsigned":                 send("shop", github.Push(push, "")),
			"garbage":                  send("shop", github.Raw(push, []byte("}{"), "wrong")),
			"nothing":                  send("shop", github.Raw(push, nil, "wrong")),
			"signed as another sender": send("shop", signedAs(push, "gitea")),
		} {
			for _, a := range []*answer{&same, &wrong} {
				for _, own := range []string{"Date", "Audit-Id"} {
					a.header.Del(own)
				}
			}
			if same.code != wrong.code || same.body != wrong.body || !maps.EqualFunc(same.header, wrong.header, func(a, b []string) bool { return fmt.Sprint(a) == fmt.Sprint(b) }) {
				t.Errorf("%s, by %s: %d %s %v, and a wrong signature is %d %s %v", what, way, same.code, same.body, same.header, wrong.code, wrong.body, wrong.header)
			}
		}
		v.expect(send("shop", github.Raw(push, []byte("}{"), secret)), http.StatusUnauthorized+delta(way))
	}
	for path, code := range map[string]int{"nosuch": http.StatusNotFound, "github/more": http.StatusNotFound} {
		v.expect(v.listen(path, github.Push(push, secret)), code)
	}
	response := githttp.Must(http.Get(world.WebhookURL("github")))(t)
	if err := response.Body.Close(); err != nil || response.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("GET: %s, %v", response.Status, err)
	}
}

// delta: garbage that is rightly signed is told for what it is where the path says whose secret it is; on the listener it names nobody.
func delta(way string) int {
	if way == "kube-apiserver" {
		return http.StatusBadRequest - http.StatusUnauthorized
	}
	return 0
}

// signedAs is GitHub's delivery with another sender's signature.
func signedAs(p hooks.Push, name string) hooks.Delivery {
	d := hooks.GitHub().Push(p, "")
	for _, sender := range hooks.Senders() {
		if sender.Name == name {
			for key, values := range sender.Raw(p, d.Body, secret).Header {
				if strings.HasSuffix(key, "Signature") {
					d.Header[key] = values
				}
			}
		}
	}
	return d
}

// TestAnonymous has senders without credentials come through kube-apiserver only where somebody let them, and sign all the same.
func TestAnonymous(t *testing.T) {
	t.Parallel()
	v := newTenant(t)
	v.secret(v1alpha1.DefaultWebhookSecret, secret)
	repo := v.repo("shop")
	github := hooks.GitHub()
	v.expect(v.postAnonymously("shop", github.Push(v.pushed(repo, "main"), secret)), http.StatusForbidden)
	v.bind("nopea:webhook", rbacv1.Subject{APIGroup: rbacv1.GroupName, Kind: "Group", Name: "system:unauthenticated"})
	v.eventually("the right counts", func(context.Context) error {
		if a := v.postAnonymously("shop", github.Push(v.pushed(repo, "main"), secret)); a.code != http.StatusAccepted {
			return fmt.Errorf("%d %s", a.code, a.body)
		}
		return nil
	})
	wrong := v.expect(v.postAnonymously("shop", github.Push(v.pushed(repo, "main"), "wrong")), http.StatusUnauthorized)
	if unknown := v.postAnonymously("no-such", github.Push(v.pushed(repo, "main"), secret)); unknown.code != wrong.code || unknown.body != wrong.body {
		t.Errorf("a stranger learns which GitRepositories there are: %s, %s", unknown.body, wrong.body)
	}
}

// TestOtherSecret does what the status says.
func TestOtherSecret(t *testing.T) {
	t.Parallel()
	v := newTenant(t)
	v.secret("hooks", secret)
	repo := v.repo("shop", func(s *v1alpha1.GitRepositorySpec) {
		s.Webhook = &v1alpha1.WebhookSpec{SecretRef: &v1alpha1.LocalObjectReference{Name: "hooks"}}
	})
	deliver := func() answer { return v.post("shop", hooks.GitHub().Push(v.pushed(repo, "main"), secret)) }
	v.expect(deliver(), http.StatusUnauthorized)
	status := v.status("shop", v1alpha1.WebhookResultRefused, "may not read Secret")
	_, commands, _ := strings.Cut(status.Message, "To let it: ")
	for command := range strings.SplitSeq(commands, " && ") {
		v.must(world.Cluster.Kubectl(t.Context(), nil, strings.Fields(strings.TrimPrefix(command, "kubectl "))...))
	}
	v.eventually("the Secret is read", func(context.Context) error {
		if a := deliver(); a.code != http.StatusAccepted {
			return fmt.Errorf("%d %s", a.code, a.body)
		}
		return nil
	})
	v.status("shop", v1alpha1.WebhookResultAccepted)
}

// TestRotation changes a secret and restarts nothing.
func TestRotation(t *testing.T) {
	t.Parallel()
	v := newTenant(t)
	v.secret(v1alpha1.DefaultWebhookSecret, "old")
	repo := v.repo("shop")
	deliver := func(secret string) int {
		return v.post("shop", hooks.GitHub().Push(v.pushed(repo, "main"), secret)).code
	}
	becomes := func(secret string, code int) {
		t.Helper()
		v.eventually(fmt.Sprintf("%q is answered %d", secret, code), func(context.Context) error {
			if got := deliver(secret); got != code {
				return fmt.Errorf("got %d", got)
			}
			return nil
		})
	}
	becomes("old", http.StatusAccepted)
	v.must(v.kube.CoreV1().Secrets(v.namespace).Update(t.Context(), secretOf(v1alpha1.DefaultWebhookSecret, []string{"new", "old"}), metav1.UpdateOptions{}))
	becomes("new", http.StatusAccepted)
	becomes("old", http.StatusAccepted)
	v.must(v.kube.CoreV1().Secrets(v.namespace).Update(t.Context(), secretOf(v1alpha1.DefaultWebhookSecret, []string{"new"}), metav1.UpdateOptions{}))
	becomes("old", http.StatusUnauthorized)
	becomes("new", http.StatusAccepted)
}

// TestSuspended does nothing, and says so.
func TestSuspended(t *testing.T) {
	t.Parallel()
	v := newTenant(t)
	v.secret(v1alpha1.DefaultWebhookSecret, secret)
	repo := v.repo("shop")
	v.must(world.Cluster.Kubectl(t.Context(), nil, "patch", "gr", "shop", "-n", v.namespace, "--type=merge", "-p", `{"spec":{"suspend":true}}`))
	v.expect(v.post("shop", hooks.GitHub().Push(v.pushed(repo, "main"), secret)), http.StatusOK, "suspended")
	v.status("shop", v1alpha1.WebhookResultIgnored, "suspended")
	v.unsynced("shop")
}

// TestReplay has a delivery that is sent again lead to one look a minute, without its hint.
func TestReplay(t *testing.T) {
	t.Parallel()
	v := newTenant(t)
	v.secret(v1alpha1.DefaultWebhookSecret, secret)
	repo := v.repo("shop")
	minute := func() int { return time.Now().Minute() }
	commits := 0
	change := func() { // A Sync that finds nothing to do is not kept.
		commits++
		githttp.Must(repo.Commit(files("shop", fmt.Sprint("change-", commits))))(t)
	}
	for {
		change()
		d := hooks.GitHub().Push(v.pushed(repo, "main"), secret)
		began := minute()
		first := v.sync(v.post("shop", d))
		v.eventually("the first Sync ended", func(ctx context.Context) error {
			sync, err := v.api.Syncs(v.namespace).Get(ctx, first.Name, metav1.GetOptions{})
			if err == nil && sync.Status.Phase != v1alpha1.SyncPhaseSucceeded {
				err = fmt.Errorf("it is %s", sync.Status.Phase)
			}
			return err
		})
		change()
		again := v.sync(v.post("shop", d))
		if first.Spec.Push == nil || again.Spec.Push != nil || again.Name == first.Name {
			t.Fatalf("first %+v, then %+v", first.Spec, again.Spec)
		}
		var codes []int
		for range 5 {
			codes = append(codes, v.post("shop", d).code)
		}
		if minute() != began {
			continue // A minute ended on the way.
		}
		if got := fmt.Sprint(codes); got != "[200 200 200 200 200]" {
			t.Errorf("got %s", got)
		}
		return
	}
}
