package githttp

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"strings"
)

// Request is a request as the server saw it.
type Request struct {
	Method, Path string
	Repo         string // "app.git"
	Command      string // "advertisement", "ls-refs" or "fetch"
	Authorized   bool   // it carried credentials, good or bad
	Size         int    // bytes of the body
	Shallow      bool   // a fetch with a depth, or of a shallow repository
	Haves        int    // commits that the client says it has
	Body         string
}

const maxRequestBytes = 16 << 20

// readRequest takes the request apart and gives a body to read again.
func readRequest(req *http.Request) (Request, io.ReadCloser, error) {
	r := Request{Method: req.Method, Path: req.URL.Path, Authorized: req.Header.Get("Authorization") != ""}
	data, err := io.ReadAll(http.MaxBytesReader(nil, req.Body, maxRequestBytes))
	if err != nil {
		return r, nil, err
	}
	r.Size = len(data)
	text := data
	if req.Header.Get("Content-Encoding") == "gzip" {
		z, err := gzip.NewReader(bytes.NewReader(data))
		if err != nil {
			return r, nil, err
		}
		if text, err = io.ReadAll(io.LimitReader(z, maxRequestBytes)); err != nil {
			return r, nil, err
		}
	}
	r.Body = string(text)
	path := strings.TrimPrefix(req.URL.Path, "/")
	for _, suffix := range []string{"/info/refs", "/git-upload-pack"} {
		if repo, ok := strings.CutSuffix(path, suffix); ok {
			r.Repo = repo
		}
	}
	switch {
	case strings.HasSuffix(path, "/info/refs"):
		r.Command = "advertisement"
	case strings.Contains(r.Body, "command=ls-refs"):
		r.Command = "ls-refs"
	case strings.HasSuffix(path, "/git-upload-pack"):
		r.Command = "fetch"
		r.Shallow = strings.Contains(r.Body, "deepen ") || strings.Contains(r.Body, "shallow ")
		r.Haves = strings.Count(r.Body, "have ")
	}
	return r, io.NopCloser(bytes.NewReader(data)), nil
}

func (s *Server) record(r Request) *Fault {
	s.mu.Lock()
	s.requests = append(s.requests, r)
	fault := s.fault
	s.mu.Unlock()
	if fault == nil {
		return nil
	}
	return fault(r)
}

// TakeRequests returns the requests since it was called last.
func (s *Server) TakeRequests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	taken := s.requests
	s.requests = nil
	return taken
}
