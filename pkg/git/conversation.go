package git

import (
	"bufio"
	"context"
	"errors"
	"io"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"
)

// endPatience is how long the other end may take to end a conversation that was broken off, before the connection is closed on it.
const endPatience = 5 * time.Second

// conversation is one upload-pack at the other end of a channel. Calls of SSH may wait for the other end without an end of their own, so they
// are made by goroutines of the conversation's; whoever waits for those can leave at any time.
type conversation struct {
	conn    *sshConn
	release func()
	in      *bufio.Reader
	out     *io.PipeReader // what in reads from
	asked   bool           // a request was made

	mu      sync.Mutex
	channel ssh.Channel // nil until it is open
	closed  bool
	ended   chan struct{} // closed when the goroutine that reads has ended
}

// converse runs a command over a connection of which the caller has taken a session; release gives that back.
func converse(ctx context.Context, conn *sshConn, command string, release func()) (*conversation, error) {
	out, in := io.Pipe()
	v := &conversation{conn: conn, release: release, in: bufio.NewReaderSize(out, 16<<10), out: out, ended: make(chan struct{})}
	opened := make(chan error, 2)
	go v.run(command, opened, in)
	select {
	case err := <-opened:
		return v, err
	case <-ctx.Done():
		v.close()
		return nil, ctx.Err()
	}
}

// run goes on until the conversation has ended at both ends.
func (v *conversation) run(command string, opened chan<- error, in *io.PipeWriter) {
	var failed error
	defer func() {
		v.release()
		close(v.ended)
		opened <- failed // nobody waits for it if it was opened
	}()
	channel, err := v.conn.open(command)
	if err != nil {
		failed = err
		return
	}
	if !v.has(channel) {
		_ = channel.Close()
		return
	}
	opened <- nil
	said := &tail{}
	heard := make(chan struct{})
	go func() {
		defer close(heard)
		_, _ = io.Copy(said, channel.Stderr()) // its end is that of the channel
	}()
	_, err = io.Copy(in, channel)
	if err == nil {
		<-heard
		err = said.explain()
	}
	_ = in.CloseWithError(err) // nil becomes io.EOF
	_ = channel.Close()
}

// has notes the channel; false if the conversation was closed meanwhile.
func (v *conversation) has(channel ssh.Channel) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.channel = channel
	return !v.closed
}

// send sends a request. Should that fail, so does reading the answer.
func (v *conversation) send(text []byte) {
	go func() {
		_, _ = v.channel.Write(text) // ends with the channel at the latest
	}()
}

// close ends the conversation, at any time. Who does not end it too loses the connection.
func (v *conversation) close() { v.breakOff(io.ErrClosedPipe) }

// breakOff is close, with what is told to whoever reads.
func (v *conversation) breakOff(why error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.closed {
		return
	}
	v.closed = true
	_ = v.out.CloseWithError(why)
	go v.finish(v.channel)
}

func (v *conversation) finish(channel ssh.Channel) {
	patience := time.AfterFunc(endPatience, func() { _ = v.conn.client.Close() })
	defer patience.Stop()
	if channel != nil {
		_, _ = channel.Write([]byte(flushPkt)) // says that nothing more will come; it is no loss if it does not arrive
		_ = channel.Close()
	}
	<-v.ended
}

// isOver tells whether the other end has ended the conversation.
func (v *conversation) isOver() bool { return isClosed(v.ended) }

// answer reads up to the flush that ends an answer. Where all of it was read, over decides what becomes of the conversation; else it ends.
func (v *conversation) answer(ctx context.Context, over func()) io.ReadCloser {
	return &answerBody{v: v, r: &untilFlush{r: v.in}, over: over, stop: context.AfterFunc(ctx, func() { v.breakOff(ctx.Err()) })}
}

// rest reads all that is left. The conversation ends with it.
func (v *conversation) rest(ctx context.Context) io.ReadCloser {
	return &answerBody{v: v, r: v.in, over: v.close, stop: context.AfterFunc(ctx, func() { v.breakOff(ctx.Err()) })}
}

type answerBody struct {
	v    *conversation
	r    io.Reader
	over func()
	stop func() bool
}

func (b *answerBody) Read(p []byte) (int, error) { return b.r.Read(p) }

func (b *answerBody) Close() error {
	u, _ := b.r.(*untilFlush)
	if inTime := b.stop(); inTime && (u == nil || u.over()) {
		b.over()
	} else {
		b.v.close()
	}
	return nil
}

// untilFlush passes packets on as they are, and ends after a flush: the end of an answer where the stream goes on.
type untilFlush struct {
	r    *bufio.Reader
	left int // of the packet
	last bool
}

func (u *untilFlush) over() bool { return u.last && u.left == 0 }

func (u *untilFlush) Read(p []byte) (int, error) {
	if u.over() {
		return 0, io.EOF
	}
	if u.left == 0 {
		size, err := u.r.Peek(4)
		if err != nil {
			return 0, err
		}
		n, err := strconv.ParseUint(string(size), 16, 16)
		if err != nil {
			return 0, protocolError(nil, "no packet")
		}
		u.left, u.last = max(int(n), 4), n == 0
	}
	n, err := u.r.Read(p[:min(len(p), u.left)])
	u.left -= n
	return n, err
}

// tail keeps the beginning of what is said on standard error.
type tail struct{ text []byte }

func (t *tail) Write(p []byte) (int, error) {
	t.text = append(t.text, p[:min(len(p), 4*maxMessageBytes-len(t.text))]...)
	return len(p), nil
}

// explain sorts what upload-pack, a shell or a forge said before it hung up; nil if nothing.
func (t *tail) explain() error {
	text := printable(string(t.text))
	if text == "" {
		return nil
	}
	lower := strings.ToLower(text)
	code := ServerError
	has := func(words ...string) bool {
		for _, word := range words {
			if strings.Contains(lower, word) {
				return true
			}
		}
		return false
	}
	switch {
	case has("command not found", uploadPack+": not found", "not recognized as", "interactive"):
		code = NotAGitServer
	case has("not found", "does not exist", "does not appear to be a git", "not a git repository", "could not be found", "no such"):
		code = RepositoryNotFound
	case has("denied", "not have permission", "not allowed", "unauthorized", "forbidden"):
		code = Forbidden
	}
	return failf(code, "%w: %s", errRemote, text)
}

// isHangup tells whether the other end ended the connection.
func isHangup(err error) bool { return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) }
