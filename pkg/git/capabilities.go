package git

import (
	"net/url"
	"slices"
	"strings"
)

// server is what the first contact taught about a repository's server. It is immutable.
type server struct {
	base    *url.URL // after redirects
	v2      bool
	shallow bool // depth is understood
	filter  bool // objects can be left out
	unborn  bool // v2: ls-refs tells the branch of a HEAD without a commit
	format  bool // v2: the object format may, and so should, be said
	v0      v0Capabilities
}

type v0Capabilities struct {
	multiAck, multiAckDetailed, sideBand64k, ofsDelta, thinPack, noProgress bool
	head                                                                    string // what HEAD stands for
}

// v2Capability takes one line of a version 2 capability advertisement, gitprotocol-v2(5).
func (s *server) v2Capability(line string) error {
	key, value, _ := strings.Cut(line, "=")
	words := strings.Fields(value)
	switch key {
	case "ls-refs":
		s.unborn = slices.Contains(words, "unborn")
	case "fetch":
		s.shallow = slices.Contains(words, "shallow")
		s.filter = slices.Contains(words, "filter")
	case "object-format":
		s.format = true
		return checkObjectFormat(value)
	}
	return nil
}

// v0Line takes the capabilities behind the NUL of the first ref, gitprotocol-capabilities(5).
func (s *server) v0Line(list string) error {
	for word := range strings.FieldsSeq(list) {
		key, value, _ := strings.Cut(word, "=")
		switch key {
		case "shallow":
			s.shallow = true
		case "filter":
			s.filter = true
		case "multi_ack":
			s.v0.multiAck = true
		case "multi_ack_detailed":
			s.v0.multiAckDetailed = true
		case "side-band-64k":
			s.v0.sideBand64k = true
		case "ofs-delta":
			s.v0.ofsDelta = true
		case "thin-pack":
			s.v0.thinPack = true
		case "no-progress":
			s.v0.noProgress = true
		case "symref":
			if target, ok := strings.CutPrefix(value, headRef+":"); ok {
				s.v0.head = target
			}
		case "object-format":
			if err := checkObjectFormat(value); err != nil {
				return err
			}
		}
	}
	return nil
}

func checkObjectFormat(format string) error {
	if format != "sha1" {
		return failf(Unsupported, "the repository's object format is %.20q, only sha1 is supported", format)
	}
	return nil
}
