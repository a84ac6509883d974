package events

import (
	"sync"

	"k8s.io/component-base/metrics"
	"k8s.io/component-base/metrics/legacyregistry"
)

// Results of an event, as the metric has them.
const (
	resultDelivered = "delivered"
	// resultFull: the queue of the sink was full, or there were too many sinks.
	resultFull = "dropped_full"
	// resultRejected: the sink does not want it, or is no place to send anything to.
	resultRejected = "dropped_rejected"
	// resultExpired: not delivered in time, or before the process ended.
	resultExpired = "dropped_expired"
)

var (
	eventsTotal = metrics.NewCounterVec(&metrics.CounterOpts{
		Namespace: "nopea", Name: "events_total", StabilityLevel: metrics.ALPHA,
		Help: "CDEvents by what became of them (delivered, dropped_full, dropped_rejected, dropped_expired), counted for each sink.",
	}, []string{"result"})
	eventsQueued = metrics.NewGauge(&metrics.GaugeOpts{
		Namespace: "nopea", Name: "events_queued", StabilityLevel: metrics.ALPHA,
		Help: "CDEvents that wait for their delivery, counted for each sink.",
	})

	registerOnce sync.Once
)

// RegisterMetrics adds this package's metrics to the process's registry, which /metrics serves.
func RegisterMetrics() {
	registerOnce.Do(func() {
		legacyregistry.MustRegister(eventsTotal, eventsQueued)
	})
}
