package supervise

import (
	"context"
	"slices"
	"time"
)

// Group keeps several processes running, each depending on those started before it. It
// is for one goroutine to use.
type Group struct {
	keepers []*Keeper
}

// Start starts a process and keeps it running.
func (g *Group) Start(ctx context.Context, spec Spec) *Keeper {
	keeper := Keep(ctx, spec)
	g.keepers = append(g.keepers, keeper)
	return keeper
}

// Stop stops the processes one after the other, the last started first. Each has the
// grace period to end by itself.
func (g *Group) Stop(grace time.Duration) {
	for _, keeper := range slices.Backward(g.keepers) {
		keeper.Stop(grace)
	}
}
