package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/apimachinery/pkg/watch"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
)

const (
	// editor is the field manager of those who edit by hand.
	editor = "somebody"
	// editsAtOnce is how many edits of many objects are under way at once.
	editsAtOnce = 100
	// editsOfOne are the edits of row 10.
	editsOfOne = 10
)

func (w *world) edit(ctx context.Context, namespace, name, value string) error {
	_, err := w.kube.CoreV1().ConfigMaps(namespace).Patch(ctx, name, types.MergePatchType, fmt.Appendf(nil, `{"data":{"key":%q}}`, value),
		metav1.PatchOptions{FieldManager: editor})
	if err != nil {
		return fmt.Errorf("edit ConfigMap %s: %w", name, err)
	}
	return nil
}

// editAll edits ConfigMaps side by side, and calls edited after each.
func (w *world) editAll(ctx context.Context, namespace string, names []string, value string, edited func()) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(editsAtOnce)
	for _, name := range names {
		group.Go(func() error {
			if err := w.edit(ctx, namespace, name, value); err != nil {
				return err
			}
			edited()
			return nil
		})
	}
	return group.Wait()
}

// untilRestored waits until all the named ConfigMaps were seen with a value, unless they are in edited already, and then as in Git.
func untilRestored(ctx context.Context, events watch.Interface, names []string, value string, edited sets.Set[string]) error {
	missing := sets.New(names...)
	err := until(ctx, events, func(object *corev1.ConfigMap) (bool, error) {
		switch {
		case !missing.Has(object.Name):
		case object.Data["key"] == value:
			edited.Insert(object.Name)
		case object.Data["key"] == inGit && edited.Has(object.Name):
			missing.Delete(object.Name)
		}
		return missing.Len() == 0, nil
	})
	if err != nil {
		return fmt.Errorf("wait for %d of %d edited ConfigMaps, such as %s, to be restored: %w", missing.Len(), len(names), sets.List(missing)[0], err)
	}
	return nil
}

// editOne is from just before an edit is sent until the watch has shown it undone.
func (w *world) editOne(ctx context.Context, events watch.Interface, namespace, name, value string) (took time.Duration, err error) {
	group, ctx := errgroup.WithContext(ctx)
	start := time.Now()
	group.Go(func() error { return w.edit(ctx, namespace, name, value) })
	group.Go(func() error {
		err := untilRestored(ctx, events, []string{name}, value, sets.New[string]())
		took = time.Since(start)
		return err
	})
	return took, group.Wait()
}

// oneEdit measures row 9: edits of random objects, one after the other.
func (k *kept) oneEdit(ctx context.Context, b *bench) error {
	events, err := k.watchConfigMaps(ctx, k.namespace)
	if err != nil {
		return err
	}
	defer events.Stop()
	hand, err := k.hand(ctx, "hand-one", k.objects)
	if err != nil {
		return err
	}
	defer hand.stop()
	mark, err := k.Cluster.AuditLog().Mark()
	if err != nil {
		return err
	}
	say("Row 9: %d edits", b.edits)
	var all, floors []time.Duration
	for i := range b.edits {
		value := fmt.Sprintf("edit-%d", i)
		took, err := k.editOne(ctx, events, k.namespace, k.configMaps[rand.IntN(len(k.configMaps))], value)
		if err != nil {
			return err
		}
		all = append(all, took)
		if took, err = k.editOne(ctx, hand.events, hand.namespace, hand.names[rand.IntN(len(hand.names))], value); err != nil {
			return fmt.Errorf("the floor: %w", err)
		}
		floors = append(floors, took)
	}
	if err := k.settleFor(ctx, reported); err != nil {
		return err
	}
	requests, err := k.ours(mark)
	if err != nil {
		return err
	}
	total := count(requests)
	b.expect(total.tenant["apply"] == b.edits, "row 9: %d applies for %d edits", total.tenant["apply"], b.edits)
	high := fmt.Sprintf("max %s ms, the floor's %s; ", format(percentile(milliseconds(all), 100)), format(percentile(milliseconds(floors), 100)))
	b.add(line{Row: 9, Work: "one object of " + k.size() + ": edited → restored", Unit: "ms", Samples: milliseconds(all),
		Floor: milliseconds(floors), Requests: high + total.per(b.edits)})
	return nil
}

// tenEdits measures row 10: edits of one object, each made as soon as the last one is undone, all of which count.
func (k *kept) tenEdits(ctx context.Context, b *bench) error {
	events, err := k.watchConfigMaps(ctx, k.namespace)
	if err != nil {
		return err
	}
	defer events.Stop()
	repositories, err := k.watchRepositories(ctx)
	if err != nil {
		return err
	}
	defer repositories.Stop()
	before, err := k.repaired(ctx)
	if err != nil {
		return err
	}
	say("Row 10: %d edits of one object", editsOfOne)
	var all []time.Duration
	for i := range editsOfOne {
		took, err := k.editOne(ctx, events, k.namespace, k.configMaps[0], fmt.Sprintf("again-%d", i))
		if err != nil {
			return err
		}
		all = append(all, took)
	}
	done := time.Now()
	err = until(ctx, repositories, func(object *v1alpha1.GitRepository) (bool, error) {
		return object.Name == k.repositories[0] && object.Status.Drift != nil && object.Status.Drift.Repaired >= before+editsOfOne, nil
	})
	if err != nil {
		return fmt.Errorf("wait until %d repairs are counted: %w", editsOfOne, err)
	}
	counted := time.Since(done)
	if err := k.settleFor(ctx, reported); err != nil {
		return err
	}
	after, err := k.repaired(ctx)
	if err != nil {
		return err
	}
	b.expect(after == before+editsOfOne, "row 10: %d repairs are counted after %d edits", after-before, editsOfOne)
	b.add(line{Row: 10, Work: fmt.Sprintf("%d edits of one object in a row: edited → restored", editsOfOne), Unit: "ms", Samples: milliseconds(all),
		Requests: fmt.Sprintf("%d counted in the status, %.1f s after the last", after-before, counted.Seconds())})
	return nil
}

// repaired is how many repairs the status of the first GitRepository counts.
func (k *kept) repaired(ctx context.Context) (int64, error) {
	repository, err := k.api.GitRepositories(k.namespace).Get(ctx, k.repositories[0], metav1.GetOptions{})
	if err != nil {
		return 0, fmt.Errorf("read the status of a GitRepository: %w", err)
	}
	if repository.Status.Drift == nil {
		return 0, nil
	}
	return repository.Status.Drift.Repaired, nil
}
