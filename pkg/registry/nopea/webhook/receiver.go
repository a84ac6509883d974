package webhook

import (
	"context"
	"errors"
	"net/http"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apiserver/pkg/endpoints/request"
	"k8s.io/apiserver/pkg/registry/rest"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/klog/v2"
	"k8s.io/utils/clock"

	"nopea.io/nopea/pkg/apis/nopea"
	"nopea.io/nopea/pkg/webhook"
)

// Options say what a Receiver works with.
type Options struct {
	// Repositories are the stored GitRepositories.
	Repositories interface {
		rest.Getter
		ListerWatcher
	}
	// Syncs stores what deliveries lead to.
	Syncs SyncCreator
	// Status writes status.webhook.
	Status StatusWriter
	// Secrets are read as the server itself. Nil where there is no cluster: then every delivery is refused.
	Secrets corev1client.SecretsGetter
	// Namespace of the installation, and of its Secret.
	Namespace string
	// MaxBody bounds a body, in bytes.
	MaxBody int64
	// PerSecond bounds the deliveries that are looked at, and PerRepository the Syncs that are asked for of each GitRepository.
	PerSecond, PerRepository float64
	Clock                    clock.WithTicker
}

// SyncCreator stores a request for a sync, or has it join one that waits.
type SyncCreator interface {
	Push(ctx context.Context, repository types.NamespacedName, provider string, push *nopea.Push) (*nopea.Sync, error)
}

// Receiver takes deliveries. Limits and what it remembers of deliveries are this process's own.
type Receiver struct {
	Options
	targets  *targets
	secrets  *secrets
	statuses *statuses
	all      *rate.Limiter
	each     *repositoryLimits
	memory   *memory
	// seen are the deliveries that led to a Sync; again are those of them that did so once more, in a minute.
	seen, again webhook.Replays
}

// handleWithin bounds the work on one delivery: providers wait for about ten seconds.
const handleWithin = 10 * time.Second

// minMemory is what bodies may take up together, at least.
const minMemory = 64 << 20

// NewReceiver makes a Receiver. It takes deliveries while Run does its part.
func NewReceiver(o Options) *Receiver {
	RegisterMetrics()
	return &Receiver{
		Options:  o,
		targets:  newTargets(),
		secrets:  newSecrets(o.Secrets, o.Namespace, o.Clock),
		statuses: newStatuses(o.Status, o.Clock),
		all:      rate.NewLimiter(rate.Limit(o.PerSecond), burst(o.PerSecond)),
		each:     newRepositoryLimits(o.PerRepository, o.Clock),
		memory:   &memory{limit: max(minMemory, 4*o.MaxBody)},
	}
}

// Run follows the GitRepositories and writes their status.webhook, until the context ends.
func (r *Receiver) Run(ctx context.Context) {
	var parts sync.WaitGroup
	parts.Go(func() { r.targets.follow(ctx, r.Repositories) })
	parts.Go(func() { r.statuses.run(ctx) })
	parts.Wait()
}

// Ready fails until all GitRepositories are known.
func (r *Receiver) Ready(*http.Request) error {
	if !r.targets.hasSynced() {
		return errors.New("the GitRepositories are not all known yet")
	}
	return nil
}

// entrance is a way in: how a provider is known there, and what is done with a delivery of it.
type entrance struct {
	recognise func(*webhook.Delivery) (webhook.Provider, bool)
	handle    func(context.Context, webhook.Provider, *webhook.Delivery) answer
}

// receive answers one delivery.
func (r *Receiver) receive(w http.ResponseWriter, req *http.Request, by entrance) {
	ctx, cancel := context.WithTimeout(req.Context(), handleWithin)
	defer cancel()
	began := r.Clock.Now()
	provider, a := r.take(ctx, w, req, by)
	deliveriesTotal.WithLabelValues(provider, a.result).Inc()
	deliverySeconds.WithLabelValues(provider).Observe(r.Clock.Since(began).Seconds())
	klog.FromContext(ctx).V(2).Info("Delivery of a webhook", "provider", provider, "code", a.code, "result", a.result, "syncs", a.body.Syncs)
	a.write(ctx, w)
}

// take reads a delivery and handles it, and never panics.
func (r *Receiver) take(ctx context.Context, w http.ResponseWriter, req *http.Request, by entrance) (provider string, a answer) {
	provider = unknownProvider
	defer func() {
		if cause := recover(); cause != nil {
			r.panicked(ctx, provider)
			a = say(http.StatusInternalServerError, resultFailed, "Internal error")
		}
	}()
	if !r.all.AllowN(r.Clock.Now(), 1) {
		return provider, limited("Too many deliveries")
	}
	delivery, release, err := r.read(w, req)
	defer release()
	if err != nil {
		return provider, unread(err)
	}
	from, ok := by.recognise(delivery)
	if !ok {
		return provider, say(http.StatusBadRequest, resultMalformed, "The headers are those of no known provider")
	}
	provider = from.Name()
	return provider, by.handle(ctx, from, delivery)
}

// panicked notes a fault of NOPEA, without what it was about: that may be a piece of the body.
func (r *Receiver) panicked(ctx context.Context, provider string) {
	panicsTotal.WithLabelValues(provider).Inc()
	klog.FromContext(ctx).Error(nil, "Panic while a delivery of a webhook was handled", "provider", provider, "stack", string(debug.Stack()))
}

