package githttp

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
)

// Fault is what the server does to a request instead of, or on top of, answering it.
type Fault struct {
	// Status, if not 0, is the answer, with Header and Body.
	Status int
	Header http.Header
	Body   string
	// Hang, if not nil, holds the answer back until it is closed or the client goes away.
	Hang <-chan struct{}
	// HangAfter, with Hang, first sends that many bytes of the answer's body.
	HangAfter int
	// TruncateAt, if not 0, ends the answer after that many bytes of its body, as if it were complete.
	TruncateAt int
	// Rewrite, if not nil, changes the answer's body.
	Rewrite func([]byte) []byte
}

// SetFault makes decide look at every request from now on; nil faults, and a nil decide, leave requests alone.
func (s *Server) SetFault(decide func(Request) *Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault = decide
}

// before acts before the answer and says whether that was all.
func (f *Fault) before(w http.ResponseWriter, req *http.Request) bool {
	if f == nil {
		return false
	}
	if f.Hang != nil && f.HangAfter == 0 {
		select {
		case <-f.Hang:
		case <-req.Context().Done():
			return true
		}
	}
	if f.Status == 0 {
		return false
	}
	for key, values := range f.Header {
		w.Header()[key] = values
	}
	w.WriteHeader(f.Status)
	_, _ = io.WriteString(w, f.Body) // the client may be gone
	return true
}

// wrap puts the fault between git and the client.
func (f *Fault) wrap(w http.ResponseWriter, req *http.Request) http.ResponseWriter {
	switch {
	case f == nil:
		return w
	case f.TruncateAt > 0:
		return &cutter{ResponseWriter: w, left: f.TruncateAt}
	case f.Hang != nil && f.HangAfter > 0:
		return &cutter{ResponseWriter: w, left: f.HangAfter, hang: f.Hang, gone: req.Context().Done()}
	}
	return w
}

// cutter lets only so many bytes through; then it hangs, or swallows the rest.
type cutter struct {
	http.ResponseWriter
	left int
	hang <-chan struct{}
	gone <-chan struct{}
}

func (c *cutter) WriteHeader(status int) {
	c.Header().Del("Content-Length")
	c.ResponseWriter.WriteHeader(status)
}

func (c *cutter) Write(p []byte) (int, error) {
	n := min(len(p), c.left)
	if _, err := c.ResponseWriter.Write(p[:n]); err != nil {
		return 0, err
	}
	c.left -= n
	if c.left == 0 && c.hang != nil {
		if flusher, ok := c.ResponseWriter.(http.Flusher); ok {
			flusher.Flush()
		}
		select {
		case <-c.hang:
		case <-c.gone:
		}
	}
	return len(p), nil
}

// bufferedWriter holds an answer back until it is complete.
type bufferedWriter struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (b *bufferedWriter) Header() http.Header         { return b.header }
func (b *bufferedWriter) WriteHeader(status int)      { b.status = status }
func (b *bufferedWriter) Write(p []byte) (int, error) { return b.body.Write(p) }

func (b *bufferedWriter) copyTo(w http.ResponseWriter, change func([]byte) []byte) {
	b.header.Del("Content-Length")
	if b.status != 0 {
		w.WriteHeader(b.status)
	}
	_, _ = w.Write(change(b.body.Bytes())) // the client may be gone
}

// hideShallow takes the shallow capabilities out of an advertisement, of either version. Other answers stay as they are.
func hideShallow(answer []byte) []byte {
	if !bytes.HasPrefix(answer, []byte("001e# service=git-upload-pack\n")) {
		return answer
	}
	var out bytes.Buffer
	for len(answer) >= 4 {
		n, err := strconv.ParseUint(string(answer[:4]), 16, 16)
		if err != nil || int(n) > len(answer) {
			return answer
		}
		if n < 4 {
			out.Write(answer[:4])
			answer = answer[4:]
			continue
		}
		line := strings.NewReplacer(" shallow", "", "=shallow", "=", " deepen-since", "", " deepen-not", "", " deepen-relative", "").Replace(string(answer[4:n]))
		fmt.Fprintf(&out, "%04x%s", len(line)+4, line)
		answer = answer[n:]
	}
	return out.Bytes()
}

func refuseShallow(w http.ResponseWriter) {
	message := "ERR upload-pack: shallow fetches are disabled\n"
	w.Header().Set("Content-Type", "application/x-git-upload-pack-result")
	_, _ = fmt.Fprintf(w, "%04x%s0000", len(message)+4, message) // the client may be gone
}
