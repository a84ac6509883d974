package apiserver

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"
	"k8s.io/client-go/rest"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
	"nopea.io/nopea/pkg/testing/hooks"
)

const secret = "of both sides"

// hooked is a server that takes webhooks, with a cluster that has nothing but Secrets.
type hooked struct {
	*server
	t       testing.TB
	kube    *fake.Clientset
	address string
	ids     int
}

func startHooked(t testing.TB, changes ...func(*Options)) *hooked {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	h := &hooked{t: t, kube: fake.NewClientset(), address: "http://" + listener.Addr().String() + "/webhook/"}
	changes = append(changes, func(o *Options) {
		o.Webhook.listener, o.Webhook.secrets, o.Webhook.Namespace = listener, h.kube.CoreV1(), "nopea-system"
	})
	h.server = startServer(t, t.TempDir(), nil, changes...)
	return h
}

func (h *hooked) secret(namespace, name string, data map[string]string) {
	h.t.Helper()
	object := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}, Data: map[string][]byte{}}
	for key, value := range data {
		object.Data[key] = []byte(value)
	}
	if _, err := h.kube.CoreV1().Secrets(namespace).Create(h.t.Context(), object, metav1.CreateOptions{}); err != nil {
		h.t.Fatal(err)
	}
}

// repository makes a GitRepository of its own URL, and waits until the listener knows it.
func (h *hooked) repository(name string, changes ...func(*v1alpha1.GitRepositorySpec)) *v1alpha1.GitRepository {
	h.t.Helper()
	repository := newRepository(name)
	for _, change := range changes {
		change(&repository.Spec)
	}
	created, err := h.client(h.t, "root").GitRepositories(namespace).Create(h.t.Context(), repository, metav1.CreateOptions{})
	if err != nil {
		h.t.Fatal(err)
	}
	return created
}

func (h *hooked) push(name string) hooks.Push {
	h.ids++
	return hooks.Push{URL: "https://git.example.com/" + name + ".git", Ref: "refs/heads/main", Commit: commit, ID: fmt.Sprintf("delivery-%d", h.ids)}
}

type told struct {
	Message string
	Syncs   []struct{ Namespace, Name string }
}

// answered is an answer to a sender.
type answered struct {
	code   int
	header http.Header
	raw    string
	told
}

func (h *hooked) do(request *http.Request, client *http.Client) answered {
	h.t.Helper()
	response, err := client.Do(request)
	if err != nil {
		h.t.Fatal(err)
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		h.t.Fatal(err)
	}
	a := answered{code: response.StatusCode, header: response.Header, raw: string(content)}
	if err := json.Unmarshal(content, &a.told); err != nil {
		a.Message = a.raw
	}
	return a
}

// listen sends to the listener.
func (h *hooked) listen(provider string, d hooks.Delivery) answered {
	h.t.Helper()
	request, err := d.Request(h.t.Context(), h.address+provider)
	if err != nil {
		h.t.Fatal(err)
	}
	return h.do(request, http.DefaultClient)
}

// post sends to the subresource.
func (h *hooked) post(name string, d hooks.Delivery) answered {
	h.t.Helper()
	config := h.as("root")
	client, err := rest.HTTPClientFor(config)
	if err != nil {
		h.t.Fatal(err)
	}
	request, err := d.Request(h.t.Context(), config.Host+"/apis/nopea.io/v1alpha1/namespaces/"+namespace+"/gitrepositories/"+name+"/webhook")
	if err != nil {
		h.t.Fatal(err)
	}
	return h.do(request, client)
}

func (h *hooked) expect(a answered, code int, words ...string) {
	h.t.Helper()
	if a.code != code {
		h.t.Fatalf("got %d %s, want %d", a.code, a.raw, code)
	}
	for _, word := range words {
		if !strings.Contains(a.raw, word) {
			h.t.Fatalf("got %s, want it to say %q", a.raw, word)
		}
	}
}

// synced expects an answer that names the one Sync of a GitRepository, and returns it.
func (h *hooked) synced(a answered) *v1alpha1.Sync {
	h.t.Helper()
	h.expect(a, http.StatusAccepted)
	if len(a.Syncs) != 1 {
		h.t.Fatalf("got %s", a.raw)
	}
	sync, err := h.client(h.t, "root").Syncs(a.Syncs[0].Namespace).Get(h.t.Context(), a.Syncs[0].Name, metav1.GetOptions{})
	if err != nil {
		h.t.Fatal(err)
	}
	return sync
}

