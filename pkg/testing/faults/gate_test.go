package faults

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
)

// hold is where on its way a request is held.
type hold string

const (
	// before: it has not been sent.
	before hold = "before"
	// during: half of its body has been sent.
	during hold = "during"
	// half: half of the answer has been passed on.
	half hold = "half"
	// after: it has been answered, and the answer has not been passed on.
	after hold = "after"
)

// point is a place in a stream of requests.
type point struct {
	kind kind
	hold hold
	// count of the requests of that kind that are done when the point is reached: those before the held one, or, with after, including it.
	count int
}

// gate holds the requests of one repository at a point: the chosen one, and all of its kind that come later.
type gate struct {
	point
	// within is a part of the path that tells the repository.
	within string

	// reached is closed when things stand still.
	reached chan struct{}
	once    sync.Once
	// released is closed when requests may go on; if dropped, their connections are cut instead.
	released chan struct{}
	letGo    sync.Once
	dropped  bool

	mu             sync.Mutex
	admitted, done int
	waiting        bool
}

func newGate(p point, within string) *gate {
	return &gate{point: p, within: within, reached: make(chan struct{}), released: make(chan struct{})}
}

// release lets held requests go on, or cuts their connections. Only the first call counts.
func (g *gate) release(drop bool) {
	g.letGo.Do(func() {
		g.dropped = drop
		close(g.released)
	})
}

var errDropped = errors.New("the test cut the connection")

// admit waits until a request may be sent. Chosen is the one that is to be held on its way.
func (g *gate) admit(req *http.Request) (chosen bool, err error) {
	g.mu.Lock()
	limit := g.count
	if g.hold == during || g.hold == half {
		limit++
	}
	if g.admitted < limit {
		g.admitted++
		chosen = g.hold != before && g.hold != after && g.admitted == limit
		g.mu.Unlock()
		return chosen, nil
	}
	g.waiting = true
	g.settle()
	g.mu.Unlock()
	return false, g.wait(req)
}

// answered notes the end of an admitted request, and tells whether its answer is to be held.
func (g *gate) answered(status int) (held bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if status >= http.StatusMultipleChoices {
		g.admitted-- // a conflict, say: it did nothing, and comes again
		return false
	}
	g.done++
	g.settle()
	return g.hold == after && g.done == g.count
}

// settle tells when the point is reached. With during and half it is the chosen request that tells.
func (g *gate) settle() {
	if g.done == g.count && (g.hold == after || g.hold == before && g.waiting) {
		g.arrive()
	}
}

func (g *gate) arrive() { g.once.Do(func() { close(g.reached) }) }

func (g *gate) wait(req *http.Request) error {
	select {
	case <-g.released:
		if g.dropped {
			return errDropped
		}
		return nil
	case <-req.Context().Done():
		return req.Context().Err()
	}
}

// proxy passes requests on to a server, and those at its gate when the gate lets them.
type proxy struct {
	// target changes a request so that it leads to the server.
	target func(*http.Request) error
	// transport to the server.
	transport func() (http.RoundTripper, error)
	classify  func(req *http.Request, body []byte) kind
	// seen, if not nil, is told of each request before it is sent.
	seen func(kind, *http.Request)

	mu   sync.Mutex
	gate *gate
}

// set replaces the gate; nil lets everything through. What the old one holds stays held until that is released.
func (p *proxy) set(g *gate) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.gate = g
}

func (p *proxy) gateFor(k kind, path string) *gate {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.gate == nil || p.gate.kind != k || !strings.Contains(path, p.gate.within) {
		return nil
	}
	return p.gate
}

// ServeHTTP cuts the connection where the server does.
func (p *proxy) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	if err := p.pass(w, req); err != nil {
		panic(http.ErrAbortHandler)
	}
}

func (p *proxy) pass(w http.ResponseWriter, req *http.Request) error {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return err
	}
	kind := p.classify(req, body)
	g := p.gateFor(kind, req.URL.Path)
	chosen := false
	if g != nil {
		if chosen, err = g.admit(req); err != nil {
			return err
		}
	}
	if p.seen != nil {
		p.seen(kind, req)
	}
	out, err := p.outgoing(req, body)
	if err != nil {
		return err
	}
	if chosen && g.hold == during {
		out.Body = io.NopCloser(io.MultiReader(bytes.NewReader(body[:len(body)/2]), &holdingReader{gate: g, req: req}, bytes.NewReader(body[len(body)/2:])))
	}
	transport, err := p.transport()
	if err != nil {
		return err
	}
	answer, err := transport.RoundTrip(out)
	if err != nil {
		return err
	}
	defer answer.Body.Close() // read only
	if g == nil {
		return passOn(w, answer)
	}
	return passHeld(w, req, answer, g, chosen)
}

func (p *proxy) outgoing(req *http.Request, body []byte) (*http.Request, error) {
	out := req.Clone(req.Context())
	out.RequestURI = ""
	out.Header.Del("Connection")
	out.Body, out.ContentLength, out.TransferEncoding = http.NoBody, int64(len(body)), nil
	if len(body) > 0 {
		out.Body = io.NopCloser(bytes.NewReader(body))
	}
	return out, p.target(out)
}

// holdingReader holds a request between the halves of its body.
type holdingReader struct {
	gate *gate
	req  *http.Request
}

func (h *holdingReader) Read([]byte) (int, error) {
	h.gate.arrive()
	if err := h.gate.wait(h.req); err != nil {
		return 0, err
	}
	return 0, io.EOF
}

func writeHead(w http.ResponseWriter, answer *http.Response) {
	for key, values := range answer.Header {
		w.Header()[key] = values
	}
	w.WriteHeader(answer.StatusCode)
}

// passOn passes an answer on as it comes, as watches need it.
func passOn(w http.ResponseWriter, answer *http.Response) error {
	writeHead(w, answer)
	flusher := http.NewResponseController(w)
	for buffer := make([]byte, 64<<10); ; {
		n, err := answer.Body.Read(buffer)
		if n > 0 {
			if _, err := w.Write(buffer[:n]); err != nil {
				return err
			}
			if err := flusher.Flush(); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func passHeld(w http.ResponseWriter, req *http.Request, answer *http.Response, g *gate, chosen bool) error {
	data, err := io.ReadAll(answer.Body)
	if err != nil {
		return err
	}
	if g.answered(answer.StatusCode) {
		if err := g.wait(req); err != nil {
			return err
		}
	}
	writeHead(w, answer)
	if chosen && g.hold == half {
		if _, err := w.Write(data[:len(data)/2]); err != nil {
			return err
		}
		if err := http.NewResponseController(w).Flush(); err != nil {
			return err
		}
		g.arrive()
		if err := g.wait(req); err != nil {
			return err
		}
		data = data[len(data)/2:]
	}
	_, err = w.Write(data)
	return err
}
