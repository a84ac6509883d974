package gitrepository

import (
	"sync"

	"k8s.io/component-base/metrics"
	"k8s.io/component-base/metrics/legacyregistry"
)

var (
	syncsTotal = metrics.NewCounterVec(&metrics.CounterOpts{
		Namespace: "nopea", Name: "syncs_total", StabilityLevel: metrics.ALPHA,
		Help: "Runs of the sync loop, by trigger and result (succeeded, failed).",
	}, []string{"trigger", "result"})
	syncSeconds = metrics.NewHistogramVec(&metrics.HistogramOpts{
		Namespace: "nopea", Name: "sync_duration_seconds", StabilityLevel: metrics.ALPHA,
		Help:    "How long runs of the sync loop took, by trigger.",
		Buckets: metrics.ExponentialBuckets(0.01, 2, 14),
	}, []string{"trigger"})
	objectsTotal = metrics.NewCounterVec(&metrics.CounterOpts{
		Namespace: "nopea", Name: "objects_total", StabilityLevel: metrics.ALPHA,
		Help: "Objects by what was done to them (created, configured, pruned, refused, failed).",
	}, []string{"action"})

	rendersTotal = metrics.NewCounter(&metrics.CounterOpts{
		Namespace: "nopea", Name: "renders_total", StabilityLevel: metrics.ALPHA,
		Help: "How often the manifests of a commit were made ready to apply for a GitRepository.",
	})
	unchangedTotal = metrics.NewCounter(&metrics.CounterOpts{
		Namespace: "nopea", Name: "syncs_unchanged_total", StabilityLevel: metrics.ALPHA,
		Help: "Runs of the sync loop that ended without a render, because a commit changed nothing of what its GitRepository reads.",
	})

	registerOnce sync.Once
)

// RegisterMetrics adds this package's metrics to the process's registry, which /metrics serves.
func RegisterMetrics() {
	registerOnce.Do(func() {
		legacyregistry.MustRegister(syncsTotal, syncSeconds, objectsTotal, rendersTotal, unchangedTotal)
	})
}
