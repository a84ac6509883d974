package gitrepository

import (
	"context"
	"fmt"

	"golang.org/x/sync/errgroup"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/klog/v2"

	"nopea.io/nopea/pkg/controller/inventory"
)

// gather learns, side by side, what the spec, the inventory and the remote ref are now.
func (r *run) gather(ctx context.Context) error {
	defer r.lookEarly(ctx)()
	foreseen := r.foreseen()
	if !r.seenNow {
		fresh, err := r.API.GitRepositories(r.repository.Namespace).Get(ctx, r.repository.Name, metav1.GetOptions{})
		if err != nil {
			return fmt.Errorf("read GitRepository %s: %w", klog.KObj(r.repository), err)
		}
		if fresh.Generation != r.repository.Generation {
			r.resolved = nil
		}
		r.repository = fresh
	}
	r.generation = r.repository.Generation
	group, ctx := errgroup.WithContext(ctx)
	var steps []func(context.Context) error
	if r.source == nil { // or else aim has looked
		steps = append(steps, r.lookAtRemote)
	}
	if !foreseen {
		steps = append(steps, r.loadRecord)
	}
	for _, learn := range steps {
		group.Go(func() error { return guard(ctx, func() error { return learn(ctx) }) })
	}
	return group.Wait()
}

// foreseen tells whether the commit that is most likely to come is here already. Then another GitRepository of the same Git repository has
// fetched it, and most likely it changes nothing for this one: the record can wait until it is known to be needed.
func (r *run) foreseen() bool {
	commit := r.ahead.hint.Hash
	if r.resolved != nil {
		commit = r.resolved.Hash
	}
	return r.before != nil && r.early != nil && commit != "" && r.early.Has(commit)
}

// lookEarly begins to look at the remote ref, through the source of the run before, while the spec and the identity are still being
// read. If these are as they were, resolve shares this look, as it began after the run did; if not, it is in vain. The function that is
// returned ends it.
func (r *run) lookEarly(ctx context.Context) func() {
	if r.early == nil || r.resolved != nil {
		return func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	over := make(chan struct{})
	source, ref, since := r.early, refOf(r.repository), r.began
	go func() {
		defer close(over)
		if err := guard(ctx, func() error {
			_, err := source.Resolve(ctx, ref, since)
			return err
		}); err != nil {
			klog.FromContext(ctx).V(4).Info("An early look at the remote failed", "err", err)
		}
	}()
	return func() {
		cancel()
		<-over
	}
}

func (r *run) loadRecord(ctx context.Context) (err error) {
	if r.newborn {
		r.record = inventory.RecordOf(r.repository, nil)
		return nil
	}
	if shards, ok := r.fromStock(keyOf(r.repository)); ok {
		r.record = inventory.Sort(r.repository, shards)
	} else if r.record, err = r.Inventories.Load(ctx, r.repository); err != nil {
		return err
	}
	if len(r.record.Strays) == 0 {
		return nil
	}
	// This GitRepository took the name over; what the earlier one held is not to be cleaned up any more.
	return r.Inventories.Release(ctx, inventory.RecordOf(r.repository, r.record.Strays))
}

func (r *run) lookAtRemote(ctx context.Context) (err error) {
	if r.identity, err = r.identityOf(ctx, r.repository); err != nil {
		return err
	}
	return r.resolve(ctx)
}

// resolve asks the remote where the ref points now: after this run began, and so after its Syncs were taken.
func (r *run) resolve(ctx context.Context) error {
	credentials, err := r.identity.credentials(ctx, r.repository)
	if err != nil {
		return err
	}
	if r.source, err = r.Sources.Source(r.repository.Spec.URL, credentials); err != nil {
		return err
	}
	r.ahead.follow(ctx, r.source)
	if r.resolved == nil {
		revision, err := r.source.Resolve(ctx, refToRehearse(r.rehearsed, r.repository), r.began)
		if err != nil {
			return err
		}
		r.resolved = &revision
	}
	r.revision = revisionOf(*r.resolved)
	return nil
}
