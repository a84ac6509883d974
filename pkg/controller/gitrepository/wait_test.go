package gitrepository

import (
	"strings"
	"testing"
	"time"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
	"nopea.io/nopea/pkg/controller/health"
)

func TestJudge(t *testing.T) {
	deadline := time.Unix(100, 0)
	before, after, two := deadline.Add(-time.Second), deadline, 2
	slow := v1alpha1.ObjectHealth{State: v1alpha1.HealthStateProgressing, Kind: "Pod", Namespace: "shop", Name: "slow", Message: "pulls"}
	broken := v1alpha1.ObjectHealth{State: v1alpha1.HealthStateUnhealthy, Kind: "Pod", Namespace: "shop", Name: "broken"}
	for name, test := range map[string]struct {
		verdict health.Verdict
		next    *int
		now     time.Time
		over    bool
		says    string
	}{
		"nothing to wait for":      {health.Verdict{}, nil, before, true, ""},
		"all healthy":              {health.Verdict{Total: 2, Healthy: 2}, nil, after, true, ""},
		"one is not":               {health.Verdict{Total: 2, Healthy: 1, Ailing: []v1alpha1.ObjectHealth{slow}}, nil, before, false, ""},
		"one was not looked at":    {health.Verdict{Total: 2, Healthy: 1, Unread: 1}, nil, before, false, ""},
		"one is not in time":       {health.Verdict{Total: 2, Healthy: 1, Ailing: []v1alpha1.ObjectHealth{slow}}, nil, after, true, "everything is applied, but not healthy within spec.timeout (1m): 1 of 2 objects: Pod shop/slow: pulls"},
		"one failed":               {health.Verdict{Total: 3, Healthy: 1, Ailing: []v1alpha1.ObjectHealth{broken, slow}}, nil, before, true, "everything is applied, but 1 of 3 objects failed: Pod shop/broken: unhealthy"},
		"one failed, within waves": {health.Verdict{Total: 1, Ailing: []v1alpha1.ObjectHealth{broken}}, &two, before, true, "what comes before wave 2 is applied, but 1 of 1 objects failed"},
	} {
		over, failure := judge(&test.verdict, &v1alpha1.GitRepositorySpec{Timeout: "1m"}, test.next, deadline, test.now)
		if over != test.over || (failure == nil) != (test.says == "") || failure != nil && !strings.HasPrefix(failure.Message, test.says) {
			t.Errorf("%s: %v, %v", name, over, failure)
		}
	}
}
