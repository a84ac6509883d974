package git

import (
	"bytes"
	"context"
	"io"
	"strings"
)

// packRequest says which objects are wanted and which are here.
type packRequest struct {
	want  string
	have  string // a commit whose whole tree is here; or empty
	whole bool   // the parents of have are here as well, and theirs
	depth int    // 0: the whole history
	// filter names objects that need not be sent, where the server can leave any out.
	filter string
}

// shallow tells whether the history of have ends with it.
func (r *packRequest) shallow() bool { return r.have != "" && !r.whole }

// receivePack asks for a pack and lets read have its bytes; errors of the server come out of the reader.
func (r *remote) receivePack(ctx context.Context, s *server, req packRequest, read func(io.Reader) error) (err error) {
	if !s.v2 && !s.v0.sideBand64k {
		return failf(Unsupported, "the server is too old: it knows neither protocol version 2 nor side-band-64k")
	}
	encode, skip := encodeV0, skipV0
	if s.v2 {
		encode, skip = encodeV2, skipV2
	}
	body, err := r.post(ctx, s, request{fetch, encode(s, r.userAgent, req)})
	if err != nil {
		return err
	}
	defer func() { closeBody(body, err) }()
	p := newPktReader(newLimitedReader(body, "MaxPackBytes", r.limits.MaxPackBytes))
	first, err := skip(p)
	if err != nil {
		return unexpectedEOF(err)
	}
	return read(&sideBand{p: p, pending: first})
}

// encodeV2 makes one round trip of it: with "done" the server negotiates no further.
func encodeV2(s *server, agent string, req packRequest) []byte {
	var b pktBuffer
	b.line("command=fetch")
	commandCapabilities(&b, s, agent)
	b.WriteString(delimPkt)
	if req.have != "" {
		b.line("thin-pack")
	}
	b.line("no-progress")
	b.line("ofs-delta")
	if req.shallow() {
		b.line("shallow %s", req.have)
	}
	if req.depth > 0 {
		b.line("deepen %d", req.depth)
	}
	if req.filter != "" && s.filter {
		b.line("filter %s", req.filter)
	}
	b.line("want %s", req.want)
	if req.have != "" {
		b.line("have %s", req.have)
	}
	b.line("done")
	b.WriteString(flushPkt)
	return b.Bytes()
}

func encodeV0(s *server, agent string, req packRequest) []byte {
	capabilities := []string{"side-band-64k", "agent=" + agent}
	// Azure DevOps refuses clients without multi_ack.
	if s.v0.multiAckDetailed {
		capabilities = append(capabilities, "multi_ack_detailed")
	} else if s.v0.multiAck {
		capabilities = append(capabilities, "multi_ack")
	}
	if s.v0.ofsDelta {
		capabilities = append(capabilities, "ofs-delta")
	}
	if s.v0.noProgress {
		capabilities = append(capabilities, "no-progress")
	}
	if s.v0.thinPack && req.have != "" {
		capabilities = append(capabilities, "thin-pack")
	}
	filtered := req.filter != "" && s.filter
	if filtered {
		capabilities = append(capabilities, "filter")
	}
	var b pktBuffer
	b.line("want %s %s", req.want, strings.Join(capabilities, " "))
	if req.shallow() {
		b.line("shallow %s", req.have)
	}
	if req.depth > 0 {
		b.line("deepen %d", req.depth)
	}
	if filtered {
		b.line("filter %s", req.filter)
	}
	b.WriteString(flushPkt)
	if req.have != "" {
		b.line("have %s", req.have)
	}
	b.line("done")
	return b.Bytes()
}

// skipV2 reads up to the packfile section.
func skipV2(p *pktReader) ([]byte, error) {
	for {
		kind, line, err := p.nextLine()
		if err != nil {
			return nil, err
		}
		if kind == pktFlush {
			return nil, failf(ServerError, "the server sent no pack")
		}
		if kind == pktData && line == "packfile" {
			return nil, nil
		}
	}
}

// skipV0 reads the shallow lines and acknowledgements, up to the first packet of the side band, which it returns.
func skipV0(p *pktReader) ([]byte, error) {
	for {
		kind, data, err := p.next()
		if err != nil {
			return nil, err
		}
		if message, ok := bytes.CutPrefix(data, []byte("ERR ")); ok {
			return nil, remoteError(string(message))
		}
		if kind == pktData && len(data) > 0 && data[0] <= bandError {
			return data, nil
		}
	}
}

const (
	bandData     = 1
	bandProgress = 2
	bandError    = 3
)

// sideBand gives the bytes of the data channel.
type sideBand struct {
	p       *pktReader
	pending []byte // a packet not looked at yet
	data    []byte
	ended   bool
}

func (s *sideBand) Read(buf []byte) (int, error) {
	for len(s.data) == 0 {
		if s.ended {
			return 0, io.EOF
		}
		if err := s.advance(); err != nil {
			return 0, err
		}
	}
	n := copy(buf, s.data)
	s.data = s.data[n:]
	return n, nil
}

func (s *sideBand) advance() error {
	packet := s.pending
	s.pending = nil
	if packet == nil {
		kind, data, err := s.p.next()
		if err != nil {
			return unexpectedEOF(err)
		}
		if kind != pktData {
			s.ended = true
			return nil
		}
		packet = data
	}
	if len(packet) == 0 {
		return nil
	}
	switch packet[0] {
	case bandData:
		s.data = packet[1:]
	case bandProgress:
	case bandError:
		return remoteError(string(packet[1:]))
	default:
		if message, ok := bytes.CutPrefix(packet, []byte("ERR ")); ok {
			return remoteError(string(message))
		}
		return protocolError(nil, "an unknown channel")
	}
	return nil
}