func TestWebhookSubresource(t *testing.T) {
	h := startHooked(t)
	h.secret(namespace, "nopea-webhook", map[string]string{"a": "older", "b": secret})
	github := hooks.GitHub()

	for _, sender := range hooks.Senders() {
		// Bitbucket does not tell which branch is the default one.
		h.repository(sender.Name, func(s *v1alpha1.GitRepositorySpec) { s.Ref = &v1alpha1.GitRef{Branch: "main"} })
		push := h.push(sender.Name)
		sync := h.synced(h.post(sender.Name, sender.Push(push, secret)))
		want := &v1alpha1.Push{Ref: push.Ref, Commit: push.Commit, Delivery: push.ID}
		if sender.Bare {
			want.Delivery = ""
		}
		if sync.Spec.Trigger != v1alpha1.SyncTriggerWebhook || sync.Spec.RequestedBy[0] != sender.Name || sync.Spec.Push == nil || *sync.Spec.Push != *want {
			t.Errorf("%s: got %+v", sender.Name, sync.Spec)
		}
		h.expect(h.post(sender.Name, sender.Push(push, "older")), http.StatusAccepted)
		h.expect(h.post(sender.Name, sender.Push(push, "wrong")), http.StatusUnauthorized)
		unsigned := http.StatusUnauthorized
		if sender.Name == "standard" || sender.Name == "generic" {
			unsigned = http.StatusBadRequest // Their signature is all that they are known by.
		}
		h.expect(h.post(sender.Name, sender.Push(push, "")), unsigned)
		push.Commit, push.ID = "", push.ID+"-deletion"
		h.expect(h.post(sender.Name, sender.Push(push, secret)), http.StatusOK, "refs/heads/main was deleted")
	}

	h.repository("shop", func(s *v1alpha1.GitRepositorySpec) { s.Ref = &v1alpha1.GitRef{Branch: "main"} })
	unknown := h.post("no-such", github.Push(h.push("shop"), secret))
	wrong := h.post("shop", github.Push(h.push("shop"), "wrong"))
	h.expect(unknown, http.StatusUnauthorized)
	if unknown.raw != wrong.raw {
		t.Errorf("an unknown GitRepository is told from a wrong signature: %s and %s", unknown.raw, wrong.raw)
	}
	h.expect(h.post("shop", hooks.GitHubPing(h.push("shop"), secret)), http.StatusOK, "Pong")
	h.expect(h.post("shop", hooks.GitHubForm(h.push("shop"), secret)), http.StatusAccepted)
	h.expect(h.post("shop", github.Raw(h.push("shop"), []byte("{"), secret)), http.StatusBadRequest)
	h.expect(h.post("shop", github.Raw(h.push("shop"), []byte("{"), "wrong")), http.StatusUnauthorized)
	h.expect(h.post("shop", hooks.Delivery{Header: http.Header{}, Body: []byte("{}")}), http.StatusBadRequest, "no known provider")
	h.expect(h.post("shop", github.Raw(h.push("shop"), make([]byte, defaultMaxBody+1), secret)), http.StatusRequestEntityTooLarge)
	other := h.push("shop")
	other.Ref = "refs/heads/feature"
	h.expect(h.post("shop", github.Push(other, secret)), http.StatusOK, "refs/heads/feature", "spec.ref")

	// By the path, a body may name whatever it likes; but then it is no hint.
	if sync := h.synced(h.post("github", github.Push(h.push("other-repository"), secret))); sync.Name == "" {
		t.Error("no Sync")
	}
	h.repository("alias", func(s *v1alpha1.GitRepositorySpec) {
		s.URL = "https://mirror.example.com/x.git"
	})
	if sync := h.synced(h.post("alias", github.Push(h.push("alias"), secret))); sync.Spec.Push != nil {
		t.Errorf("a hint from another repository: %+v", sync.Spec.Push)
	}
	h.repository("asleep", func(s *v1alpha1.GitRepositorySpec) { s.Suspend = true })
	h.expect(h.post("asleep", github.Push(h.push("asleep"), secret)), http.StatusOK, "suspended")
	if syncs := h.syncsOf(t, "asleep"); len(syncs) != 0 {
		t.Errorf("a suspended GitRepository was synced: %v", syncs)
	}
	if answer := rawRequest(t, h.as("root"), "GET", "/apis/nopea.io/v1alpha1/namespaces/"+namespace+"/gitrepositories/shop/webhook", "", ""); answer.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("GET: %d", answer.StatusCode)
	}
}

