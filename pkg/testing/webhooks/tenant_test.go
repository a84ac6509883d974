package webhooks

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
	"nopea.io/nopea/pkg/generated/clientset/versioned"
	nopeaclient "nopea.io/nopea/pkg/generated/clientset/versioned/typed/nopea/v1alpha1"
	"nopea.io/nopea/pkg/testing/githttp"
	"nopea.io/nopea/pkg/testing/hooks"
)

const (
	secret = "of both sides"
	// patience is how long a test waits for something that should take well under a second.
	patience = 60 * time.Second
)

var tenants, deliveries atomic.Int32

// tenant is a namespace whose ServiceAccount may do everything in it, and a Git server.
type tenant struct {
	t         *testing.T
	namespace string
	kube      kubernetes.Interface
	api       nopeaclient.NopeaV1alpha1Interface
	git       *githttp.Server
}

func newTenant(t *testing.T) *tenant {
	t.Helper()
	v := &tenant{
		t: t, namespace: fmt.Sprintf("hooks-%d", tenants.Add(1)), git: githttp.New(t),
		kube: githttp.Must(kubernetes.NewForConfig(world.Config()))(t),
		api:  githttp.Must(versioned.NewForConfig(world.Config()))(t).NopeaV1alpha1(),
	}
	v.must(v.kube.CoreV1().Namespaces().Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: v.namespace}}, metav1.CreateOptions{}))
	v.must(v.kube.CoreV1().ServiceAccounts(v.namespace).Create(t.Context(), &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: "nopea"}}, metav1.CreateOptions{}))
	v.bind("admin", rbacv1.Subject{Kind: "ServiceAccount", Namespace: v.namespace, Name: "nopea"})
	return v
}

func (v *tenant) must(_ any, err error) {
	v.t.Helper()
	if err != nil {
		v.t.Fatal(err)
	}
}

// bind gives somebody a ClusterRole in the namespace.
func (v *tenant) bind(role string, subject rbacv1.Subject) {
	v.t.Helper()
	v.must(v.kube.RbacV1().RoleBindings(v.namespace).Create(v.t.Context(), &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: role}, Subjects: []rbacv1.Subject{subject},
		RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: role},
	}, metav1.CreateOptions{}))
}

func (v *tenant) secret(name string, values ...string) {
	v.t.Helper()
	v.must(v.kube.CoreV1().Secrets(v.namespace).Create(v.t.Context(), secretOf(name, values), metav1.CreateOptions{}))
}

func secretOf(name string, values []string) *corev1.Secret {
	object := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: name}, StringData: map[string]string{}}
	for i, value := range values {
		object.StringData[fmt.Sprintf("key-%d", i)] = value
	}
	return object
}

// repo makes a Git repository whose URL no other test has, and the GitRepository that follows it, and waits until that is ready.
func (v *tenant) repo(name string, changes ...func(*v1alpha1.GitRepositorySpec)) *githttp.Repo {
	v.t.Helper()
	repo := githttp.Must(v.git.CreateRepo(v.namespace + "-" + name))(v.t)
	githttp.Must(repo.Commit(files(name, "one")))(v.t)
	repository := &v1alpha1.GitRepository{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: v.namespace},
		// Nothing but a webhook has it looked at.
		Spec: v1alpha1.GitRepositorySpec{URL: repo.URL, Interval: "24h", ReconcileInterval: "24h", Ref: &v1alpha1.GitRef{Branch: "main"}},
	}
	for _, change := range changes {
		change(&repository.Spec)
	}
	v.must(v.api.GitRepositories(v.namespace).Create(v.t.Context(), repository, metav1.CreateOptions{}))
	v.live(name, "one")
	return repo
}

func files(name, value string) map[string]string {
	return map[string]string{"app.yaml": fmt.Sprintf("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: %s}\ndata: {key: %q}\n", name, value)}
}

// live waits until a ConfigMap has a value.
func (v *tenant) live(name, value string) {
	v.t.Helper()
	v.eventually("ConfigMap "+name+" is "+value, func(ctx context.Context) error {
		got, err := v.kube.CoreV1().ConfigMaps(v.namespace).Get(ctx, name, metav1.GetOptions{})
		if err == nil && got.Data["key"] != value {
			err = fmt.Errorf("it is %q", got.Data["key"])
		}
		return err
	})
}

func (v *tenant) eventually(what string, check func(context.Context) error) {
	v.t.Helper()
	var last error
	err := wait.PollUntilContextTimeout(v.t.Context(), 20*time.Millisecond, patience, true, func(ctx context.Context) (bool, error) {
		last = check(ctx)
		return last == nil, nil
	})
	if err != nil {
		v.t.Fatalf("waited in vain for: %s: %v", what, errors.Join(err, last))
	}
}

