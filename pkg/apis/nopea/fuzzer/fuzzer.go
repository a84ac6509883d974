// Package fuzzer fills nopea.io objects with random content for the roundtrip tests.
package fuzzer

import (
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"sigs.k8s.io/randfill"

	"nopea.io/nopea/pkg/apis/nopea"
	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
)

// Funcs returns the fuzzers of this group: they fill in what decoding would default, so that a roundtrip changes nothing.
func Funcs(serializer.CodecFactory) []any {
	return []any{
		func(spec *nopea.GitRepositorySpec, c randfill.Continue) {
			c.FillNoCustom(spec)
			spec.Interval, spec.ReconcileInterval, spec.Timeout = "1m", "20m", "30s"
			spec.ServiceAccountName = v1alpha1.DefaultServiceAccountName
			spec.PruneGuard, spec.DeletionPolicy = nopea.PruneGuardOff, nopea.DeletionPolicyDelete
			spec.DriftPolicy, spec.ExtraFields = nopea.DriftPolicyWarn, nopea.ExtraFieldsKeep
			if spec.Verify != nil {
				spec.Verify.Mode = nopea.VerifyModeTag
			}
			spec.Prune, spec.HistoryLimit = new(c.Bool()), new(c.Int31n(1000))
		},
		func(spec *nopea.SyncSpec, c randfill.Continue) {
			c.FillNoCustom(spec)
			spec.Trigger = nopea.SyncTriggerPoll
		},
	}
}
