package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync/atomic"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
	"nopea.io/nopea/pkg/testing/hooks"
)

// hookSecret is what both sides know.
const hookSecret = "of both sides"

// deliverer sends deliveries as GitHub does.
type deliverer struct {
	*tenant
	// client is for kube-apiserver, plain for the listener.
	client, plain *http.Client
	sent          *atomic.Int64
}

// deliverer gives the tenant its secret, and makes what sends.
func (t *tenant) deliverer(ctx context.Context) (*deliverer, error) {
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: v1alpha1.DefaultWebhookSecret}, StringData: map[string]string{"secret": hookSecret}}
	if _, err := t.kube.CoreV1().Secrets(t.namespace).Create(ctx, secret, metav1.CreateOptions{}); err != nil {
		return nil, fmt.Errorf("make the secret of webhooks: %w", err)
	}
	client, err := rest.HTTPClientFor(t.Config())
	if err != nil {
		return nil, fmt.Errorf("make a client: %w", err)
	}
	// Connections are kept, as a provider's are.
	plain := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: floodAtOnce}}
	return &deliverer{tenant: t, client: client, plain: plain, sent: new(atomic.Int64)}, nil
}

// direct is the listener; proxied is the subresource of a GitRepository, by way of kube-apiserver.
func (s *deliverer) direct() string { return s.WebhookURL("github") }

func (s *deliverer) proxied(repository string) string {
	return fmt.Sprintf("%s/apis/%s/namespaces/%s/gitrepositories/%s/webhook", s.Config().Host, v1alpha1.SchemeGroupVersion, s.namespace, repository)
}

// send sends one delivery about a commit, and fails unless it is accepted.
func (s *deliverer) send(ctx context.Context, to, repo, commit string) error {
	d := hooks.GitHub().Push(hooks.Push{URL: s.git.url(repo), Ref: "refs/heads/main", Commit: commit, ID: fmt.Sprintf("bench-%d", s.sent.Add(1))}, hookSecret)
	request, err := d.Request(ctx, to)
	if err != nil {
		return fmt.Errorf("make a delivery: %w", err)
	}
	client := s.plain
	if to != s.direct() {
		client = s.client
	}
	response, err := client.Do(request)
	if err != nil {
		return fmt.Errorf("send a delivery: %w", err)
	}
	body, err := io.ReadAll(response.Body)
	if err := errors.Join(err, response.Body.Close()); err != nil {
		return fmt.Errorf("read the answer to a delivery: %w", err)
	}
	if response.StatusCode == http.StatusAccepted {
		return nil
	}
	return fmt.Errorf("a delivery was answered with %s: %s", response.Status, body)
}
