package events

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"nopea.io/nopea/pkg/wording"
)

const (
	// requestTimeout is how long a sink has for its whole answer.
	requestTimeout = 10 * time.Second
	// maxAnswer is how many bytes of an answer are read, so that the connection can be used again.
	maxAnswer = 4 << 10
	// maxReason is how many bytes of an error are logged.
	maxReason = 300
)

// answer is what became of one attempt to deliver an event.
type answer struct {
	verdict verdict
	// wait is how long the sink asks to be left alone.
	wait time.Duration
	// reason why it was not delivered, fit for a log.
	reason string
}

type verdict int

const (
	accepted verdict = iota
	// rejected: it would be the next time too.
	rejected
	// failed: another time it may be accepted.
	failed
)

// post makes one attempt.
func post(ctx context.Context, client *http.Client, sink *url.URL, event *Event, now func() time.Time) answer {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	req, err := newRequest(ctx, sink, event)
	if err != nil {
		return answer{verdict: rejected, reason: err.Error()}
	}
	resp, err := client.Do(req)
	if errors.Is(err, errAddress) {
		return answer{verdict: rejected, reason: errAddress.Error()}
	}
	if err != nil {
		return answer{verdict: failed, reason: explain(err)}
	}
	_, _ = io.CopyN(io.Discard, resp.Body, maxAnswer)
	_ = resp.Body.Close()
	return judge(resp, now())
}

// judge an answer by its status.
func judge(resp *http.Response, now time.Time) answer {
	result := answer{reason: fmt.Sprintf("the sink answered %d", resp.StatusCode)}
	switch status := resp.StatusCode; {
	case status >= 200 && status < 300:
		return answer{}
	case status == http.StatusTooManyRequests, status >= 500:
		result.verdict, result.wait = failed, retryAfter(resp.Header, now)
	default:
		result.verdict = rejected
	}
	return result
}

// retryAfter reads both forms of the header, RFC 9110 section 10.2.3; zero if there is none.
func retryAfter(h http.Header, now time.Time) time.Duration {
	value := h.Get("Retry-After")
	if seconds, err := strconv.ParseUint(value, 10, 31); err == nil {
		return time.Duration(seconds) * time.Second
	}
	if at, err := http.ParseTime(value); err == nil {
		return max(0, at.Sub(now))
	}
	return 0
}

// explain says why a request failed. Errors of net/http hold the URL, and may hold what the sink sent: only those that are known to be
// about the network are quoted.
func explain(err error) string {
	var (
		network     *net.OpError
		name        *net.DNSError
		certificate *tls.CertificateVerificationError
	)
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return "no answer in time"
	case errors.As(err, &certificate):
		return wording.Shorten(certificate.Error(), maxReason)
	case errors.As(err, &name):
		return wording.Shorten(name.Error(), maxReason)
	case errors.As(err, &network) && network.Op == "dial":
		return wording.Shorten(network.Error(), maxReason)
	case network != nil && network.Op == "proxyconnect":
		return "the proxy cannot be reached, or does not let this through"
	case errors.Is(err, context.Canceled):
		return "the process ends"
	}
	return "the connection broke, or the answer is not HTTP"
}
