package gitrepository

import (
	"context"
	"fmt"
	"sync"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/rest"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
)

// identity is the API server as a GitRepository's ServiceAccount sees it. The controller itself has no right to any workload or
// Secret; it may only act as somebody who has.
type identity struct {
	metadata metadata.Interface
	objects  dynamic.Interface
	core     corev1client.CoreV1Interface
}

// identities keeps the clients of each ServiceAccount: they are large, and many GitRepositories may share one.
type identities struct {
	mu    sync.Mutex
	known map[types.NamespacedName]*identity
}

// maxIdentities bounds what is kept; beyond it all are made anew.
const maxIdentities = 10000

func (i *identities) of(namespace, account string, create func() (*identity, error)) (*identity, error) {
	key := types.NamespacedName{Namespace: namespace, Name: account}
	i.mu.Lock()
	defer i.mu.Unlock()
	if found := i.known[key]; found != nil {
		return found, nil
	}
	made, err := create()
	if err != nil {
		return nil, err
	}
	if i.known == nil || len(i.known) >= maxIdentities {
		i.known = map[types.NamespacedName]*identity{}
	}
	i.known[key] = made
	return made, nil
}

// identify makes the clients of a GitRepository's ServiceAccount, after a look that it exists: the API server lets a name be
// impersonated that nobody has, and an administrator who deletes a ServiceAccount means to end what it does.
func (c *Controller) identify(ctx context.Context, namespace, account string) (*identity, error) {
	if err := c.identified(ctx, namespace, account); err != nil {
		return nil, err
	}
	return c.identities.of(namespace, account, func() (*identity, error) { return c.clientsOf(namespace, account) })
}

// clientsOf makes the clients of a ServiceAccount.
func (c *Controller) clientsOf(namespace, account string) (*identity, error) {
	config := rest.CopyConfig(c.Config)
	config.Impersonate = rest.ImpersonationConfig{
		UserName: "system:serviceaccount:" + namespace + ":" + account,
		// The mark by which the admission policy of Prevent knows NOPEA's own writes. The ServiceAccount cannot set it itself.
		Extra: map[string][]string{v1alpha1.ExtraApply: {"true"}},
	}
	// Clients of equal TLS settings share their connections, whomever they impersonate.
	metadataClient, err := metadata.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("make a client that acts as ServiceAccount %s/%s: %w", namespace, account, err)
	}
	objectClient, err := dynamic.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("make a client that acts as ServiceAccount %s/%s: %w", namespace, account, err)
	}
	core, err := corev1client.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("make a client that acts as ServiceAccount %s/%s: %w", namespace, account, err)
	}
	return &identity{metadata: metadataClient, objects: objectClient, core: core}, nil
}

// identified fails when a ServiceAccount is not there.
func (c *Controller) identified(ctx context.Context, namespace, account string) error {
	if _, err := c.Kubernetes.CoreV1().ServiceAccounts(namespace).Get(ctx, account, metav1.GetOptions{}); err != nil {
		return fmt.Errorf("look for ServiceAccount %s/%s: %w", namespace, account, err)
	}
	return nil
}

// identityOf is identify in the words of a GitRepository's user.
func (c *Controller) identityOf(ctx context.Context, repository *v1alpha1.GitRepository) (*identity, error) {
	found, err := c.identify(ctx, repository.Namespace, repository.Spec.ServiceAccountName)
	if apierrors.IsNotFound(err) {
		return nil, &Failure{Code: CodeServiceAccountNotFound,
			Message: fmt.Sprintf("the ServiceAccount %q, as which objects are applied, is not in namespace %q", repository.Spec.ServiceAccountName, repository.Namespace),
			Hint:    "Create it and give it rights, for example: " + grantCommands(repository, repository.Namespace)}
	}
	return found, err
}
