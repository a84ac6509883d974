package health

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const (
	counters  = `{"f:status":{"f:observedGeneration":{},"f:readyReplicas":{},"f:conditions":{".":{},"k:{\"type\":\"Available\"}":{".":{},"f:status":{}}}}}`
	note      = `{"f:status":{"f:conditions":{"k:{\"type\":\"Bench\"}":{".":{},"f:message":{},"f:type":{}}}}}`
	heartbeat = `{"f:status":{"f:lastHeartbeat":{}}}`
	spec      = `{"f:spec":{"f:replicas":{}}}`
)

func held(manager, fields string, second int) metav1.ManagedFieldsEntry {
	written := metav1.NewTime(time.Unix(1_700_000_000+int64(second), 0))
	return metav1.ManagedFieldsEntry{Manager: manager, Operation: metav1.ManagedFieldsOperationUpdate, Time: &written, FieldsV1: metav1.NewFieldsV1(fields)}
}

func TestTrace(t *testing.T) {
	type entries []metav1.ManagedFieldsEntry
	for name, test := range map[string]struct {
		group         string
		before, after entries
		leftAlone     bool
	}{
		"a condition of its own":             {"apps", entries{held("kcm", counters, 1), held("bench", note, 5)}, entries{held("kcm", counters, 1), held("bench", note, 6)}, true},
		"the first one of it":                {"apps", entries{held("kcm", counters, 1)}, entries{held("kcm", counters, 1), held("bench", note, 6)}, true},
		"its controller":                     {"apps", entries{held("kcm", counters, 1), held("bench", note, 5)}, entries{held("kcm", counters, 6), held("bench", note, 5)}, false},
		"its controller in the same second":  {"apps", entries{held("kcm", counters, 6), held("bench", note, 6)}, entries{held("kcm", counters, 6), held("bench", note, 6)}, false},
		"its controller, whose clock is off": {"apps", entries{held("kcm", counters, 1), held("bench", note, 9)}, entries{held("kcm", counters, 2), held("bench", note, 9)}, false},
		"a field goes":                       {"apps", entries{held("kcm", counters, 1), held("bench", note, 5)}, entries{held("kcm", `{"f:status":{"f:readyReplicas":{}}}`, 1), held("bench", note, 5)}, false},
		"a condition of its own goes":        {"apps", entries{held("kcm", counters, 1), held("bench", note, 5)}, entries{held("kcm", counters, 1), held("other", spec, 7)}, true},
		"a condition that counts goes":       {"apps", entries{held("kcm", `{"f:status":{"f:conditions":{"k:{\"type\":\"Ready\"}":{}}}}`, 1), held("bench", note, 5)}, entries{held("bench", note, 5)}, false},
		"a label":                            {"apps", entries{held("kcm", counters, 1)}, entries{held("kcm", counters, 1), held("kubectl", `{"f:metadata":{"f:labels":{"f:a":{}}}}`, 7)}, true},
		"a heartbeat of a custom resource":   {"example.com", entries{held("operator", heartbeat, 1)}, entries{held("operator", heartbeat, 2)}, true},
		"beside its conditions":              {"example.com", entries{held("operator", `{"f:status":{"f:lastHeartbeat":{},"f:conditions":{"k:{\"type\":\"Ready\"}":{}}}}`, 1)}, entries{held("operator", `{"f:status":{"f:lastHeartbeat":{},"f:conditions":{"k:{\"type\":\"Ready\"}":{}}}}`, 2)}, false},
		"a heartbeat of Kubernetes' own":     {"apps", entries{held("operator", heartbeat, 1)}, entries{held("operator", heartbeat, 2)}, false},
		"conditions as one field":            {"example.com", entries{held("operator", `{"f:status":{"f:conditions":{}}}`, 1)}, entries{held("operator", `{"f:status":{"f:conditions":{}}}`, 2)}, false},
		"conditions by another key":          {"example.com", entries{held("operator", `{"f:status":{"f:conditions":{"k:{\"name\":\"a\"}":{}}}}`, 1)}, entries{held("operator", `{"f:status":{"f:conditions":{"k:{\"name\":\"a\"}":{}}}}`, 2)}, false},
		"a status that is no object":         {"example.com", entries{held("operator", `{"f:status":[]}`, 1)}, entries{held("operator", `{"f:status":[]}`, 2)}, false},
		"nobody is named any more":           {"apps", entries{}, entries{}, false},
		"a spec":                             {"apps", entries{held("kcm", counters, 1)}, entries{held("kcm", counters, 1), held("kubectl", spec, 2)}, true}, // which the generation tells
	} {
		t.Run(name, func(t *testing.T) {
			before, _ := TraceOf(test.group, test.before)
			after, aside := TraceOf(test.group, test.after)
			if got := aside && before == after; got != test.leftAlone {
				t.Errorf("left alone: %t; %x and then %x, aside %t", got, before, after, aside)
			}
		})
	}
}
