package main

import (
	"fmt"
	"math"
	"slices"
	"time"
)

// line is a line of the table: what was measured, and beside what.
type line struct {
	Row  int    `json:"row"`
	Work string `json:"work"`
	// Unit of Samples and Floor: "ms", "s", "CPU s" or "MiB".
	Unit    string    `json:"unit"`
	Samples []float64 `json:"samples"`
	// Floor are samples of the same work done by a plain client; empty where there is no such thing.
	Floor []float64 `json:"floor,omitempty"`
	// Requests that it took, in words.
	Requests string `json:"requests,omitempty"`
}

func median(samples []float64) float64 {
	sorted := slices.Sorted(slices.Values(samples))
	middle := len(sorted) / 2
	if len(sorted)%2 == 0 {
		return (sorted[middle-1] + sorted[middle]) / 2
	}
	return sorted[middle]
}

// percentile is the smallest sample that so many percent do not exceed.
func percentile(samples []float64, percent float64) float64 {
	sorted := slices.Sorted(slices.Values(samples))
	return sorted[max(1, int(math.Ceil(percent/100*float64(len(sorted)))))-1]
}

// worst is the 99th percentile, or the maximum where there are too few samples for one.
func worst(samples []float64) string {
	if len(samples) < 100 {
		return format(slices.Max(samples)) + " (max)"
	}
	return format(percentile(samples, 99))
}

func format(value float64) string {
	switch {
	case value >= 100:
		return fmt.Sprintf("%.0f", value)
	case value >= 10:
		return fmt.Sprintf("%.1f", value)
	}
	return fmt.Sprintf("%.2f", value)
}

func milliseconds(durations []time.Duration) []float64 {
	return in(time.Millisecond, durations)
}

func seconds(durations []time.Duration) []float64 {
	return in(time.Second, durations)
}

func in(unit time.Duration, durations []time.Duration) []float64 {
	values := make([]float64, len(durations))
	for i, d := range durations {
		values[i] = float64(d) / float64(unit)
	}
	return values
}
