package git

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"
)

const (
	// keepSSH is how long a connection stays that nobody uses: a little longer than the default interval between two polls, as a new one
	// costs both ends tens of milliseconds of computing.
	keepSSH = 6 * time.Minute
	// maxKeptSSH bounds the connections that nobody uses.
	maxKeptSSH = 64

	// maxDials bounds how often somebody dials for others who are quicker.
	maxDials = 64

	keepaliveEvery    = 30 * time.Second
	keepalivePatience = 15 * time.Second
)

// sshPool keeps connections of SSH. Those of one key are all the same: host, user, private key, known_hosts and proxy.
type sshPool struct {
	dials calls[*sshConn]
	gates gates
	// keep and every are keepSSH and keepaliveEvery, but in tests.
	keep, every, patience time.Duration

	mu     sync.Mutex
	conns  map[string][]*sshConn
	limits map[string]int // of sessions, where a server allows fewer than maxSessions
	closed bool
}

func newSSHPool() *sshPool {
	return &sshPool{keep: keepSSH, every: keepaliveEvery, patience: keepalivePatience, conns: map[string][]*sshConn{}, limits: map[string]int{}}
}

// take gives a session on a connection, an old one or a new one. The caller gives it back with release.
func (p *sshPool) take(ctx context.Context, key, host string, dial func(context.Context) (*sshConn, error)) (_ *sshConn, old bool, _ error) {
	fresh := false
	for range maxDials {
		if c := p.reserve(key); c != nil {
			return c, !fresh, nil
		}
		fresh = true
		// Whoever needs one at the same time gets the same. Should others have taken all its sessions, there will be another.
		c, err := p.dials.do(ctx, key, time.Time{}, false, func(ctx context.Context) (*sshConn, error) {
			leave, err := p.gates.pass(ctx, host)
			if err != nil {
				return nil, err
			}
			defer leave()
			c, err := dial(ctx)
			if err == nil {
				p.add(key, c)
			}
			return c, err
		})
		if err != nil {
			return nil, false, err
		}
		if isClosed(c.dead) {
			break
		}
	}
	return nil, false, failf(Unreachable, "the SSH server closes connections as soon as they are made")
}

func (p *sshPool) reserve(key string) *sshConn {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.conns[key] {
		if c.sessions < c.limit && !isClosed(c.dead) {
			c.sessions++
			return c
		}
	}
	return nil
}

func isClosed(done <-chan struct{}) bool {
	select {
	case <-done:
		return true
	default:
		return false
	}
}

func (p *sshPool) release(c *sshConn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	c.sessions--
	c.lastUsed = time.Now()
	p.shrink()
}

// full notes that a server allows no more sessions on a connection than there are. The next ones to it begin with that.
func (p *sshPool) full(key string, c *sshConn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	c.limit = min(c.limit, c.sessions)
	if c.limit == 0 {
		_ = c.client.Close() // tend removes it
	} else if len(p.conns[key]) > 0 {
		p.limits[key] = c.limit
	}
}

// discard closes a connection that failed. Nobody is given it again, even before its end is noticed.
func (p *sshPool) discard(c *sshConn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	c.limit = 0
	_ = c.client.Close() // tend removes it
}

// add keeps a connection and looks after it until it ends.
func (p *sshPool) add(key string, c *sshConn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		_ = c.client.Close()
		return
	}
	if limit, ok := p.limits[key]; ok {
		c.limit = limit
	}
	p.conns[key] = append(p.conns[key], c)
	p.shrink()
	go p.tend(key, c)
}

// tend ends a connection that nobody uses any more, or at whose other end nobody answers.
func (p *sshPool) tend(key string, c *sshConn) {
	ticker := time.NewTicker(p.every)
	defer ticker.Stop()
	for {
		select {
		case <-c.dead:
			p.remove(key, c)
			return
		case <-ticker.C:
			// While it is used, its users see to it: an answer may be late behind much data.
			if idle := p.idleFor(c); idle > 0 && (idle > p.keep || !c.alive(p.patience)) {
				p.remove(key, c)
				_ = c.client.Close()
				return
			}
		}
	}
}

// idleFor is how long nobody has used a connection; zero while somebody does.
func (p *sshPool) idleFor(c *sshConn) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	if c.sessions > 0 {
		return 0
	}
	return time.Since(c.lastUsed)
}

func (p *sshPool) remove(key string, c *sshConn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.conns[key] = slices.DeleteFunc(p.conns[key], func(other *sshConn) bool { return other == c })
	if len(p.conns[key]) == 0 {
		delete(p.conns, key)
		delete(p.limits, key)
	}
	// Nobody may take it in the moment before it is closed.
	c.limit = 0
}

// shrink closes the connections that have been idle for the longest, where there are too many. The caller holds the lock.
func (p *sshPool) shrink() {
	var idle []*sshConn
	for _, conns := range p.conns {
		for _, c := range conns {
			if c.sessions == 0 && c.limit > 0 {
				idle = append(idle, c)
			}
		}
	}
	if len(idle) <= maxKeptSSH {
		return
	}
	slices.SortFunc(idle, func(a, b *sshConn) int { return a.lastUsed.Compare(b.lastUsed) })
	for _, c := range idle[:len(idle)-maxKeptSSH] {
		c.limit = 0
		_ = c.client.Close() // tend removes it
	}
}

// close ends all connections.
func (p *sshPool) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	for _, conns := range p.conns {
		for _, c := range conns {
			_ = c.client.Close()
		}
	}
}

// refusesSession tells whether a server does not open a session while its connection is fine.
func refusesSession(err error) bool {
	_, ok := errors.AsType[*ssh.OpenChannelError](err)
	return ok
}
