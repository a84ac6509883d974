package prevent

import (
	"context"
	"fmt"
	"sync"
	"time"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/wait"
	admissionclient "k8s.io/client-go/kubernetes/typed/admissionregistration/v1"
	"k8s.io/client-go/tools/cache"
	"k8s.io/klog/v2"
)

const (
	fieldManager = "nopea-controller"

	// pause between two attempts bounds what a fight over the policy costs.
	pause = time.Second
	// retryCap is the longest wait after a failure.
	retryCap = 5 * time.Minute
)

// Keeper keeps the policy and its binding in the cluster while they are wanted, and removes them when they no longer are. While
// nobody interferes it costs two watches and no request.
type Keeper struct {
	client  admissionclient.AdmissionregistrationV1Interface
	options Options
	wake    chan struct{}

	mu     sync.Mutex
	asked  bool
	wanted bool
	err    error
}

// NewKeeper returns a Keeper that does nothing until Run runs and Want was called.
func NewKeeper(client admissionclient.AdmissionregistrationV1Interface, o Options) *Keeper {
	return &Keeper{client: client, options: o, wake: make(chan struct{}, 1)}
}

// Want says whether the policy is to be in force. It returns at once and may be called at any time; to say the same again costs nothing.
func (k *Keeper) Want(wanted bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.asked && k.wanted == wanted {
		return
	}
	k.asked, k.wanted = true, wanted
	k.look()
}

// State is why the cluster could not be brought to what Want asked for at the last attempt: nil if it was, or if none has ended yet.
func (k *Keeper) State() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.err
}

// Run works until the context ends. Failures are logged, kept for State and tried again; the policy outlives Run.
func (k *Keeper) Run(ctx context.Context) {
	var watches sync.WaitGroup
	defer watches.Wait()
	watch := sync.OnceFunc(func() { k.watch(ctx, &watches) })
	backoff := initialBackoff()
	var retry <-chan time.Time
	for {
		select {
		case <-ctx.Done():
			return
		case <-k.wake:
		case <-retry:
		}
		retry = nil
		if k.attempt(ctx, watch) {
			backoff = initialBackoff()
		} else {
			retry = time.After(backoff.Step())
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
}

func initialBackoff() wait.Backoff {
	return wait.Backoff{Duration: pause, Factor: 2, Jitter: 0.1, Cap: retryCap, Steps: 64}
}

// look has Run make an attempt.
func (k *Keeper) look() {
	select {
	case k.wake <- struct{}{}:
	default:
	}
}

// attempt brings the cluster to what is wanted, and tells whether it is.
func (k *Keeper) attempt(ctx context.Context, watch func()) bool {
	k.mu.Lock()
	wanted := k.wanted
	k.mu.Unlock()
	var err error
	if wanted {
		watch()
		err = k.install(ctx)
	} else {
		err = k.remove(ctx)
	}
	if ctx.Err() != nil {
		return false
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.err = err
	if err != nil {
		klog.FromContext(ctx).Error(err, "Drift prevention is not as it should be; trying again", "wanted", wanted)
	}
	return err == nil
}

// install applies the policy before the binding that puts it into force.
func (k *Keeper) install(ctx context.Context) error {
	options := metav1.ApplyOptions{FieldManager: fieldManager, Force: true}
	err := applyOrReplace(ctx, k.removePolicy, func(ctx context.Context) error {
		_, err := k.client.ValidatingAdmissionPolicies().Apply(ctx, Policy(k.options), options)
		return err
	})
	if err != nil {
		return fmt.Errorf("apply ValidatingAdmissionPolicy %s: %w", Name, err)
	}
	err = applyOrReplace(ctx, k.removeBinding, func(ctx context.Context) error {
		_, err := k.client.ValidatingAdmissionPolicyBindings().Apply(ctx, Binding(), options)
		return err
	})
	if err != nil {
		return fmt.Errorf("apply ValidatingAdmissionPolicyBinding %s: %w", Name, err)
	}
	return nil
}

// applyOrReplace starts anew where what somebody else has put into the object does not go with what is applied.
func applyOrReplace(ctx context.Context, remove, apply func(context.Context) error) error {
	err := apply(ctx)
	if !apierrors.IsInvalid(err) {
		return err
	}
	if err := remove(ctx); err != nil {
		return err
	}
	return apply(ctx)
}

// remove takes the binding first: without it nothing is refused any more.
func (k *Keeper) remove(ctx context.Context) error {
	if err := k.removeBinding(ctx); err != nil {
		return err
	}
	return k.removePolicy(ctx)
}

func (k *Keeper) removeBinding(ctx context.Context) error {
	err := k.client.ValidatingAdmissionPolicyBindings().Delete(ctx, Name, metav1.DeleteOptions{})
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("delete ValidatingAdmissionPolicyBinding %s: %w", Name, err)
	}
	return nil
}

func (k *Keeper) removePolicy(ctx context.Context) error {
	err := k.client.ValidatingAdmissionPolicies().Delete(ctx, Name, metav1.DeleteOptions{})
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("delete ValidatingAdmissionPolicy %s: %w", Name, err)
	}
	return nil
}

// watch has both objects looked at whenever one of them changes.
func (k *Keeper) watch(ctx context.Context, running *sync.WaitGroup) {
	byName := fields.OneTermEqualSelector("metadata.name", Name)
	for resource, object := range map[string]runtime.Object{
		"validatingadmissionpolicies":       &admissionregistrationv1.ValidatingAdmissionPolicy{},
		"validatingadmissionpolicybindings": &admissionregistrationv1.ValidatingAdmissionPolicyBinding{},
	} {
		_, informer := cache.NewInformerWithOptions(cache.InformerOptions{
			ListerWatcher: cache.NewListWatchFromClient(k.client.RESTClient(), resource, metav1.NamespaceNone, byName),
			ObjectType:    object,
			Handler: cache.ResourceEventHandlerFuncs{
				AddFunc:    func(any) { k.look() },
				UpdateFunc: func(any, any) { k.look() },
				DeleteFunc: func(any) { k.look() },
			},
		})
		running.Go(func() { informer.RunWithContext(ctx) })
		running.Go(func() {
			// An object that went before the watch began is no event.
			if cache.WaitForCacheSync(ctx.Done(), informer.HasSynced) {
				k.look()
			}
		})
	}
}
