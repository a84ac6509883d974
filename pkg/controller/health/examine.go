package health

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/klog/v2"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
	"nopea.io/nopea/pkg/apply"
	"nopea.io/nopea/pkg/health"
)

// readWithin bounds one read.
const readWithin = 30 * time.Second

// examine reads an object, unless the watch has told of it meanwhile, and keeps what it says of its health.
func (m *Monitor) examine(ctx context.Context, id apply.ID) {
	facts, exists := m.watch.Facts(id)
	synced := m.watch.Synced(id.GroupKind())
	m.mu.Lock()
	known := m.objects[id]
	if known == nil || known.owner.cluster == nil {
		m.mu.Unlock()
		return
	}
	if found, told, unread := known.judge(facts, exists, synced); !unread {
		if told {
			m.note(known, found, facts.ResourceVersion)
		}
		m.mu.Unlock()
		return
	}
	cluster, version, transient, awaited := known.owner.cluster, known.version, known.transient, known.owner.awaited != nil
	m.mu.Unlock()
	if !awaited && m.limit.Wait(ctx) != nil {
		return // the process ends
	}
	found, seen, err := read(ctx, cluster, id, version)
	if ctx.Err() != nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.objects[id] != known {
		return
	}
	if apierrors.IsNotFound(err) && transient {
		found = health.Finding{State: v1alpha1.HealthStateHealthy, Message: "it has run"}
	}
	known.wasRead(m.Clock.Now(), m.note(known, found, seen))
	if mayPass(err) {
		known.interval = mostInterval
		m.queue.AddAt(id, known.readable())
	}
}

// read reads an object and judges it. The error says why it could not be read, which the finding says too.
func read(ctx context.Context, cluster *apply.Cluster, id apply.ID, version string) (found health.Finding, seen string, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			klog.FromContext(ctx).Error(nil, "Panic in judging the health of an object", "object", id.String(), "panic", cause, "stack", string(debug.Stack()))
			found, err = health.Finding{State: v1alpha1.HealthStateUnknown, Message: "its status is not as that of its kind should be"}, nil
		}
	}()
	ctx, cancel := context.WithTimeout(ctx, readWithin)
	defer cancel()
	object, err := cluster.Read(ctx, id, version)
	switch {
	case apierrors.IsNotFound(err), errors.Is(err, apply.ErrUnserved):
		return health.Missing, "", err
	case err != nil:
		return health.Finding{State: v1alpha1.HealthStateUnknown, Message: fmt.Sprintf("it cannot be read: %v", err)}, "", err
	}
	return health.Of(object), object.GetResourceVersion(), nil
}

// mayPass tells whether a failed read may succeed by itself later, without an event that would tell.
func mayPass(err error) bool {
	return err != nil && !apierrors.IsNotFound(err) && !errors.Is(err, apply.ErrUnserved) && !apierrors.IsForbidden(err) &&
		!apierrors.IsMethodNotSupported(err)
}
