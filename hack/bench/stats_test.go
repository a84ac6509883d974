package main

import "testing"

func TestMedianAndPercentile(t *testing.T) {
	hundred := make([]float64, 100)
	for i := range hundred {
		hundred[i] = float64(100 - i)
	}
	for name, test := range map[string]struct {
		samples        []float64
		median, ninety float64
	}{
		"one":       {[]float64{7}, 7, 7},
		"even":      {[]float64{4, 1, 3, 2}, 2.5, 4},
		"odd":       {[]float64{9, 1, 5}, 5, 9},
		"a hundred": {hundred, 50.5, 99},
	} {
		if got := median(test.samples); got != test.median {
			t.Errorf("%s: median %v, want %v", name, got, test.median)
		}
		if got := percentile(test.samples, 99); got != test.ninety {
			t.Errorf("%s: 99th percentile %v, want %v", name, got, test.ninety)
		}
	}
	if hundred[0] != 100 {
		t.Error("the samples were put into another order")
	}
}

func TestCells(t *testing.T) {
	l := line{Row: 1, Work: "work", Unit: "ms", Samples: []float64{10, 30}, Floor: []float64{5}, Requests: "1 apply"}
	want := []string{"1", "work", "2", "20.0 ms", "30.0 (max)", "5.00 ms", "4.0", "1 apply"}
	for i, got := range l.cells() {
		if got != want[i] {
			t.Errorf("%s is %q, want %q", header[i], got, want[i])
		}
	}
	alone := line{Row: 7, Work: "idle", Unit: "CPU s", Samples: []float64{0.14}}
	if cells := alone.cells(); cells[3] != "0.14 CPU s" || cells[4] != "–" || cells[5] != "–" || cells[6] != "–" {
		t.Errorf("a single sample without a floor: %q", cells)
	}
}
