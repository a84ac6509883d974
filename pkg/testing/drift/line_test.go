package drift

import (
	"errors"
	"io"
	"net"
	"net/url"
	"sync"
	"testing"

	"nopea.io/nopea/pkg/testing/githttp"
)

// line is a way to the API server that can go silent, as when packets get lost: connections stay open, new ones are taken, and nothing
// passes in either direction. What was sent on a connection that was open then is lost with it.
type line struct {
	target   string
	listener net.Listener
	wg       sync.WaitGroup

	mu     sync.Mutex
	silent bool
	open   map[net.Conn]bool
}

func newLine(t *testing.T, target string) *line {
	t.Helper()
	l := &line{target: githttp.Must(url.Parse(target))(t).Host, listener: githttp.Must(net.Listen("tcp", "127.0.0.1:0"))(t), open: make(map[net.Conn]bool)}
	l.wg.Go(func() {
		for {
			client, err := l.listener.Accept()
			if err != nil {
				return
			}
			l.wg.Go(func() { l.serve(client) })
		}
	})
	t.Cleanup(func() {
		if err := l.listener.Close(); err != nil {
			t.Error(err)
		}
		l.mu.Lock()
		for conn := range l.open {
			_ = conn.Close()
		}
		l.mu.Unlock()
		l.wg.Wait()
	})
	return l
}

func (l *line) url() string { return "https://" + l.listener.Addr().String() }

// be makes the line silent, or has it speak again: to new connections only.
func (l *line) be(silent bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.silent = silent
}

func (l *line) serve(client net.Conn) {
	server, err := net.Dial("tcp", l.target)
	if err != nil {
		_ = client.Close()
		return
	}
	l.mu.Lock()
	dead := l.silent
	l.open[client], l.open[server] = true, true
	l.mu.Unlock()
	defer func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.open, client)
		delete(l.open, server)
	}()
	var both sync.WaitGroup
	pass := func(to, from net.Conn) {
		_, _ = io.Copy(&hearing{Writer: to, line: l, dead: dead}, from)
		_ = to.Close()
		_ = from.Close()
	}
	both.Go(func() { pass(server, client) })
	both.Go(func() { pass(client, server) })
	both.Wait()
}

// hearing loses what is written to it while the line is silent, and from then on.
type hearing struct {
	io.Writer
	line *line
	dead bool
}

func (h *hearing) Write(data []byte) (int, error) {
	h.line.mu.Lock()
	h.dead = h.dead || h.line.silent
	dead := h.dead
	h.line.mu.Unlock()
	if dead {
		return len(data), nil
	}
	n, err := h.Writer.Write(data)
	if errors.Is(err, net.ErrClosed) {
		return n, io.EOF
	}
	return n, err
}
