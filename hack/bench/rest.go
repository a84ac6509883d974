package main

import (
	"context"
	"fmt"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
)

// rest measures row 12: what many objects cost while nothing happens to them.
func (k *kept) rest(ctx context.Context, b *bench) error {
	if err := k.idle(ctx, b, 12); err != nil {
		return err
	}
	applied, err := k.footprint(ctx)
	if err != nil {
		return err
	}
	objects := len(k.configMaps) - k.objects
	heap, resident := applied.perObject(k.alone, objects)
	b.add(line{Row: 12, Work: andThen + "live heap of nopea-controller for each applied object", Unit: "bytes", Samples: []float64{heap},
		Requests: fmt.Sprintf("heap %.1f MiB with %d objects, %.1f MiB with %d; resident %.0f and %.0f MiB: %.0f bytes an object",
			k.alone.heap, k.objects, applied.heap, len(k.configMaps), k.alone.resident, applied.resident, resident)})
	say("Row 12: %d objects that are only watched", objects)
	if err := k.makeStrangers(ctx, objects); err != nil {
		return err
	}
	watched, err := k.footprint(ctx)
	if err != nil {
		return err
	}
	heap, resident = watched.perObject(applied, objects)
	b.add(line{Row: 12, Work: andThen + "for each object that is only watched, without desired state and record", Unit: "bytes", Samples: []float64{heap},
		Requests: fmt.Sprintf("heap %.1f MiB with %d of them more; resident %.0f MiB: %.0f bytes an object", watched.heap, objects, watched.resident, resident)})
	return nil
}

// makeStrangers makes ConfigMaps that carry the label by which NOPEA selects what it watches, of no GitRepository that there is. They
// end with the world.
func (k *kept) makeStrangers(ctx context.Context, objects int) error {
	t, err := k.world.tenant(ctx, "strangers", "admin", false)
	if err != nil {
		return err
	}
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(editsAtOnce)
	for _, name := range configMapNames("stranger", objects) {
		group.Go(func() error {
			object := &corev1.ConfigMap{
				ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{v1alpha1.LabelRepository: "none"}},
				Data:       map[string]string{"key": inGit},
			}
			_, err := k.kube.CoreV1().ConfigMaps(t.namespace).Create(groupCtx, object, metav1.CreateOptions{})
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return fmt.Errorf("make objects that are only watched: %w", err)
	}
	return k.settle(ctx)
}
