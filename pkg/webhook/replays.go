package webhook

import (
	stdlist "container/list"
	"crypto/sha256"
	"sync"
	"time"
)

const (
	maxReplays  = 10_000
	replayAfter = time.Hour
)

// Replays remembers which deliveries were seen: the newest 10,000, each for an hour since it came first, so that somebody who has a
// delivery sent again later is heard. The zero value has seen nothing; any number of goroutines may use it. A replay does no harm beyond
// the work it makes: it only has a ref looked at again.
type Replays struct {
	mu    sync.Mutex
	order stdlist.List // of replay, the oldest first
	known map[[sha256.Size]byte]*stdlist.Element
}

type replay struct {
	id   [sha256.Size]byte
	time time.Time
}

// Seen tells whether an id was seen within the last hour, and remembers it. An id that counts for one provider and one repository has to
// hold the names of both. An empty id is never seen.
func (r *Replays) Seen(id string, now time.Time) bool {
	if id == "" {
		return false
	}
	key := sha256.Sum256([]byte(id))
	r.mu.Lock()
	defer r.mu.Unlock()
	r.expire(now)
	if _, ok := r.known[key]; ok {
		return true
	}
	if r.order.Len() >= maxReplays {
		r.remove(r.order.Front())
	}
	if r.known == nil {
		r.known = map[[sha256.Size]byte]*stdlist.Element{}
	}
	r.known[key] = r.order.PushBack(replay{id: key, time: now})
	return false
}

// Forget is for a delivery of which nothing came: sent again, it is heard.
func (r *Replays) Forget(id string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if e, ok := r.known[sha256.Sum256([]byte(id))]; ok {
		r.remove(e)
	}
}

func (r *Replays) expire(now time.Time) {
	for e := r.order.Front(); e != nil; e = r.order.Front() {
		if seen, ok := e.Value.(replay); ok && now.Sub(seen.time) < replayAfter {
			return
		}
		r.remove(e)
	}
}

func (r *Replays) remove(e *stdlist.Element) {
	if seen, ok := r.order.Remove(e).(replay); ok {
		delete(r.known, seen.id)
	}
}
