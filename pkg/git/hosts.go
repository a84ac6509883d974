package git

import (
	"net/url"
	"sync"
)

// maxHosts bounds what is remembered of hosts.
const maxHosts = 1000

// hosts remembers, by origin, how a repository of a host wanted to be asked: the others there most likely want the same, which saves
// the first contact of each. Only version 2 is remembered, where a wrong guess is an error and never a wrong answer.
type hosts struct {
	mu    sync.Mutex
	known map[string]server
}

// guess is how a repository is most likely to be asked; nil when nothing is known of its host.
func (h *hosts) guess(repository *url.URL) *server {
	h.mu.Lock()
	defer h.mu.Unlock()
	s, ok := h.known[origin(repository)]
	if !ok {
		return nil
	}
	s.base = repository
	return &s
}

func (h *hosts) learn(repository *url.URL, s *server) {
	if !s.v2 || origin(s.base) != origin(repository) {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.known == nil {
		h.known = make(map[string]server)
	}
	if _, ok := h.known[origin(repository)]; ok || len(h.known) < maxHosts {
		h.known[origin(repository)] = *s
	}
}

func origin(u *url.URL) string {
	return u.Scheme + "://" + u.Host
}