func TestWebhookStatus(t *testing.T) {
	h := startHooked(t)
	github := hooks.GitHub()
	says := func(name string, result v1alpha1.WebhookResult, words ...string) {
		t.Helper()
		var last *v1alpha1.WebhookStatus
		eventually(t, fmt.Sprintf("%s is told for %s", result, name), func(ctx context.Context) (bool, error) {
			repository, err := h.client(t, "root").GitRepositories(namespace).Get(ctx, name, metav1.GetOptions{})
			if err != nil {
				return false, err
			}
			last = repository.Status.Webhook
			return last != nil && last.Result == result, nil
		})
		for _, word := range words {
			if !strings.Contains(last.Message, word) {
				t.Errorf("%s: %q does not say %q", name, last.Message, word)
			}
		}
		if last.Provider != "github" || last.Time.IsZero() {
			t.Errorf("%s: %+v", name, last)
		}
	}

	h.repository("none")
	h.expect(h.post("none", github.Push(h.push("none"), secret)), http.StatusUnauthorized)
	says("none", v1alpha1.WebhookResultRefused, "kubectl create secret generic nopea-webhook -n team-a")
	// On the listener anybody can name a GitRepository; only one that has a secret says so.
	h.repository("quiet")
	h.secret(namespace, "hooks", map[string]string{"any": secret})
	h.repository("loud", func(s *v1alpha1.GitRepositorySpec) {
		s.Webhook = &v1alpha1.WebhookSpec{SecretRef: &v1alpha1.LocalObjectReference{Name: "hooks"}}
	})
	eventually(t, "the listener knows the GitRepositories", func(context.Context) (bool, error) {
		return h.listen("github", github.Push(h.push("loud"), secret)).code == http.StatusAccepted, nil
	})
	says("loud", v1alpha1.WebhookResultAccepted, "Sync loud-")
	h.expect(h.listen("github", github.Push(h.push("quiet"), "wrong")), http.StatusUnauthorized)
	h.expect(h.listen("github", github.Push(h.push("loud"), "wrong")), http.StatusUnauthorized)
	says("loud", v1alpha1.WebhookResultRefused, `fits no value of Secret "hooks"`)
	quiet, err := h.client(t, "root").GitRepositories(namespace).Get(t.Context(), "quiet", metav1.GetOptions{})
	if err != nil || quiet.Status.Webhook != nil {
		t.Errorf("a stranger had a status written: %+v, %v", quiet.Status.Webhook, err)
	}

	// Neither the controller's status nor ours wipes the other's, and nobody else writes ours.
	loud, err := h.client(t, "root").GitRepositories(namespace).Get(t.Context(), "loud", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	loud.Status.ObservedGeneration, loud.Status.Webhook = 1, nil
	loud, err = h.client(t, controllerUser).GitRepositories(namespace).UpdateStatus(t.Context(), loud, metav1.UpdateOptions{})
	if err != nil || loud.Status.Webhook == nil || loud.Status.ObservedGeneration != 1 {
		t.Fatalf("the controller wrote %+v, %v", loud.Status, err)
	}
	h.expect(h.post("loud", github.Push(h.push("loud"), secret)), http.StatusAccepted)
	says("loud", v1alpha1.WebhookResultAccepted)
	loud, err = h.client(t, "root").GitRepositories(namespace).Get(t.Context(), "loud", metav1.GetOptions{})
	if err != nil || loud.Status.ObservedGeneration != 1 {
		t.Errorf("the controller's status was wiped: %+v, %v", loud.Status, err)
	}
	for _, entry := range loud.ManagedFields {
		if strings.Contains(string(entry.FieldsV1.GetRawString()), "f:webhook") && entry.Subresource == "status" {
			t.Errorf("%s owns status.webhook", entry.Manager)
		}
	}
}
