package git

import (
	"errors"
	"io"
	"strings"
)

// closeBody ends an answer. Where all went well it reads the little that may be left, so that the connection can be used again.
func closeBody(body io.ReadCloser, err error) {
	if err == nil {
		_, _ = io.CopyN(io.Discard, body, maxDrainedBytes)
	}
	_ = body.Close()
}

// limitedReader fails, rather than ends, at its limit.
type limitedReader struct {
	r     io.Reader
	left  int64
	limit string
	max   int64
}

func newLimitedReader(r io.Reader, limit string, maximum int64) *limitedReader {
	return &limitedReader{r: r, left: maximum, limit: limit, max: maximum}
}

func (l *limitedReader) Read(p []byte) (int, error) {
	if l.left <= 0 {
		// The limit itself is allowed: only a byte beyond it is too many.
		var one [1]byte
		n, err := l.r.Read(one[:])
		if n == 0 {
			return 0, err
		}
		return 0, tooLarge(l.limit, l.max, "the server's answer has too many bytes")
	}
	n, err := l.r.Read(p[:min(int64(len(p)), l.left)])
	l.left -= int64(n)
	return n, err
}

// errRemote marks what a server reported within the protocol.
var errRemote = errors.New("the Git server reports")

// remoteError sorts what a server says in an ERR packet or on the error channel. The texts are those of upload-pack and its kin.
func remoteError(message string) error {
	message = printable(message)
	lower := strings.ToLower(message)
	code := ServerError
	switch {
	case strings.Contains(lower, "not our ref"), strings.Contains(lower, "unadvertised object"), strings.Contains(lower, "not valid"):
		code = CommitNotFound
	case strings.Contains(lower, "corruption"):
		code = Corrupt
	case strings.Contains(lower, "not found"), strings.Contains(lower, "not exported"):
		code = RepositoryNotFound
	}
	return failf(code, "%w: %s", errRemote, message)
}

// printable makes text of a server fit for a log or a status.
func printable(s string) string {
	s = strings.ToValidUTF8(strings.TrimSpace(s), "")
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, s)
	if len(s) > maxMessageBytes {
		s = strings.ToValidUTF8(s[:maxMessageBytes], "") + "…"
	}
	return s
}
