package drift

import (
	"context"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/klog/v2"

	"nopea.io/nopea/pkg/apply"
	"nopea.io/nopea/pkg/controller/queue"
	"nopea.io/nopea/pkg/ownership"
)

const (
	// roundJitter is the part of an interval by which a round comes early at random, and within which others join it.
	roundJitter = 0.1
	// verifyEvery is the least time between two dry runs of the slow pass.
	verifyEvery = 50 * time.Millisecond
)

// rounds is when the objects of each GitRepository are to be compared with fresh lists.
type rounds struct {
	sync.Mutex
	due  map[apply.Owner]time.Time
	wake chan struct{}
}

// schedule sets the time of a GitRepository's next round, unless one is set already.
func (k *Keeper) schedule(name apply.Owner, interval time.Duration, anew bool) {
	k.rounds.Lock()
	if _, ok := k.rounds.due[name]; !ok || anew {
		early := time.Duration(rand.Float64() * roundJitter * float64(interval))
		k.rounds.due[name] = k.Clock.Now().Add(interval - early)
	}
	k.rounds.Unlock()
	select {
	case k.rounds.wake <- struct{}{}:
	default:
	}
}

func (k *Keeper) unschedule(name apply.Owner) {
	k.rounds.Lock()
	defer k.rounds.Unlock()
	delete(k.rounds.due, name)
}

// runRounds compares, every reconcileInterval, what the API server lists with what was applied. The lists are fresh, and shared: a round
// takes along the GitRepositories that would be due soon.
func (k *Keeper) runRounds(ctx context.Context) {
	for {
		timer := k.Clock.NewTimer(k.untilRound())
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-k.rounds.wake:
		case <-timer.C():
			k.round(ctx)
		}
		timer.Stop()
	}
}

func (k *Keeper) untilRound() time.Duration {
	k.rounds.Lock()
	defer k.rounds.Unlock()
	next := k.Clock.Now().Add(time.Hour)
	for _, at := range k.rounds.due {
		if at.Before(next) {
			next = at
		}
	}
	return next.Sub(k.Clock.Now())
}

// round looks at all GitRepositories that are due, or will be soon.
func (k *Keeper) round(ctx context.Context) {
	now := k.Clock.Now()
	intervals := make(map[apply.Owner]time.Duration)
	k.ledger.Lock()
	for name, o := range k.ledger.owners {
		intervals[name] = o.Object.Spec.DriftInterval()
	}
	k.ledger.Unlock()
	due := make(map[apply.Owner]bool)
	k.rounds.Lock()
	for name, at := range k.rounds.due {
		if interval := intervals[name]; at.Sub(now) <= time.Duration(roundJitter*float64(interval)) {
			due[name] = true
		}
	}
	k.rounds.Unlock()
	for name := range due {
		k.schedule(name, intervals[name], true)
	}
	k.compareWithLists(ctx, due)
}

// compareWithLists lists each kind of some GitRepositories afresh. A list that fails yields no findings.
func (k *Keeper) compareWithLists(ctx context.Context, names map[apply.Owner]bool) {
	byKind := make(map[schema.GroupKind][]apply.ID)
	k.ledger.Lock()
	for id, o := range k.ledger.objects {
		if names[o.owner.Owner] {
			byKind[id.GroupKind()] = append(byKind[id.GroupKind()], id)
		}
	}
	k.ledger.Unlock()
	for _, gk := range slices.SortedFunc(maps.Keys(byKind), func(a, b schema.GroupKind) int { return strings.Compare(a.String(), b.String()) }) {
		if !k.watch.Synced(gk) {
			continue // what is not watched is looked at by its sync
		}
		began := k.Clock.Now()
		listed, err := k.list(ctx, gk)
		if err != nil {
			if ctx.Err() == nil {
				klog.FromContext(ctx).Info("Could not list objects to look for drift", "kind", gk.String(), "err", err)
			}
			continue
		}
		k.compareWithList(byKind[gk], listed, began)
	}
}

func (k *Keeper) list(ctx context.Context, gk schema.GroupKind) (map[apply.ID]ownership.Facts, error) {
	listed := make(map[apply.ID]ownership.Facts)
	for object, err := range k.watch.List(ctx, gk) {
		if err != nil {
			return nil, err
		}
		listed[object.ID] = object.Facts
	}
	return listed, nil
}

func (k *Keeper) compareWithList(ids []apply.ID, listed map[apply.ID]ownership.Facts, began time.Time) {
	for _, id := range ids {
		facts, exists := listed[id]
		k.compareListed(id, facts, exists, began)
	}
	for id, facts := range listed {
		k.ledger.Lock()
		if k.ledger.objects[id] == nil {
			k.unrecorded(id, facts, true)
		}
		k.ledger.Unlock()
	}
}

// compareListed looks at an object as a list showed it. What NOPEA itself wrote since the list began is left to the next round.
func (k *Keeper) compareListed(id apply.ID, facts ownership.Facts, exists bool, began time.Time) {
	k.ledger.Lock()
	o := k.ledger.objects[id]
	if o == nil || o.uid() == "" || !o.written.Before(began) {
		k.ledger.Unlock()
		return
	}
	sit := k.situation(o, facts, exists)
	do := sit.decide(k.Clock.Now()).do
	if o.suspect == nil && (do == repair || do == confirm || do == recreate) {
		o.suspect = k.evidenceOf(nil, byList) // no event told of it
		o.suspect.version = facts.ResourceVersion
	}
	k.ledger.Unlock()
	if do != nothing {
		k.queue.Add(id, queue.Normal)
	}
}

// runVerify compares every object with Git by a dry run, now and then: that shows what ownership of fields cannot.
func (k *Keeper) runVerify(ctx context.Context) {
	for {
		early := time.Duration(rand.Float64() * roundJitter * float64(k.VerifyInterval))
		if !queue.Pause(ctx, k.Clock, k.VerifyInterval-early) {
			return
		}
		k.ledger.Lock()
		ids := slices.Collect(maps.Keys(k.ledger.objects))
		k.ledger.Unlock()
		for _, id := range ids {
			if !queue.Pause(ctx, k.Clock, verifyEvery) {
				return
			}
			k.verify(ctx, id)
		}
	}
}

// verify compares one object by a dry run.
func (k *Keeper) verify(ctx context.Context, id apply.ID) {
	ctx, cancel := context.WithTimeout(ctx, requestWithin)
	defer cancel()
	defer k.Lock(id)()
	facts, exists := k.watch.Facts(id)
	k.ledger.Lock()
	o := k.ledger.objects[id]
	if o == nil || o.desired == nil || !exists {
		k.ledger.Unlock()
		return
	}
	sit := k.situation(o, facts, exists)
	sit.probed, sit.settled = time.Time{}, facts.Generation-1 // as if it had changed
	verdict := sit.decide(k.Clock.Now())
	j := &job{Keeper: k, id: id, repository: o.owner.Repository, desired: o.desired, entry: o.entry, facts: facts, exists: exists,
		identified: o.owner.identified}
	k.ledger.Unlock()
	if verdict.do == probe {
		j.compare(klog.NewContext(ctx, klog.FromContext(ctx).WithValues("object", id.String())), byVerify)
	}
}
