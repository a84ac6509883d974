package sync

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apiserver/pkg/endpoints/request"

	"nopea.io/nopea/pkg/apis/nopea"
)

// Push stores a request for a sync on behalf of a Git provider, or has it join one that waits. The caller has verified the delivery: its
// signature is what authorises it, so nobody's rights are looked at, and admission, which is about what users write, is not asked. The
// push is a hint and may be nil.
func (c *Creator) Push(ctx context.Context, name types.NamespacedName, provider string, push *nopea.Push) (*nopea.Sync, error) {
	ctx = request.WithNamespace(ctx, name.Namespace)
	repository, err := c.repository(ctx, name.Name)
	if apierrors.IsConflict(err) { // It is being deleted. A provider has no use for the difference.
		return nil, apierrors.NewNotFound(nopea.Resource("gitrepositories"), name.Name)
	}
	if err != nil {
		return nil, err
	}
	sync := &nopea.Sync{Spec: nopea.SyncSpec{Trigger: nopea.SyncTriggerWebhook, Push: push}}
	prepare(sync, repository, provider)
	ctx = forResource(ctx, "syncs")
	if err := c.validate(ctx, sync, nil); err != nil {
		return nil, err
	}
	obj, err := c.joinOrStore(ctx, sync, &metav1.CreateOptions{})
	if err != nil {
		return nil, err
	}
	stored, ok := obj.(*nopea.Sync)
	if !ok {
		return nil, apierrors.NewInternalError(fmt.Errorf("store a Sync: unexpected type %T", obj))
	}
	return stored, nil
}
