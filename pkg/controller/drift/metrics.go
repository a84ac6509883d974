package drift

import (
	"sync"

	"k8s.io/component-base/metrics"
	"k8s.io/component-base/metrics/legacyregistry"
)

var (
	driftTotal = metrics.NewCounterVec(&metrics.CounterOpts{
		Namespace: "nopea", Name: "drift_total", StabilityLevel: metrics.ALPHA,
		Help: "Objects that were not as Git has them, by what found it (event, list, verify, start) and result (repaired, failed).",
	}, []string{"found_by", "result"})
	missedTotal = metrics.NewCounter(&metrics.CounterOpts{
		Namespace: "nopea", Name: "drift_missed_by_events_total", StabilityLevel: metrics.ALPHA,
		Help: "Changes that a fresh list showed and no watch event had told of.",
	})
	repairSeconds = metrics.NewHistogram(&metrics.HistogramOpts{
		Namespace: "nopea", Name: "drift_repair_duration_seconds", StabilityLevel: metrics.ALPHA,
		Help:    "Time from when a change was seen until the object was put back.",
		Buckets: metrics.ExponentialBuckets(0.001, 2, 16),
	})
	trackedObjects = metrics.NewGauge(&metrics.GaugeOpts{
		Namespace: "nopea", Name: "kept_objects", StabilityLevel: metrics.ALPHA,
		Help: "Objects that are kept as Git has them.",
	})
	strangerObjects = metrics.NewGauge(&metrics.GaugeOpts{
		Namespace: "nopea", Name: "unrecorded_objects", StabilityLevel: metrics.ALPHA,
		Help: "Objects that carry the labels of a GitRepository and stand in no inventory.",
	})

	registerOnce sync.Once
)

// RegisterMetrics adds this package's metrics to the process's registry.
func RegisterMetrics() {
	registerOnce.Do(func() {
		legacyregistry.MustRegister(driftTotal, missedTotal, repairSeconds, trackedObjects, strangerObjects)
	})
}

// refreshMetrics counts what is kept. The caller holds the ledger.
func (k *Keeper) refreshMetrics() {
	trackedObjects.Set(float64(len(k.ledger.objects)))
	strangerObjects.Set(float64(len(k.ledger.strangers)))
}
