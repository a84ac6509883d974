package watch

import (
	"errors"
	"fmt"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

func TestPause(t *testing.T) {
	refused := errors.New("connection refused")
	forbidden := fmt.Errorf("list: %w", apierrors.NewForbidden(schema.GroupResource{}, "", nil))
	for _, test := range []struct {
		failing time.Duration
		err     error
		want    time.Duration
	}{
		{0, nil, 100 * time.Millisecond},
		{0, forbidden, 100 * time.Millisecond},
		{2 * time.Second, refused, 500 * time.Millisecond},
		{2 * time.Second, forbidden, 500 * time.Millisecond},
		{time.Hour, refused, time.Second},
		{time.Hour, nil, time.Second},
		{time.Minute, forbidden, 15 * time.Second},
		{time.Hour, forbidden, time.Minute},
	} {
		if got := pause(test.failing, test.err); got != test.want {
			t.Errorf("after %s of %v: %s, want %s", test.failing, test.err, got, test.want)
		}
	}
	backoff := reconnect()
	for range 50 {
		if pause := backoff.Step(); pause < 100*time.Millisecond || pause > 1100*time.Millisecond {
			t.Errorf("a pause of %s before the next attempt to connect", pause)
		}
	}
	if pause := backoff.Step(); pause < time.Second {
		t.Errorf("a pause of %s in the end", pause)
	}
}
