package drift

import (
	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
	"nopea.io/nopea/pkg/apply"
	"nopea.io/nopea/pkg/ownership"
)

// AsApplied tells whether all that Git holds for a GitRepository is live as it was applied, as the watches show it, with nothing to be
// said or done about any of it: a sync of the same manifests would find nothing to do.
func (k *Keeper) AsApplied(name apply.Owner) bool {
	if !k.Watched(name) {
		return false
	}
	k.ledger.Lock()
	ids := k.ledger.idsOf(name)
	k.ledger.Unlock()
	// The facts are read without the ledger's lock: the watch holds its own when it calls.
	facts := make(map[apply.ID]ownership.Facts, len(ids))
	for _, id := range ids {
		if found, exists := k.watch.Facts(id); exists {
			facts[id] = found
		}
	}
	k.ledger.Lock()
	defer k.ledger.Unlock()
	o := k.ledger.owners[name]
	if o == nil || o.stale || o.Pause.Holds(k.Clock.Now()) || len(o.findings.current) > 0 {
		return false
	}
	for id, object := range o.objects {
		live, exists := facts[id]
		sit := k.situation(object, live, exists)
		if !sit.asApplied(object, name) {
			return false
		}
	}
	return true
}

// asApplied tells whether one object is as it was applied. One that Git does not hold (any more) does not count: the sync that saw it go
// has done what there was to do.
func (s *situation) asApplied(o *object, name apply.Owner) bool {
	if s.desired == nil {
		return true
	}
	if s.desired.CreateOnly {
		return s.exists && !s.live.Deleting
	}
	return s.exists && s.uid != "" && !s.live.Deleting && !s.suspect && !s.vanished && !s.differs() &&
		s.live.Namespace == name.Namespace && s.live.Repository == name.Name && o.entry.Hash == s.desired.Hash
}

// Moved tells that a newer commit holds the same for a GitRepository: what is put back from now on is put back to that.
func (k *Keeper) Moved(name apply.Owner, repository *v1alpha1.GitRepository, revision *v1alpha1.Revision) {
	k.ledger.Lock()
	defer k.ledger.Unlock()
	if o := k.ledger.owners[name]; o != nil {
		o.Object, o.Revision = repository, revision
	}
}
