package watch

import (
	"iter"
	"slices"
	"sync"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/resourceversion"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
	"nopea.io/nopea/pkg/apply"
	"nopea.io/nopea/pkg/ownership"
)

// key names an object of one kind.
type key struct{ namespace, name string }

func keyOf(object metav1.Object) key {
	return key{object.GetNamespace(), object.GetName()}
}

// seen is an object as an event or a list showed it. Object is nil where only the facts were kept.
type seen struct {
	key    key
	facts  ownership.Facts
	object *metav1.PartialObjectMetadata
}

// store keeps the facts of one kind's objects. Events come from one goroutine, own writes and questions from any.
type store struct {
	gk      schema.GroupKind
	handler Handler

	mu     sync.RWMutex
	closed bool
	facts  map[key]ownership.Facts
	// deleted holds the uids of objects that NOPEA itself deleted, until the watch says so too: late events about them mean nothing.
	deleted map[key]types.UID
	names   names
	// newest is how far the watch has come.
	newest string
}

func newStore(gk schema.GroupKind, handler Handler) *store {
	return &store{gk: gk, handler: handler, facts: map[key]ownership.Facts{}, deleted: map[key]types.UID{}, names: names{}}
}

// older tells whether resource version a is older than b. Of versions that can not be compared neither is: events about such objects are
// taken as they come.
func older(a, b string) bool {
	order, err := resourceversion.CompareResourceVersion(a, b)
	return err == nil && order < 0
}

// read gives an object's facts. Fields that can not be parsed, which the API server never writes, leave an object without a signature.
func (s *store) read(object *metav1.PartialObjectMetadata) seen {
	it := seen{key: keyOf(object), object: object}
	var before *ownership.Facts
	if facts, ok := s.get(it.key); ok {
		before = &facts
	}
	it.facts, _ = ownership.Read(s.gk, object, before)
	return it
}

func (s *store) get(k key) (ownership.Facts, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	facts, ok := s.facts[k]
	return facts, ok
}

// observe takes an object as the watch shows it, unless that is late news; force takes it in any case.
func (s *store) observe(it seen, force bool) {
	s.mu.Lock()
	before, existed := s.facts[it.key]
	late := older(it.facts.ResourceVersion, before.ResourceVersion) || s.deleted[it.key] == it.facts.UID
	if s.closed || existed && before == it.facts || late && !force {
		s.mu.Unlock()
		return
	}
	s.keep(it.key, it.facts)
	s.mu.Unlock()
	s.handler.Changed(s.id(it.key), before, it.facts, existed, true, it.object)
}

// remove takes it from the watch that an object is gone, or does not carry the label any more.
func (s *store) remove(object *metav1.PartialObjectMetadata) {
	k := keyOf(object)
	s.mu.Lock()
	if s.deleted[k] == object.UID {
		delete(s.deleted, k)
	}
	before, existed := s.facts[k]
	if s.closed || !existed || older(object.ResourceVersion, before.ResourceVersion) {
		s.mu.Unlock()
		return
	}
	s.drop(k)
	s.mu.Unlock()
	s.handler.Changed(s.id(k), before, ownership.Facts{}, true, false, object)
}

// replace takes a whole list of the objects there are, as of a resource version. What NOPEA wrote since then stays.
func (s *store) replace(items []seen, version string) {
	s.mu.Lock()
	// A list that is older than what the watch has shown comes from an API server that was set back to a backup.
	setBack := older(version, s.newest)
	s.newest = version
	s.mu.Unlock()

	present := make(map[key]types.UID, len(items))
	for _, it := range items {
		present[it.key] = it.facts.UID
		s.observe(it, setBack)
	}
	s.mu.Lock()
	gone := make(map[key]ownership.Facts)
	for k, facts := range s.facts {
		if _, ok := present[k]; !ok && (setBack || !older(version, facts.ResourceVersion)) {
			gone[k] = facts
		}
	}
	for k := range gone {
		s.drop(k)
	}
	for k, uid := range s.deleted {
		if present[k] != uid {
			delete(s.deleted, k)
		}
	}
	closed := s.closed
	s.mu.Unlock()
	if closed {
		return
	}
	for k, before := range gone {
		s.handler.Changed(s.id(k), before, ownership.Facts{}, true, false, nil)
	}
}

// reached notes how far the watch has come.
func (s *store) reached(version string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.newest = version
}

// wrote takes the answer to NOPEA's own write.
func (s *store) wrote(object *metav1.PartialObjectMetadata) {
	if object.Labels[v1alpha1.LabelRepository] == "" {
		s.deletedByUs(keyOf(object), object.UID)
		return
	}
	it := s.read(object)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || older(it.facts.ResourceVersion, s.facts[it.key].ResourceVersion) {
		return
	}
	delete(s.deleted, it.key)
	s.keep(it.key, it.facts)
}

// deletedByUs takes it that NOPEA itself deleted an object. One that is not held was reported gone before.
func (s *store) deletedByUs(k key, uid types.UID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if facts, ok := s.facts[k]; ok && facts.UID == uid {
		s.drop(k)
		s.deleted[k] = uid
	}
}

// keep stores facts. The lock is held.
func (s *store) keep(k key, facts ownership.Facts) {
	facts.Namespace, facts.Repository = s.names.shared(facts.Namespace), s.names.shared(facts.Repository)
	k.namespace = s.names.shared(k.namespace)
	if _, ok := s.facts[k]; !ok {
		watchedObjects.Inc()
	}
	s.facts[k] = facts
}

// drop forgets facts that are held. The lock is held.
func (s *store) drop(k key) {
	delete(s.facts, k)
	watchedObjects.Dec()
}

// close forgets everything; nothing is reported any more.
func (s *store) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	watchedObjects.Add(-float64(len(s.facts)))
	s.facts, s.deleted = map[key]ownership.Facts{}, map[key]types.UID{}
}

func (s *store) size() int {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return len(s.facts)
}

// all are the facts of all objects as they are at the start. The store may be used meanwhile.
func (s *store) all() iter.Seq2[apply.ID, ownership.Facts] {
	return func(yield func(apply.ID, ownership.Facts) bool) {
		s.mu.RLock()
		items := make([]seen, 0, len(s.facts))
		for k, facts := range s.facts {
			items = append(items, seen{key: k, facts: facts})
		}
		s.mu.RUnlock()
		for it := range slices.Values(items) {
			if !yield(s.id(it.key), it.facts) {
				return
			}
		}
	}
}

func (s *store) id(k key) apply.ID {
	return apply.ID{Group: s.gk.Group, Kind: s.gk.Kind, Namespace: k.namespace, Name: k.name}
}
