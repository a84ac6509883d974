package git

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net/url"
	"sync"
	"time"
)

// keepConversation is how long a conversation waits for the request that most likely follows: a fetch after a look at a ref. It saves two
// round trips and the start of a process. No longer, because that process is there at the server.
const keepConversation = time.Second

// maxTries bounds over how many connections a command is tried.
const maxTries = 3

// sshTransport speaks with git-upload-pack over SSH, gitprotocol-pack(5). The other end keeps its state: it greets with what it offers, and
// with version 2 takes one request after the other.
type sshTransport struct {
	at   place
	cred *Credentials
	pool *sshPool
	key  string // what connections may be shared by
	dir  string
	// maxGreeting bounds what is read before the answer.
	maxGreeting int64

	mu   sync.Mutex
	kept *conversation
	end  *time.Timer
}

func (t *sshTransport) advertisement(ctx context.Context) (io.ReadCloser, *url.URL, error) {
	v, err := t.begin(ctx)
	if err != nil {
		return nil, nil, err
	}
	return v.answer(ctx, func() { t.keep(v) }), t.at.URL, nil
}

func (t *sshTransport) post(ctx context.Context, s *server, request request) (io.ReadCloser, error) {
	v := t.takeKept(request.command)
	if v == nil {
		var err error
		if v, err = t.begin(ctx); err != nil {
			return nil, err
		}
		// Both are under way at once: the request does not wait for the greeting.
		v.send(request.text)
		if err := t.greeted(ctx, v, s.v2); err != nil {
			v.close()
			return nil, err
		}
	} else {
		v.send(request.text)
	}
	if !s.v2 {
		// Its answer is not over at the first flush. Afterwards it is gone.
		return v.rest(ctx), nil
	}
	v.asked = true
	over := v.close
	if request.command == lsRefs {
		over = func() { t.keep(v) }
	}
	return v.answer(ctx, over), nil
}

// begin runs upload-pack. A kept connection may turn out to be dead, or to take no more sessions: then over another.
func (t *sshTransport) begin(ctx context.Context) (*conversation, error) {
	for tries := 1; ; tries++ {
		conn, old, err := t.pool.take(ctx, t.key, t.cred.Proxy.Address+" "+t.at.address(), func(ctx context.Context) (*sshConn, error) {
			return dialSSH(ctx, t.at, t.cred, t.dir)
		})
		if err != nil {
			return nil, err
		}
		v, err := converse(ctx, conn, t.at.command(), func() { t.pool.release(conn) })
		switch {
		case err == nil:
			return v, nil
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case refusesSession(err):
			t.pool.full(t.key, conn)
			if tries < maxTries {
				continue
			}
			return nil, failf(Forbidden, "the SSH server opens no session: %s", printable(err.Error()))
		case old && CodeOf(err) == "" && tries < maxTries:
			t.pool.discard(conn)
			continue
		}
		return nil, err
	}
}

// greeted reads past the greeting of a server that is known, and fails if it is not as it was.
func (t *sshTransport) greeted(ctx context.Context, v *conversation, v2 bool) (err error) {
	body := v.answer(ctx, func() {})
	defer func() { _ = body.Close() }()
	greeting := bufio.NewReader(newLimitedReader(body, "MaxAdvertisementBytes", t.maxGreeting))
	first, err := greeting.Peek(len(v2Greeting))
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if len(first) == 0 {
		return io.ErrUnexpectedEOF
	}
	if (string(first) == v2Greeting) != v2 {
		return failf(NotAGitServer, "the server speaks another version of Git's protocol than before")
	}
	_, err = io.Copy(io.Discard, greeting)
	return err
}

const v2Greeting = "000eversion 2\n"

// keep holds a conversation for the request that may follow.
func (t *sshTransport) keep(v *conversation) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.kept != nil {
		t.kept.close()
		t.end.Stop()
	}
	t.kept = v
	t.end = time.AfterFunc(keepConversation, func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		if t.kept == v {
			t.kept = nil
			v.close()
		}
	})
}

// takeKept gives the conversation that is held, if there is one and it is fit for the request. Upload-pack reads the refs once: a second
// look at them needs another.
func (t *sshTransport) takeKept(command command) *conversation {
	t.mu.Lock()
	defer t.mu.Unlock()
	v := t.kept
	if v == nil || v.asked && command == lsRefs {
		return nil
	}
	t.kept = nil
	t.end.Stop()
	if v.isOver() {
		v.close()
		return nil
	}
	return v
}
