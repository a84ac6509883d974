package supervise

import (
	"slices"
	"testing"
	"time"
)

func TestBackoff(t *testing.T) {
	const ms = time.Millisecond
	tests := []struct {
		name string
		ran  []time.Duration
		want []time.Duration
	}{
		{"first end", []time.Duration{0}, []time.Duration{0}},
		{"ends at once each time", make([]time.Duration, 9),
			[]time.Duration{0, 100 * ms, 200 * ms, 400 * ms, 800 * ms, 1600 * ms, 3200 * ms, maxDelay, maxDelay}},
		{"ran for long in between", []time.Duration{0, 0, stableAfter, 0}, []time.Duration{0, 100 * ms, 0, 100 * ms}},
		{"ran not quite for long", []time.Duration{0, stableAfter - 1}, []time.Duration{0, 100 * ms}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var b backoff
			var got []time.Duration
			for _, ran := range test.ran {
				got = append(got, b.delay(ran))
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("delays = %v, want %v", got, test.want)
			}
		})
	}
}