// forOne takes a delivery for one GitRepository. One that does not exist is not told from a wrong signature.
func (r *Receiver) forOne(ctx context.Context, name types.NamespacedName, provider webhook.Provider, d *webhook.Delivery) answer {
	common, err := r.secrets.installation(ctx, provider.Name())
	if err != nil {
		return r.failed(ctx, provider, err)
	}
	obj, err := r.Repositories.Get(request.WithNamespace(ctx, name.Namespace), name.Name, &metav1.GetOptions{})
	repository, ok := obj.(*nopea.GitRepository)
	switch {
	case apierrors.IsNotFound(err) || err == nil && !ok:
		r.verifyInVain(ctx, provider, d)
		return unauthorized()
	case err != nil:
		return r.failed(ctx, provider, err)
	}
	t := newTarget(repository)
	own, secretErr := r.secrets.of(ctx, t)
	if secretErr != nil && !isLasting(secretErr) {
		return r.failed(ctx, provider, secretErr)
	}
	if err := r.verify(ctx, provider, d, append(common, own...)); err != nil {
		r.tell(t, provider, "", nopea.WebhookResultRefused, r.secrets.advise(t, err, secretErr))
		return unauthorized()
	}
	return r.deliver(ctx, provider, d, func([]string) []*target { return []*target{t} })
}

// forNamed takes a delivery for the GitRepositories that its body names: for all of them where one of the installation's secrets signed
// it, and else for those whose own did.
func (r *Receiver) forNamed(ctx context.Context, provider webhook.Provider, d *webhook.Delivery) answer {
	common, err := r.secrets.installation(ctx, provider.Name())
	if err != nil {
		return r.failed(ctx, provider, err)
	}
	if r.verify(ctx, provider, d, common) == nil {
		return r.deliver(ctx, provider, d, r.targets.find)
	}
	// Nothing but these URLs is taken from a body that nobody vouches for.
	urls, err := webhook.NamedURLs(provider, d)
	if errors.Is(err, webhook.ErrPanic) {
		panicsTotal.WithLabelValues(provider.Name()).Inc()
	}
	signers, err := r.signers(ctx, provider, d, r.targets.find(urls))
	if err != nil {
		return r.failed(ctx, provider, err)
	}
	if len(signers) == 0 {
		r.verifyInVain(ctx, provider, d)
		return unauthorized()
	}
	return r.deliver(ctx, provider, d, func([]string) []*target { return signers })
}

// signers are those of the GitRepositories whose own secrets signed a delivery.
func (r *Receiver) signers(ctx context.Context, provider webhook.Provider, d *webhook.Delivery, named []*target) ([]*target, error) {
	var signers []*target
	for _, group := range bySecret(named) {
		own, secretErr := r.secrets.of(ctx, group[0])
		if secretErr != nil && !isLasting(secretErr) {
			return nil, secretErr
		}
		err := r.verify(ctx, provider, d, own)
		if err == nil {
			signers = append(signers, group...)
			continue
		}
		for _, t := range group {
			if worthTelling(t, secretErr) {
				r.tell(t, provider, "", nopea.WebhookResultRefused, r.secrets.advise(t, err, secretErr))
			}
		}
	}
	return signers, nil
}

// worthTelling tells whether the status of a GitRepository that somebody named says that a delivery was refused: only where its user set
// up a secret, so that nobody else can have things written about a GitRepository that has none.
func worthTelling(t *target, secretErr error) bool {
	return secretErr == nil || errors.Is(secretErr, errForbidden) && t.spec.Webhook != nil && t.spec.Webhook.SecretRef != nil
}

// verify never panics.
func (r *Receiver) verify(ctx context.Context, provider webhook.Provider, d *webhook.Delivery, secrets []webhook.Secret) (err error) {
	defer func() {
		if cause := recover(); cause != nil {
			r.panicked(ctx, provider.Name())
			err = webhook.ErrPanic
		}
	}()
	return provider.Verify(d, secrets, r.Clock.Now())
}

// verifyInVain takes about as long as to verify does, for what is refused in any case.
func (r *Receiver) verifyInVain(ctx context.Context, provider webhook.Provider, d *webhook.Delivery) {
	if err := r.verify(ctx, provider, d, []webhook.Secret{webhook.Secret("of nobody")}); err == nil {
		klog.FromContext(ctx).V(4).Info("A delivery was signed with a secret that nobody has")
	}
}

// failed is an error that is not the sender's.
func (r *Receiver) failed(ctx context.Context, provider webhook.Provider, err error) answer {
	klog.FromContext(ctx).Error(err, "Could not handle a delivery of a webhook", "provider", provider.Name())
	return unavailable()
}

// tell has status.webhook of a GitRepository say what became of a delivery.
func (r *Receiver) tell(t *target, provider webhook.Provider, id string, result nopea.WebhookResult, message string) {
	r.statuses.add(news{name: t.name, uid: t.uid, status: nopea.WebhookStatus{
		Time: metav1.NewTime(r.Clock.Now().Truncate(time.Second)), Provider: provider.Name(), Delivery: id, Result: result, Message: shorten(message),
	}})
}

// maxMessage is in bytes.
const maxMessage = 2000

func shorten(message string) string {
	if len(message) <= maxMessage {
		return message
	}
	return strings.ToValidUTF8(message[:maxMessage], "") + " …"
}