// status waits until status.webhook says something.
func (v *tenant) status(name string, result v1alpha1.WebhookResult, words ...string) *v1alpha1.WebhookStatus {
	v.t.Helper()
	var status *v1alpha1.WebhookStatus
	v.eventually(fmt.Sprintf("status.webhook of %s says %s", name, result), func(ctx context.Context) error {
		repository, err := v.api.GitRepositories(v.namespace).Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return err
		}
		status = repository.Status.Webhook
		if status == nil || status.Result != result {
			return fmt.Errorf("it is %+v", status)
		}
		for _, word := range words {
			if !strings.Contains(status.Message, word) {
				return fmt.Errorf("%q does not say %q", status.Message, word)
			}
		}
		return nil
	})
	return status
}

// pushed is the push of the newest commit of a branch.
func (v *tenant) pushed(repo *githttp.Repo, branch string) hooks.Push {
	v.t.Helper()
	commit := githttp.Must(repo.Resolve(branch))(v.t)
	return hooks.Push{URL: repo.URL, Ref: "refs/heads/" + branch, Commit: commit, ID: fmt.Sprintf("delivery-%d", deliveries.Add(1))}
}

// answer is what a sender was told.
type answer struct {
	code   int
	header http.Header
	body   string
	Syncs  []struct{ Namespace, Name string }
}

func (v *tenant) send(client *http.Client, address string, d hooks.Delivery) answer {
	v.t.Helper()
	response, err := client.Do(githttp.Must(d.Request(v.t.Context(), address))(v.t))
	if err != nil {
		v.t.Fatal(err)
	}
	defer response.Body.Close()
	a := answer{code: response.StatusCode, header: response.Header, body: string(githttp.Must(io.ReadAll(response.Body))(v.t))}
	if json.Unmarshal([]byte(a.body), &a) != nil {
		a.Syncs = nil
	}
	return a
}

// listen sends to the listener.
func (v *tenant) listen(provider string, d hooks.Delivery) answer {
	v.t.Helper()
	return v.send(http.DefaultClient, world.WebhookURL(provider), d)
}

// heard sends to the listener until it knows the GitRepository.
func (v *tenant) heard(d func() (string, hooks.Delivery)) answer {
	v.t.Helper()
	var a answer
	v.eventually("the listener takes a delivery", func(context.Context) error {
		if a = v.listen(d()); a.code != http.StatusAccepted {
			return fmt.Errorf("%d %s", a.code, a.body)
		}
		return nil
	})
	return a
}

// post sends through kube-apiserver, as the cluster's administrator.
func (v *tenant) post(name string, d hooks.Delivery) answer {
	v.t.Helper()
	return v.postAs(world.Config(), name, d)
}

// postAnonymously sends through kube-apiserver without any credentials.
func (v *tenant) postAnonymously(name string, d hooks.Delivery) answer {
	v.t.Helper()
	return v.postAs(rest.AnonymousClientConfig(world.Config()), name, d)
}

func (v *tenant) postAs(config *rest.Config, name string, d hooks.Delivery) answer {
	v.t.Helper()
	return v.send(githttp.Must(rest.HTTPClientFor(config))(v.t), fmt.Sprintf("%s/apis/nopea.io/v1alpha1/namespaces/%s/gitrepositories/%s/webhook", config.Host, v.namespace, name), d)
}

func (v *tenant) expect(a answer, code int, words ...string) answer {
	v.t.Helper()
	if a.code != code {
		v.t.Fatalf("got %d %s, want %d", a.code, a.body, code)
	}
	for _, word := range words {
		if !strings.Contains(a.body, word) {
			v.t.Fatalf("got %s, want it to say %q", a.body, word)
		}
	}
	return a
}

// sync is the one Sync that an answer names.
func (v *tenant) sync(a answer) *v1alpha1.Sync {
	v.t.Helper()
	v.expect(a, http.StatusAccepted)
	if len(a.Syncs) != 1 {
		v.t.Fatalf("got %s", a.body)
	}
	return githttp.Must(v.api.Syncs(v.namespace).Get(v.t.Context(), a.Syncs[0].Name, metav1.GetOptions{}))(v.t)
}

// unsynced fails the test if a webhook led to a Sync of a GitRepository.
func (v *tenant) unsynced(name string) {
	v.t.Helper()
	list := githttp.Must(v.api.Syncs(v.namespace).List(v.t.Context(), metav1.ListOptions{FieldSelector: "spec.repository=" + name}))(v.t)
	for _, sync := range list.Items {
		if sync.Spec.Trigger == v1alpha1.SyncTriggerWebhook {
			v.t.Fatalf("Sync %s was made", sync.Name)
		}
	}
}
