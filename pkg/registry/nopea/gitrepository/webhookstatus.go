package gitrepository

import (
	"context"
	"errors"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apiserver/pkg/endpoints/request"
	genericregistry "k8s.io/apiserver/pkg/registry/generic/registry"
	"k8s.io/apiserver/pkg/registry/rest"

	"nopea.io/nopea/pkg/apis/nopea"
)

// errOtherUID says that a GitRepository is not the one that was meant, but a later one of its name.
var errOtherUID = errors.New("it is another GitRepository of that name")

// WebhookStatus writes status.webhook of GitRepositories, and nothing else of them. It is the server's own: no field manager gets it, and
// who writes the status through the API leaves it as it is.
type WebhookStatus struct {
	store *genericregistry.Store
}

// Write stores what became of a delivery, unless what is stored is newer. A GitRepository that is gone is no error.
func (w *WebhookStatus) Write(ctx context.Context, name types.NamespacedName, uid types.UID, status nopea.WebhookStatus) error {
	info := rest.DefaultUpdatedObjectInfo(nil, func(_ context.Context, _, stored runtime.Object) (runtime.Object, error) {
		repository, ok := stored.DeepCopyObject().(*nopea.GitRepository)
		if !ok || repository.UID != uid {
			return nil, errOtherUID
		}
		if before := repository.Status.Webhook; before == nil || !status.Time.Before(&before.Time) {
			repository.Status.Webhook = &status
		}
		return repository, nil
	})
	ctx = request.WithNamespace(ctx, name.Namespace)
	_, _, err := w.store.Update(ctx, name.Name, info, rest.ValidateAllObjectFunc, rest.ValidateAllObjectUpdateFunc, false, &metav1.UpdateOptions{})
	if err != nil && !apierrors.IsNotFound(err) && !errors.Is(err, errOtherUID) {
		return fmt.Errorf("write status.webhook of GitRepository %s: %w", name, err)
	}
	return nil
}
