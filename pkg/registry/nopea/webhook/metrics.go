package webhook

import (
	"sync"

	"k8s.io/component-base/metrics"
	"k8s.io/component-base/metrics/legacyregistry"
)

// Results of deliveries, as metrics name them.
const (
	resultAccepted     = "accepted"
	resultRepeated     = "repeated"
	resultPinged       = "pinged"
	resultIgnored      = "ignored"
	resultUnmatched    = "unmatched"
	resultUnauthorized = "unauthorized"
	resultMalformed    = "malformed"
	resultTooLarge     = "too_large"
	resultLimited      = "limited"
	resultFailed       = "failed"
)

// unknownProvider is the name of a provider that was not recognised.
const unknownProvider = "unknown"

var (
	deliveriesTotal = metrics.NewCounterVec(&metrics.CounterOpts{
		Namespace: "nopea", Subsystem: "webhook", Name: "deliveries_total", StabilityLevel: metrics.ALPHA,
		Help: "Deliveries of webhooks, by provider and result (accepted, repeated, pinged, ignored, unmatched, unauthorized, malformed, too_large, limited, failed).",
	}, []string{"provider", "result"})
	deliverySeconds = metrics.NewHistogramVec(&metrics.HistogramOpts{
		Namespace: "nopea", Subsystem: "webhook", Name: "duration_seconds", StabilityLevel: metrics.ALPHA,
		Help:    "How long deliveries of webhooks took from the first byte of the body to the answer, by provider.",
		Buckets: metrics.ExponentialBuckets(0.001, 2, 14),
	}, []string{"provider"})
	panicsTotal = metrics.NewCounterVec(&metrics.CounterOpts{
		Namespace: "nopea", Subsystem: "webhook", Name: "panics_total", StabilityLevel: metrics.ALPHA,
		Help: "Deliveries of webhooks in which a panic was caught, by provider. Each is a fault of NOPEA.",
	}, []string{"provider"})

	registerOnce sync.Once
)

// RegisterMetrics adds this package's metrics to the process's registry, which /metrics serves.
func RegisterMetrics() {
	registerOnce.Do(func() {
		legacyregistry.MustRegister(deliveriesTotal, deliverySeconds, panicsTotal)
	})
}
