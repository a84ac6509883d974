package webhook

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"golang.org/x/sync/errgroup"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/klog/v2"

	"nopea.io/nopea/pkg/apis/nopea"
	"nopea.io/nopea/pkg/webhook"
)

// atOnce is how many GitRepositories of one repository have their Syncs stored side by side: etcd writes many as fast as one.
const atOnce = 16

// deliver does what a verified delivery calls for, for the targets that its URLs lead to.
func (r *Receiver) deliver(ctx context.Context, provider webhook.Provider, d *webhook.Delivery, find func(urls []string) []*target) answer {
	event, err := webhook.Read(provider, d)
	if err != nil {
		return r.unreadable(provider, find(nil), err)
	}
	targets := find(event.URLs)
	switch {
	case event.Kind == webhook.Ping:
		r.tellAll(targets, provider, event, nopea.WebhookResultPinged, "The provider's test")
		return say(http.StatusOK, resultPinged, "Pong")
	case event.Kind != webhook.Push:
		message := fmt.Sprintf("Nothing is done for the event %q", event.Name)
		r.tellAll(targets, provider, event, nopea.WebhookResultIgnored, message)
		return say(http.StatusOK, resultIgnored, message)
	case len(targets) == 0:
		return say(http.StatusNotFound, resultUnmatched, "No matching GitRepository")
	}
	outcomes := make([]outcome, len(targets))
	var group errgroup.Group
	group.SetLimit(atOnce)
	for i, t := range targets {
		group.Go(func() (err error) {
			// A panic in a goroutine of its own would end the process.
			defer func() {
				if cause := recover(); cause != nil {
					r.panicked(ctx, provider.Name())
					err = webhook.ErrPanic
				}
			}()
			outcomes[i] = r.push(ctx, provider, event, t)
			return nil
		})
	}
	if group.Wait() != nil {
		return unavailable()
	}
	return conclude(outcomes)
}

func (r *Receiver) unreadable(provider webhook.Provider, targets []*target, err error) answer {
	if errors.Is(err, webhook.ErrPanic) {
		panicsTotal.WithLabelValues(provider.Name()).Inc()
	}
	for _, t := range targets {
		r.tell(t, provider, "", nopea.WebhookResultRefused, "The delivery is rightly signed, but cannot be read: "+err.Error())
	}
	return malformed()
}

func (r *Receiver) tellAll(targets []*target, provider webhook.Provider, event *webhook.Event, result nopea.WebhookResult, message string) {
	for _, t := range targets {
		r.tell(t, provider, event.ID, result, message)
	}
}

// push has a GitRepository synced, if it follows what was pushed.
func (r *Receiver) push(ctx context.Context, provider webhook.Provider, event *webhook.Event, t *target) outcome {
	hint, ignored := consider(t, event)
	if ignored != "" {
		r.tell(t, provider, event.ID, nopea.WebhookResultIgnored, ignored)
		return outcome{name: t.name, result: resultIgnored, message: ignored}
	}
	repeated, stored := r.remember(t, provider, event)
	switch {
	case repeated && stored:
		return outcome{name: t.name, result: resultRepeated}
	case repeated:
		// Somebody had it sent again, perhaps because they are stuck: what it told the first time says nothing now.
		hint = nil
	}
	o := r.store(ctx, provider, t, hint)
	switch o.result {
	case resultAccepted:
		r.tell(t, provider, event.ID, nopea.WebhookResultAccepted, accepted(t, event, o.sync))
	case resultIgnored:
		r.tell(t, provider, event.ID, nopea.WebhookResultIgnored, o.message)
	default:
		r.forget(t, provider, event)
	}
	return o
}

// store asks for a Sync.
func (r *Receiver) store(ctx context.Context, provider webhook.Provider, t *target, hint *nopea.Push) outcome {
	o := outcome{name: t.name, result: resultFailed}
	if !r.each.allow(t.name) {
		o.result = resultLimited
		return o
	}
	sync, err := r.Syncs.Push(ctx, t.name, provider.Name(), hint)
	if apierrors.IsInvalid(err) && hint != nil {
		// The hint is of the payload's making, and not needed.
		sync, err = r.Syncs.Push(ctx, t.name, provider.Name(), nil)
	}
	switch {
	case err == nil:
		o.result, o.sync = resultAccepted, sync.Name
	case apierrors.IsNotFound(err):
		o.result, o.message = resultIgnored, "The GitRepository is gone, or is being deleted"
	case apierrors.IsTooManyRequests(err):
		o.result = resultLimited
	default:
		klog.FromContext(ctx).Error(err, "Could not store a Sync for a delivery of a webhook", "provider", provider.Name(), "gitrepository", t.name.String())
	}
	return o
}

// replayID is what a delivery is known by: the same one may be for several GitRepositories.
func replayID(t *target, provider webhook.Provider, event *webhook.Event) string {
	return provider.Name() + "/" + t.name.String() + "/" + string(t.uid) + "/" + event.ID
}

// minute of now, to tell one repetition in each.
func (r *Receiver) minute() string {
	return "/" + r.Clock.Now().UTC().Format("15:04")
}

// remember tells whether a delivery led to a Sync within the hour, and whether it did so once more within the minute. A provider that gives
// no ids has its deliveries bounded by the limits alone.
func (r *Receiver) remember(t *target, provider webhook.Provider, event *webhook.Event) (repeated, again bool) {
	if event.ID == "" {
		return false, false
	}
	id, now := replayID(t, provider, event), r.Clock.Now()
	if !r.seen.Seen(id, now) {
		return false, false
	}
	return true, r.again.Seen(id+r.minute(), now)
}

// forget is for a delivery that came to nothing: sent again, it is a new one.
func (r *Receiver) forget(t *target, provider webhook.Provider, event *webhook.Event) {
	id := replayID(t, provider, event)
	r.seen.Forget(id)
	r.again.Forget(id + r.minute())
}
