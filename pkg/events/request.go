package events

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// newRequest is an event as a CloudEvent in binary mode: its context in headers, all of it in the body.
func newRequest(ctx context.Context, sink *url.URL, event *Event) (*http.Request, error) {
	body, err := json.Marshal(event)
	if err != nil {
		return nil, fmt.Errorf("encode event %s: %w", event.Context.ID, err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, sink.String(), bytes.NewReader(body))
	if err != nil {
		// The error would hold the URL.
		return nil, errors.New("the sink's URL cannot be used")
	}
	for name, value := range map[string]string{
		"ce-specversion": "1.0",
		"ce-id":          event.Context.ID,
		"ce-source":      event.Context.Source,
		"ce-type":        string(event.Context.Type),
		"ce-subject":     event.Subject.ID,
		"ce-time":        event.Context.Timestamp.Format(time.RFC3339Nano),
		"Content-Type":   "application/json",
		"User-Agent":     "nopea",
	} {
		req.Header.Set(name, headerValue(value))
	}
	return req, nil
}

// headerValue encodes what a header cannot hold, as the HTTP binding of CloudEvents asks (3.1.3.2).
func headerValue(s string) string {
	var out strings.Builder
	for _, b := range []byte(s) {
		if b <= ' ' || b > '~' || b == '"' || b == '%' {
			fmt.Fprintf(&out, "%%%02X", b)
		} else {
			out.WriteByte(b)
		}
	}
	return out.String()
}
