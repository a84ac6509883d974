package git

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
)

// The pkt-line framing, gitprotocol-common(5). Protocol v2 has packets that go-git's scanner does not know.

const (
	maxPktPayload = 65516

	flushPkt = "0000"
	delimPkt = "0001"
)

type pktKind int

const (
	pktData pktKind = iota
	pktFlush
	pktDelim
	pktResponseEnd
)

type pktReader struct {
	r   *bufio.Reader
	buf [maxPktPayload]byte
}

func newPktReader(r io.Reader) *pktReader {
	return &pktReader{r: bufio.NewReaderSize(r, 16<<10)}
}

// next returns a packet. The bytes are valid until the next call. At the end of the stream between two packets the error is io.EOF.
func (p *pktReader) next() (pktKind, []byte, error) {
	var size [4]byte
	if _, err := io.ReadFull(p.r, size[:]); err != nil {
		return 0, nil, err
	}
	n, err := strconv.ParseUint(string(size[:]), 16, 16)
	if err != nil {
		return 0, nil, failf(NotAGitServer, "the answer is not in Git's protocol")
	}
	switch {
	case n == 0:
		return pktFlush, nil, nil
	case n == 1:
		return pktDelim, nil, nil
	case n == 2:
		return pktResponseEnd, nil, nil
	case n < 4 || n-4 > maxPktPayload:
		return 0, nil, failf(NotAGitServer, "the answer is not in Git's protocol")
	}
	data := p.buf[:n-4]
	if _, err := io.ReadFull(p.r, data); err != nil {
		return 0, nil, unexpectedEOF(err)
	}
	return pktData, data, nil
}

// nextLine is next without the line feed of a text packet, and with the server's own error packets as errors.
func (p *pktReader) nextLine() (pktKind, string, error) {
	kind, data, err := p.next()
	if err != nil {
		return 0, "", err
	}
	if message, ok := bytes.CutPrefix(data, []byte("ERR ")); ok {
		return 0, "", remoteError(string(message))
	}
	return kind, string(bytes.TrimSuffix(data, []byte("\n"))), nil
}

// eachLine has all lines up to a flush packet seen; what says of what they are.
func (p *pktReader) eachLine(what string, see func(line string) error) error {
	for {
		kind, line, err := p.nextLine()
		switch {
		case err != nil:
			return unexpectedEOF(err)
		case kind == pktFlush:
			return nil
		case kind != pktData:
			return protocolError(nil, "unexpected packet among "+what)
		}
		if err := see(line); err != nil {
			return err
		}
	}
}

func unexpectedEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// pktBuffer collects a request.
type pktBuffer struct{ bytes.Buffer }

func (b *pktBuffer) line(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	fmt.Fprintf(&b.Buffer, "%04x%s\n", len(text)+5, text)
}
