package git

import (
	"io"
	"strings"
)

// lsRefsRequest asks for refs by prefix, gitprotocol-v2(5).
func lsRefsRequest(s *server, agent string, prefixes ...string) []byte {
	var b pktBuffer
	b.line("command=ls-refs")
	commandCapabilities(&b, s, agent)
	b.WriteString(delimPkt)
	b.line("peel")
	b.line("symrefs")
	if s.unborn {
		b.line("unborn")
	}
	for _, p := range prefixes {
		b.line("ref-prefix %s", p)
	}
	b.WriteString(flushPkt)
	return b.Bytes()
}

func commandCapabilities(b *pktBuffer, s *server, agent string) {
	b.line("agent=%s", agent)
	if s.format {
		b.line("object-format=sha1")
	}
}

// parseLsRefs looks for one ref and stops at it. A prefix may have brought others, even many: refs/heads/a brings refs/heads/ab.
func parseLsRefs(r io.Reader, wanted string) (refAnswer, error) {
	p := newPktReader(r)
	for count := 0; ; count++ {
		kind, line, err := p.nextLine()
		switch {
		case err != nil:
			return refAnswer{}, unexpectedEOF(err)
		case kind == pktFlush:
			return refAnswer{empty: count == 0}, nil
		case kind != pktData:
			return refAnswer{}, protocolError(nil, "unexpected packet among the refs")
		}
		name, a, err := parseLsRefsLine(line)
		if err != nil {
			return refAnswer{}, err
		}
		if name == wanted {
			return a, nil
		}
	}
}

func parseLsRefsLine(line string) (string, refAnswer, error) {
	hash, rest, ok := strings.Cut(line, " ")
	name, attributes, _ := strings.Cut(rest, " ")
	a := refAnswer{found: true, hash: hash}
	if hash == "unborn" {
		a = refAnswer{}
	} else if len(hash) != hashLen || !isHex(hash) {
		ok = false
	}
	if !ok || name == "" {
		return "", a, protocolError(nil, "a line that is not a ref")
	}
	for attribute := range strings.SplitSeq(attributes, " ") {
		if target, ok := strings.CutPrefix(attribute, "symref-target:"); ok && name == headRef {
			a.target = validTarget(target)
		}
		if peeled, ok := strings.CutPrefix(attribute, "peeled:"); ok {
			if len(peeled) != hashLen || !isHex(peeled) {
				return "", a, protocolError(nil, "a peeled ref without an object id")
			}
			a.peeled = peeled
		}
	}
	return name, a, nil
}

// anyRef says whether an answer of ls-refs names any object at all; it stops at the first.
func anyRef(r io.Reader) (bool, error) {
	p := newPktReader(r)
	for {
		kind, line, err := p.nextLine()
		if err != nil {
			return false, unexpectedEOF(err)
		}
		if kind != pktData {
			return false, nil
		}
		if !strings.HasPrefix(line, "unborn ") {
			return true, nil
		}
	}
}
