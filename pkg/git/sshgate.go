package git

import (
	"context"
	"sync"
)

// gates bound how many connections to one host are made at once: servers of SSH drop those beyond a few that have not authenticated yet.
type gates struct {
	mu    sync.Mutex
	known map[string]*gate
}

type gate struct {
	slots chan struct{}
	users int
}

const maxHandshakes = 4

// pass waits for its turn. The function that is returned ends it.
func (g *gates) pass(ctx context.Context, host string) (func(), error) {
	g.mu.Lock()
	if g.known == nil {
		g.known = map[string]*gate{}
	}
	at := g.known[host]
	if at == nil {
		at = &gate{slots: make(chan struct{}, maxHandshakes)}
		g.known[host] = at
	}
	at.users++
	g.mu.Unlock()
	leave := func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		if at.users--; at.users == 0 {
			delete(g.known, host)
		}
	}
	select {
	case at.slots <- struct{}{}:
		return func() { <-at.slots; leave() }, nil
	case <-ctx.Done():
		leave()
		return nil, ctx.Err()
	}
}
