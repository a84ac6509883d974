package watch

import (
	"sync"

	"k8s.io/component-base/metrics"
	"k8s.io/component-base/metrics/legacyregistry"
)

var (
	watchedObjects = metrics.NewGauge(&metrics.GaugeOpts{
		Namespace: "nopea", Name: "watched_objects", StabilityLevel: metrics.ALPHA,
		Help: "Live objects with NOPEA's label whose metadata is watched.",
	})
	watches = metrics.NewGaugeVec(&metrics.GaugeOpts{
		Namespace: "nopea", Name: "watches", StabilityLevel: metrics.ALPHA,
		Help: "Kinds that are watched, by state (starting, synced, blind: forbidden, not served or failing).",
	}, []string{"state"})

	registerOnce sync.Once
)

// RegisterMetrics adds this package's metrics to the process's registry, which /metrics serves. It has to be called before the first
// watch starts: what is counted earlier is lost.
func RegisterMetrics() {
	registerOnce.Do(func() {
		legacyregistry.MustRegister(watchedObjects, watches)
	})
}
