package drift

import (
	"maps"
	"testing"

	"golang.org/x/sync/errgroup"
)

// sideBySide is how many objects are worked on at once.
const sideBySide = 6

// realWorld is what NOPEA applied of published manifests.
type realWorld struct {
	*tenant
	definitions, others []*object
	seed                uint64
}

func (r *realWorld) all() []*object {
	return append(append([]*object(nil), r.others...), r.definitions...)
}

// TestRealWorld applies published manifests by NOPEA and edits them.
func TestRealWorld(t *testing.T) {
	files := realManifests(t)
	maps.Copy(files, listsManifests())
	v := newTenant(t, world)
	v.declare("realworld", files)
	r := &realWorld{tenant: v, seed: uint64(setting(t, "NOPEA_DRIFT_SEED", 1))}
	r.definitions, r.others = divided(v.applied("realworld", files))
	t.Logf("seed %d: %d objects with %d fields, and %d CustomResourceDefinitions with %d", r.seed,
		len(r.others), leaves(r.others), len(r.definitions), leaves(r.definitions))
	t.Run("Detect", r.detect)
	t.Run("Untouched", r.untouched)
	t.Run("Repair", r.repair)
}

// each works on objects side by side, and waits for all.
func each(objects []*object, do func(i int, o *object)) {
	var group errgroup.Group
	group.SetLimit(sideBySide)
	for i, o := range objects {
		group.Go(func() error { do(i, o); return nil })
	}
	_ = group.Wait() // complaints are collected elsewhere
}
