package git

import (
	"context"
	"io"
	"net/url"
)

const uploadPack = "git-upload-pack"

// transport carries Git's protocol to one repository and its answers back: over HTTP each request by itself, over SSH in a conversation.
// A body is read to its end or closed early; either way it has to be closed. The end of the context ends everything, reading included.
type transport interface {
	// advertisement asks for what the server offers. The second result is the repository's URL after redirects.
	advertisement(ctx context.Context) (io.ReadCloser, *url.URL, error)
	// post sends a request to the server as it was advertised.
	post(ctx context.Context, s *server, request request) (io.ReadCloser, error)
}

// request is one command of the protocol.
type request struct {
	command command
	text    []byte
}

type command int

const (
	lsRefs command = iota
	fetch
)

// newTransport is the way to a Source's repository.
func newTransport(c *Cache, s *Source) transport {
	if s.at.Scheme == "ssh" {
		return &sshTransport{at: s.at, cred: s.cred, pool: c.ssh, key: c.sshKey(s.at, s.cred), dir: c.opts.Dir,
			maxGreeting: c.opts.Limits.MaxAdvertisementBytes}
	}
	return &httpTransport{url: s.at.URL, cred: s.cred, clients: c.clients, installations: c.installations, userAgent: c.opts.UserAgent}
}
