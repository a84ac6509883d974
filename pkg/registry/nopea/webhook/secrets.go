package webhook

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"golang.org/x/sync/singleflight"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	utilcache "k8s.io/apimachinery/pkg/util/cache"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
	"nopea.io/nopea/pkg/webhook"
)

const (
	// keepSecret is how long what a Secret holds is believed, and so how long a secret that was taken out of one still counts.
	keepSecret = 10 * time.Second
	// keepMissing is how long it is believed that a Secret is missing, or not to be read: somebody is just making it.
	keepMissing = 2 * time.Second
	// maxKeptSecrets and maxKeptValues bound the memory.
	maxKeptSecrets = 1024
	maxKeptValues  = 64
	// readSecretWithin bounds one read.
	readSecretWithin = 5 * time.Second
)

// Why a Secret gives no secrets. Any other error is for the moment.
var (
	errNoSecret  = errors.New("there is no such Secret")
	errForbidden = errors.New("the Secret may not be read")
)

// secrets are read when they are used, and kept for seconds: hundreds of deliveries a second ask kube-apiserver for little.
type secrets struct {
	// client is nil where there is no cluster. Then there are no secrets, and every delivery is refused.
	client corev1client.SecretsGetter
	// namespace of the installation.
	namespace string
	kept      *utilcache.LRUExpireCache
	flight    singleflight.Group
}

// kept is what was read.
type kept struct {
	data map[string][]byte
	err  error
}

func newSecrets(client corev1client.SecretsGetter, namespace string, clock utilcache.Clock) *secrets {
	return &secrets{client: client, namespace: namespace, kept: utilcache.NewLRUExpireCacheWithClock(maxKeptSecrets, clock)}
}

// installation gives the secrets with which a provider may sign for every GitRepository. None is no error.
func (s *secrets) installation(ctx context.Context, provider string) ([]webhook.Secret, error) {
	data, err := s.read(ctx, types.NamespacedName{Namespace: s.namespace, Name: v1alpha1.DefaultWebhookSecret})
	if isLasting(err) {
		return nil, nil
	}
	return webhook.SecretsFor(data, provider), err
}

// of gives the secrets of a GitRepository of its own.
func (s *secrets) of(ctx context.Context, t *target) ([]webhook.Secret, error) {
	data, err := s.read(ctx, t.secretName())
	return webhook.Secrets(data), err
}

// isLasting tells whether an error will stay until somebody does something.
func isLasting(err error) bool {
	return errors.Is(err, errNoSecret) || errors.Is(err, errForbidden)
}

// secretName is the Secret that holds a GitRepository's secrets.
func (t *target) secretName() types.NamespacedName {
	name := types.NamespacedName{Namespace: t.name.Namespace, Name: v1alpha1.DefaultWebhookSecret}
	if t.spec.Webhook != nil && t.spec.Webhook.SecretRef != nil {
		name.Name = t.spec.Webhook.SecretRef.Name
	}
	return name
}

func (s *secrets) read(ctx context.Context, name types.NamespacedName) (map[string][]byte, error) {
	if s.client == nil {
		return nil, errNoSecret
	}
	if value, ok := s.kept.Get(name); ok {
		kept, _ := value.(kept)
		return kept.data, kept.err
	}
	// The read is everybody's who waits for it: it does not end with the request that came first.
	answer := s.flight.DoChan(name.String(), func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), readSecretWithin)
		defer cancel()
		data, err := s.ask(ctx, name)
		switch {
		case err == nil:
			s.kept.Add(name, kept{data: data}, keepSecret)
		case isLasting(err):
			s.kept.Add(name, kept{err: err}, keepMissing)
		}
		return data, err
	})
	select {
	case got := <-answer:
		data, _ := got.Val.(map[string][]byte)
		return data, got.Err
	case <-ctx.Done():
		return nil, fmt.Errorf("read Secret %s: %w", name, context.Cause(ctx))
	}
}

func (s *secrets) ask(ctx context.Context, name types.NamespacedName) (map[string][]byte, error) {
	secret, err := s.client.Secrets(name.Namespace).Get(ctx, name.Name, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		return nil, errNoSecret
	case apierrors.IsForbidden(err):
		return nil, errForbidden
	case err != nil:
		return nil, fmt.Errorf("read Secret %s: %w", name, err)
	}
	return bounded(secret.Data), nil
}

// bounded leaves out what no secret can be, so that nobody's large Secrets fill the memory.
func bounded(data map[string][]byte) map[string][]byte {
	few := make(map[string][]byte)
	for _, key := range slices.Sorted(maps.Keys(data)) {
		// Two bytes more, for the end of a line that does not count.
		if value := data[key]; len(value) <= webhook.MaxSecretLength+2 && len(few) < maxKeptValues {
			few[key] = value
		}
	}
	return few
}
