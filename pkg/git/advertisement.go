package git

import (
	"io"
	"strings"
)

const (
	zeroHash     = "0000000000000000000000000000000000000000"
	peeledSuffix = "^{}"

	// noRefs is what stands in place of a ref name where there is none, to carry the capabilities.
	noRefs = "capabilities" + peeledSuffix
)

// refAnswer is what a server said about one ref.
type refAnswer struct {
	found  bool // false too for a HEAD whose branch has no commit
	empty  bool // the repository has no refs at all
	hash   string
	peeled string
	target string // what a symbolic ref stands for
}

func (a refAnswer) revision(name string) Revision {
	rev := Revision{Ref: name, Hash: a.hash}
	if a.target != "" {
		rev.Ref = a.target
	}
	if a.peeled != "" {
		rev.Hash, rev.Tag = a.peeled, a.hash
	}
	return rev
}

// parseAdvertisement reads the answer of info/refs: capabilities only if the server speaks version 2; else version 0 or 1, with the
// list of all refs, in which it looks for what is wanted and keeps nothing else.
func parseAdvertisement(r io.Reader, wanted search) (server, refAnswer, error) {
	var s server
	p := newPktReader(r)
	kind, line, err := p.nextLine()
	if err != nil {
		return s, refAnswer{}, unexpectedEOF(err)
	}
	// The service line and its flush are optional in version 2.
	if strings.HasPrefix(line, "# service=") {
		if line != "# service="+uploadPack {
			return s, refAnswer{}, failf(NotAGitServer, "the server answered for another service")
		}
		if kind, _, err = p.nextLine(); err != nil || kind != pktFlush {
			return s, refAnswer{}, protocolError(err, "no flush after the service")
		}
		if kind, line, err = p.nextLine(); err != nil {
			return s, refAnswer{}, unexpectedEOF(err)
		}
	}
	if line == "version 2" {
		s.v2 = true
		return s, refAnswer{}, readV2Capabilities(p, &s)
	}
	if line == "version 1" {
		if kind, line, err = p.nextLine(); err != nil {
			return s, refAnswer{}, unexpectedEOF(err)
		}
	}
	answer, err := readV0Refs(p, &s, kind, line, wanted)
	return s, answer, err
}

func readV2Capabilities(p *pktReader, s *server) error {
	return p.eachLine("the capabilities", s.v2Capability)
}

func readV0Refs(p *pktReader, s *server, kind pktKind, line string, wanted search) (refAnswer, error) {
	var a refAnswer
	for first := true; ; first = false {
		if kind == pktFlush {
			a.empty = first
			break
		}
		if kind != pktData {
			return a, protocolError(nil, "unexpected packet among the refs")
		}
		if first {
			var list string
			line, list, _ = strings.Cut(line, "\x00")
			if err := s.v0Line(list); err != nil {
				return a, err
			}
		}
		hash, name, ok := strings.Cut(line, " ")
		switch {
		case hash == "shallow" && ok: // the server's own repository is shallow
		case !ok || len(hash) != hashLen || !isHex(hash):
			return a, protocolError(nil, "a line that is not a ref")
		case name == noRefs && hash == zeroHash:
			a.empty = true
		case wanted.versions != nil:
			wanted.versions.see(name, refAnswer{found: true, hash: hash})
		case name == wanted.name && wanted.name != "":
			a.found, a.hash = true, hash
		case name == wanted.name+peeledSuffix && a.found:
			a.peeled = hash
		}
		var err error
		if kind, line, err = p.nextLine(); err != nil {
			return a, unexpectedEOF(err)
		}
	}
	if wanted.name == headRef {
		a.target = validTarget(s.v0.head)
	}
	return a, nil
}

// validTarget drops what is no ref name: it is shown to users and compared with what webhooks say.
func validTarget(name string) string {
	if name == "" || refNameProblem(name) != "" {
		return ""
	}
	return name
}

func protocolError(err error, what string) error {
	if err != nil {
		return unexpectedEOF(err)
	}
	return failf(NotAGitServer, "the answer is not in Git's protocol: %s", what)
}
