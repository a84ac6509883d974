package verify

import (
	"bytes"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
)

const (
	maxObjectBytes    = 1 << 20
	maxSignatureBytes = 64 << 10
	maxHeaders        = 1000

	hashLength = 40

	signatureHeader = "gpgsig"
	sha256Header    = "gpgsig-sha256"
)

// header is one field of an object, with its continuation lines.
type header struct {
	key, value string
	start, end int // where its lines are
}

// identify makes sure that the bytes are the object of that id.
func identify(kind plumbing.ObjectType, id string, data []byte) error {
	if len(data) > maxObjectBytes {
		return failf(Unsupported, "it has %d bytes; more than %d are not verified", len(data), maxObjectBytes)
	}
	if plumbing.ComputeHash(kind, data).String() != id {
		return failf(Malformed, "its content does not have the object id %.64s", id)
	}
	return nil
}

// headersOf reads the fields before the first empty line, and where the rest begins.
func headersOf(data []byte) (headers []header, body int, err error) {
	for position := 0; ; {
		length := bytes.IndexByte(data[position:], '\n')
		if length < 0 {
			return nil, 0, failf(Malformed, "its headers do not end")
		}
		line, next := string(data[position:position+length]), position+length+1
		switch {
		case line == "":
			for i := range headers {
				headers[i].value = valueOf(data[headers[i].start:headers[i].end])
			}
			return headers, next, nil
		case strings.ContainsAny(line, "\x00\r"):
			return nil, 0, failf(Malformed, "a header holds a NUL or a carriage return")
		case line[0] == ' ':
			if len(headers) == 0 {
				return nil, 0, failf(Malformed, "it begins with a continuation line")
			}
			headers[len(headers)-1].end = next
		default:
			key, _, ok := strings.Cut(line, " ")
			if !ok || len(headers) == maxHeaders {
				return nil, 0, failf(Malformed, "it has a header without a value, or more than %d headers", maxHeaders)
			}
			headers = append(headers, header{key: key, start: position, end: next})
		}
		position = next
	}
}

// valueOf is what a header's lines say behind its key. Each line that goes on begins with a space, which is not part of it.
func valueOf(lines []byte) string {
	_, value, _ := strings.Cut(strings.TrimSuffix(string(lines), "\n"), " ")
	return strings.ReplaceAll(value, "\n ", "\n")
}

// signed is an object in two parts: what was signed, and the signature.
type signed struct {
	payload   []byte
	signature string
}

// parseCommit takes a commit apart, gitformat-signature(5). What was signed is the commit without its gpgsig header.
func parseCommit(data []byte) (*signed, error) {
	headers, _, err := headersOf(data)
	if err != nil {
		return nil, err
	}
	rest, err := inOrder(headers, "tree", "parent", "author", "committer")
	if err != nil {
		return nil, err
	}
	var signature *header
	for i := range rest {
		switch rest[i].key {
		case sha256Header:
			return nil, failf(Unsupported, "it has a %s header", sha256Header)
		case signatureHeader:
			if signature != nil {
				return nil, failf(Malformed, "it has several signatures")
			}
			signature = &rest[i]
		}
	}
	if signature == nil {
		return nil, failf(NoSignature, "it has no signature")
	}
	payload := append(bytes.Clone(data[:signature.start]), data[signature.end:]...)
	return &signed{payload: payload, signature: signature.value}, nil
}

// inOrder checks that an object begins with these headers, each once, on one line and in this order; only of parents there may be any
// number, and only the tagger may be missing, as in tags of old. It returns those that follow, of which none may be one of them.
func inOrder(headers []header, keys ...string) ([]header, error) {
	for _, key := range keys {
		count := 0
		for count < len(headers) && headers[count].key == key && (count == 0 || key == "parent") {
			if strings.Contains(headers[count].value, "\n") {
				return nil, failf(Malformed, "its %s header has several lines", key)
			}
			if (key == "tree" || key == "parent" || key == "object") && !isHash(headers[count].value) {
				return nil, failf(Malformed, "its %s header holds no object id", key)
			}
			count++
		}
		if count == 0 && key != "parent" && key != "tagger" {
			return nil, failf(Malformed, "it has no %s header where one belongs", key)
		}
		headers = headers[count:]
	}
	for _, h := range headers {
		for _, key := range keys {
			if h.key == key {
				return nil, failf(Malformed, "its %s header comes again", key)
			}
		}
	}
	return headers, nil
}

func isHash(s string) bool {
	return len(s) == hashLength && strings.Trim(s, "0123456789abcdef") == ""
}

// tag is what an annotated tag says.
type tag struct {
	object, kind, name string
	signed
}

// parseTag takes a tag apart. Its signature is the end of its message, from a line that begins one.
func parseTag(data []byte) (*tag, error) {
	headers, body, err := headersOf(data)
	if err != nil {
		return nil, err
	}
	rest, err := inOrder(headers, "object", "type", "tag", "tagger")
	if err != nil {
		return nil, err
	}
	for _, h := range rest {
		if strings.HasPrefix(h.key, signatureHeader) {
			return nil, failf(Unsupported, "it has a %.20s header", h.key)
		}
	}
	begin := -1
	for position := body; position < len(data); {
		line := data[position:]
		if end := bytes.IndexByte(line, '\n'); end >= 0 {
			line = line[:end+1]
		}
		if armorKind(string(line[:min(len(line), 100)])) != "" {
			if begin >= 0 {
				return nil, failf(Malformed, "it has several signatures")
			}
			begin = position
		}
		position += len(line)
	}
	if begin < 0 {
		return nil, failf(NoSignature, "it has no signature")
	}
	return &tag{object: headers[0].value, kind: headers[1].value, name: headers[2].value,
		signed: signed{payload: data[:begin], signature: string(data[begin:])}}, nil
}

const (
	armorOpenPGP = "PGP SIGNATURE"
	armorSSH     = "SSH SIGNATURE"
	armorX509    = "SIGNED MESSAGE"
	armorMessage = "PGP MESSAGE"
)

// armorKind is what a line begins, if it is one of what Git knows as the beginning of a signature.
func armorKind(line string) string {
	for _, kind := range []string{armorOpenPGP, armorSSH, armorX509, armorMessage} {
		if strings.HasPrefix(line, "-----BEGIN "+kind+"-----") {
			return kind
		}
	}
	return ""
}

// checkArmor tells which kind a signature is of, and makes sure that it is one block and nothing else.
func checkArmor(text string) (string, error) {
	if len(text) > maxSignatureBytes {
		return "", failf(Unsupported, "its signature has %d bytes; more than %d are not read", len(text), maxSignatureBytes)
	}
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	kind := armorKind(lines[0])
	switch {
	case kind == armorX509:
		return "", failf(Unsupported, "it is signed by X.509, which is not supported")
	case kind != armorOpenPGP && kind != armorSSH:
		return "", failf(Unsupported, "its signature is of a kind that is not known")
	case len(lines) < 3 || lines[0] != "-----BEGIN "+kind+"-----" || lines[len(lines)-1] != "-----END "+kind+"-----":
		return "", failf(Malformed, "its signature is not one whole block, or something follows it")
	}
	for _, line := range lines[1 : len(lines)-1] {
		if strings.HasPrefix(line, "-") {
			return "", failf(Malformed, "it has several signatures")
		}
	}
	return kind, nil
}
