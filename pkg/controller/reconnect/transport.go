// Package reconnect has informers see again soon what they could not see while an API server was away. An informer by itself waits ever
// longer between two attempts, up to half a minute, and so might notice a request for a sync that much later. It is for informers only:
// whoever has a user waiting wants to know that the API server is not there.
package reconnect

import (
	"fmt"
	"net/http"
	"time"

	"k8s.io/klog/v2"
	"k8s.io/utils/clock"
)

const (
	// shortest and longest bound the pause between two attempts. It is a quarter of the time for which none has succeeded.
	shortest, longest = 100 * time.Millisecond, time.Second
	// saidAfter is how long an outage lasts until the log says so: a restart is over sooner.
	saidAfter = 5 * time.Second
)

// Transport wraps a transport: a GET that does not reach the API server, or that is answered by somebody who cannot reach it (502, 503 or
// 504), is sent again until it does or its context ends.
func Transport(clock clock.Clock) func(http.RoundTripper) http.RoundTripper {
	return func(inner http.RoundTripper) http.RoundTripper {
		return &transport{RoundTripper: inner, clock: clock}
	}
}

type transport struct {
	http.RoundTripper
	clock clock.Clock
}

// WrappedRoundTripper is for the client library, which looks for what it knows inside.
func (t *transport) WrappedRoundTripper() http.RoundTripper { return t.RoundTripper }

func (t *transport) RoundTrip(request *http.Request) (*http.Response, error) {
	ctx, began, said := request.Context(), t.clock.Now(), false
	for {
		response, err := t.RoundTripper.RoundTrip(request)
		if request.Method != http.MethodGet || ctx.Err() != nil || err == nil && !isAway(response.StatusCode) {
			return response, err
		}
		reason := err
		if err == nil {
			reason = fmt.Errorf("it is answered with %s", response.Status)
			if err := response.Body.Close(); err != nil {
				return nil, err
			}
		}
		away := t.clock.Since(began)
		if !said && away >= saidAfter {
			said = true
			klog.FromContext(ctx).Info("Cannot watch for requests for now; it is tried again each second", "path", request.URL.Path, "reason", reason.Error())
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-t.clock.After(min(max(away/4, shortest), longest)):
		}
	}
}

// isAway tells an answer that comes from somebody in front of the API server, which itself did not take the request.
func isAway(status int) bool {
	return status == http.StatusBadGateway || status == http.StatusServiceUnavailable || status == http.StatusGatewayTimeout
}
