package v1alpha1

import (
	"time"

	"k8s.io/apimachinery/pkg/runtime"
)

// What a GitRepository gets where its spec is silent.
const (
	DefaultInterval           = 5 * time.Minute
	DefaultReconcileInterval  = 10 * time.Minute
	DefaultTimeout            = 5 * time.Minute
	DefaultServiceAccountName = "nopea"
	DefaultHistoryLimit       = int32(10)
)

func addDefaultingFuncs(scheme *runtime.Scheme) error {
	return RegisterDefaults(scheme)
}

// SetDefaults_GitRepositorySpec fills in what the user left out.
func SetDefaults_GitRepositorySpec(spec *GitRepositorySpec) {
	setDefault(&spec.Interval, shortDuration(DefaultInterval))
	setDefault(&spec.ReconcileInterval, shortDuration(DefaultReconcileInterval))
	setDefault(&spec.Timeout, shortDuration(DefaultTimeout))
	setDefault(&spec.ServiceAccountName, DefaultServiceAccountName)
	setDefault(&spec.PruneGuard, PruneGuardConfirm)
	setDefault(&spec.DeletionPolicy, DeletionPolicyOrphan)
	setDefault(&spec.DriftPolicy, DriftPolicyEnforce)
	setDefault(&spec.ExtraFields, ExtraFieldsReport)
	if spec.Verify != nil {
		setDefault(&spec.Verify.Mode, VerifyModeCommit)
	}
	if spec.Prune == nil {
		spec.Prune = new(true)
	}
	if spec.HistoryLimit == nil {
		spec.HistoryLimit = new(DefaultHistoryLimit)
	}
}

// SetDefaults_SyncSpec fills in what the user left out.
func SetDefaults_SyncSpec(spec *SyncSpec) {
	setDefault(&spec.Trigger, SyncTriggerManual)
}

func setDefault[T ~string](field *T, value T) {
	if *field == "" {
		*field = value
	}
}
