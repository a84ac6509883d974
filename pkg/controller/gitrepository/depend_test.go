package gitrepository

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
)

func TestUnfit(t *testing.T) {
	ready := repository(2)
	set(&ready.Status, 2, v1alpha1.ConditionReady, metav1.ConditionTrue, ReasonApplied, "")
	old := ready.DeepCopy()
	old.Generation = 3
	waits := ready.DeepCopy()
	waits.Spec.Wait = true
	healthy := waits.DeepCopy()
	set(&healthy.Status, 2, v1alpha1.ConditionHealthy, metav1.ConditionTrue, "Healthy", "")
	going := ready.DeepCopy()
	going.DeletionTimestamp = new(metav1.Now())
	for _, test := range []struct {
		dependency *v1alpha1.GitRepository
		want       string
	}{{ready, ""}, {healthy, ""}, {nil, "does not exist"}, {repository(1), "is not Ready"}, {old, "is not Ready"}, {waits, "is not Healthy"}, {going, "is being deleted"}} {
		if got := unfit(test.dependency); got != test.want {
			t.Errorf("%+v: %q, want %q", test.dependency, got, test.want)
		}
	}
}
