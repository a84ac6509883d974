package apiserver

import (
	"context"
	"fmt"
	"sync"
	"time"

	genericapiserver "k8s.io/apiserver/pkg/server"
	"k8s.io/apiserver/pkg/server/healthz"
	"k8s.io/client-go/kubernetes"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"

	"nopea.io/nopea/pkg/registry/nopea/gitrepository"
	syncregistry "nopea.io/nopea/pkg/registry/nopea/sync"
	"nopea.io/nopea/pkg/registry/nopea/webhook"
)

// Requests for Secrets; what is read is kept for seconds.
const secretQPS, secretBurst = 50, 100

// hookParts are what serves webhooks beside the API: it begins before the API is served and ends before the storage goes.
type hookParts struct {
	options  *WebhookOptions
	secrets  corev1client.SecretsGetter
	listener *hookListener
	receiver *webhook.Receiver
	delay    time.Duration
	ended    chan struct{}
}

// newHooks prepares webhooks; Secrets are read as the server itself. There are none where there is no cluster.
func newHooks(ctx context.Context, o *Options, config *rest.Config) (*hookParts, error) {
	h := &hookParts{options: o.Webhook, secrets: o.Webhook.secrets, delay: o.ShutdownDelay, ended: make(chan struct{})}
	if h.secrets == nil && config != nil {
		config = rest.CopyConfig(config)
		config.QPS, config.Burst = secretQPS, secretBurst
		client, err := kubernetes.NewForConfig(config)
		if err != nil {
			return nil, fmt.Errorf("make the client for the secrets of webhooks: %w", err)
		}
		h.secrets = client.CoreV1()
	}
	var err error
	h.listener, err = listenForHooks(ctx, o.Webhook)
	return h, err
}

// receive makes the receiver on the storage.
func (h *hookParts) receive(repositories *gitrepository.Storage, syncs *syncregistry.Storage) *webhook.Receiver {
	h.receiver = webhook.NewReceiver(webhook.Options{
		Repositories: repositories.GitRepository, Syncs: syncs.Creator, Status: repositories.Webhook,
		Secrets: h.secrets, Namespace: h.options.Namespace, MaxBody: h.options.MaxBody.Value(),
		PerSecond: h.options.PerSecond, PerRepository: h.options.PerRepository, Clock: clock.RealClock{},
	})
	return h.receiver
}

// attach has the server say whether webhooks are ready, and wait for their end before it lets go of the storage.
func (h *hookParts) attach(server *genericapiserver.GenericAPIServer) error {
	if err := server.AddReadyzChecks(healthz.NamedCheck("webhooks", h.receiver.Ready)); err != nil {
		return fmt.Errorf("add the check of webhooks: %w", err)
	}
	if err := server.AddPreShutdownHook("nopea-webhooks", func() error { <-h.ended; return nil }); err != nil {
		return fmt.Errorf("end webhooks with the server: %w", err)
	}
	return nil
}

// run works until the context ends and the listener has answered what was under way.
func (h *hookParts) run(ctx context.Context) {
	defer close(h.ended)
	working, stop := context.WithCancel(context.WithoutCancel(ctx))
	var parts sync.WaitGroup
	parts.Go(func() { h.receiver.Run(working) })
	if h.listener != nil {
		h.listener.serve(ctx, h.receiver.Handler(), h.delay)
	} else {
		<-ctx.Done()
	}
	stop()
	parts.Wait()
}
