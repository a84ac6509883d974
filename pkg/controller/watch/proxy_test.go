package watch_test

import (
	"io"
	"net"
	"net/url"
	"sync"
	"testing"
)

// proxy is a line to the API server that can be cut: then connections break, and new ones are refused.
type proxy struct {
	testing.TB
	target, address string

	mu       sync.Mutex
	listener net.Listener
	down     bool
	open     []net.Conn
	wg       sync.WaitGroup
}

func newProxy(tb testing.TB, target string) *proxy {
	tb.Helper()
	p := &proxy{TB: tb, target: must(url.Parse(target))(tb).Host, address: "127.0.0.1:0"}
	p.restore()
	tb.Cleanup(func() {
		p.cut()
		p.wg.Wait()
	})
	return p
}

func (p *proxy) url() string { return "https://" + p.address }

// restore listens, at the address of the first time.
func (p *proxy) restore() {
	p.Helper()
	listener := must(net.Listen("tcp", p.address))(p)
	p.mu.Lock()
	p.listener, p.address, p.down = listener, listener.Addr().String(), false
	p.mu.Unlock()
	p.wg.Go(func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			p.wg.Go(func() { p.serve(client) })
		}
	})
}

func (p *proxy) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.down = true
	_ = p.listener.Close()
	for _, conn := range p.open {
		_ = conn.Close()
	}
	p.open = nil
}

func (p *proxy) serve(client net.Conn) {
	defer func() { _ = client.Close() }()
	server, err := net.Dial("tcp", p.target)
	if err != nil {
		return
	}
	defer func() { _ = server.Close() }()
	p.mu.Lock()
	down := p.down
	p.open = append(p.open, client, server)
	p.mu.Unlock()
	if down {
		return
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		_, _ = io.Copy(server, client)
		_ = server.Close()
	})
	_, _ = io.Copy(client, server)
	_ = client.Close()
	wg.Wait()
}
