package reconnect

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	clocktesting "k8s.io/utils/clock/testing"
)

// answers are what a server says, one after the other.
type answers []any

func (a *answers) RoundTrip(*http.Request) (*http.Response, error) {
	next := (*a)[0]
	*a = (*a)[1:]
	if err, ok := next.(error); ok {
		return nil, err
	}
	return &http.Response{StatusCode: next.(int), Body: io.NopCloser(strings.NewReader(""))}, nil
}

var errRefused = errors.New("connection refused")

func TestAsksUntilItIsAnswered(t *testing.T) {
	for name, test := range map[string]struct {
		method  string
		answers answers
		status  int
		left    int
	}{
		"at once":              {http.MethodGet, answers{200}, 200, 0},
		"refused":              {http.MethodGet, answers{errRefused, errRefused, 200}, 200, 0},
		"nobody behind it":     {http.MethodGet, answers{503, 502, 504, 200}, 200, 0},
		"an answer of its own": {http.MethodGet, answers{403, 200}, 403, 1},
		"a fault of its own":   {http.MethodGet, answers{500, 200}, 500, 1},
		"gone":                 {http.MethodGet, answers{410, 200}, 410, 1},
		"a write":              {http.MethodPost, answers{503, 200}, 503, 1},
	} {
		t.Run(name, func(t *testing.T) {
			clock := &hurried{clocktesting.NewFakeClock(time.Now())}
			request, err := http.NewRequestWithContext(t.Context(), test.method, "https://example.com/apis", nil)
			if err != nil {
				t.Fatal(err)
			}
			response, err := Transport(clock)(&test.answers).RoundTrip(request)
			if err != nil {
				t.Fatal(err)
			}
			if err := response.Body.Close(); err != nil {
				t.Fatal(err)
			}
			if response.StatusCode != test.status || len(test.answers) != test.left {
				t.Errorf("status %d with %d answers left; want %d with %d", response.StatusCode, len(test.answers), test.status, test.left)
			}
		})
	}
}

func TestPausesStayShort(t *testing.T) {
	clock := &hurried{clocktesting.NewFakeClock(time.Now())}
	began := clock.Now()
	many := answers{}
	for range 60 {
		many = append(many, errRefused)
	}
	many = append(many, 200)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://example.com/apis", nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := Transport(clock)(&many).RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	if err := response.Body.Close(); err != nil {
		t.Fatal(err)
	}
	if took := clock.Since(began); took < 40*time.Second || took > 60*time.Second {
		t.Errorf("60 pauses took %s", took)
	}
}

func TestEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://example.com/apis", nil)
	if err != nil {
		t.Fatal(err)
	}
	clock := clocktesting.NewFakeClock(time.Now())
	response, err := Transport(clock)(&answers{errRefused}).RoundTrip(request)
	if err == nil {
		t.Error(response.Body.Close(), "no error")
	}
}

// hurried is a clock on which every wait is over at once.
type hurried struct{ *clocktesting.FakeClock }

func (c *hurried) After(d time.Duration) <-chan time.Time {
	after := c.FakeClock.After(d)
	c.Step(d)
	return after
}
