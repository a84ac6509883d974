package health

import (
	"cmp"
	"fmt"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
)

// Finding is how an object fares.
type Finding struct {
	State v1alpha1.HealthState
	// Message says why, in the words of its controller where there are any.
	Message string
}

// Missing is the finding on an object that is not there.
var Missing = Finding{v1alpha1.HealthStateProgressing, "it is not in the cluster"}

// Leaving is the finding on an object whose deletion was asked for.
var Leaving = Finding{v1alpha1.HealthStateProgressing, "it is being deleted"}

// Of tells how an object fares. Nothing in it depends on the time: what an object says stays true until it is written again.
func Of(object *unstructured.Unstructured) Finding {
	result, err := status.Compute(object)
	if err != nil {
		return Finding{v1alpha1.HealthStateUnknown, fmt.Sprintf("its status cannot be read: %v", err)}
	}
	found := Finding{stateOf(result.Status), result.Message}
	// The condition that the state was told from says more than that it is so.
	for _, condition := range result.Conditions {
		if condition.Message != "" {
			found.Message = condition.Message
		}
	}
	if found.State == v1alpha1.HealthStateProgressing && object.GetDeletionTimestamp() != nil {
		return Leaving
	}
	return refine(object, found)
}

func stateOf(s status.Status) v1alpha1.HealthState {
	switch s {
	case status.CurrentStatus:
		return v1alpha1.HealthStateHealthy
	case status.InProgressStatus, status.TerminatingStatus, status.NotFoundStatus:
		return v1alpha1.HealthStateProgressing
	case status.FailedStatus:
		return v1alpha1.HealthStateUnhealthy
	}
	return v1alpha1.HealthStateUnknown
}

// refine applies the rules in which NOPEA differs from kstatus.
func refine(object *unstructured.Unstructured, found Finding) Finding {
	switch object.GroupVersionKind().GroupKind() {
	case schema.GroupKind{Group: "batch", Kind: "Job"}:
		return ofJob(object, found)
	case schema.GroupKind{Kind: "Pod"}:
		return ofPod(object, found)
	case schema.GroupKind{Kind: "Service"}:
		return ofService(object, found)
	case schema.GroupKind{Group: "apiregistration.k8s.io", Kind: "APIService"}:
		return ofAPIService(object)
	}
	return found
}

// ofJob: a Job is healthy when it has completed, not as soon as it runs. One that is suspended is as somebody wants it.
func ofJob(object *unstructured.Unstructured, found Finding) Finding {
	if found.State != v1alpha1.HealthStateHealthy || conditionOf(object, "Complete").Status == string(corev1.ConditionTrue) {
		return found
	}
	if suspended, _, _ := unstructured.NestedBool(object.Object, "spec", "suspend"); suspended {
		return found
	}
	return Finding{v1alpha1.HealthStateProgressing, found.Message}
}

// ofPod: a Pod that ended with an error is not healthy. One that finds no node yet may find one later, such as after the cluster was
// made larger; how long to wait is for whoever waits to say.
func ofPod(object *unstructured.Unstructured, found Finding) Finding {
	phase, _, _ := unstructured.NestedString(object.Object, "status", "phase")
	scheduled := conditionOf(object, "PodScheduled")
	switch {
	case phase == string(corev1.PodFailed):
		reason, _, _ := unstructured.NestedString(object.Object, "status", "message")
		return Finding{v1alpha1.HealthStateUnhealthy, cmp.Or(reason, "the Pod ended with an error")}
	case phase == string(corev1.PodPending) && scheduled.Status == string(corev1.ConditionFalse):
		return Finding{v1alpha1.HealthStateProgressing, cmp.Or(scheduled.Message, "the Pod has no node yet")}
	}
	return found
}

// ofService: a Service of type LoadBalancer works once it has an address.
func ofService(object *unstructured.Unstructured, found Finding) Finding {
	if kind, _, _ := unstructured.NestedString(object.Object, "spec", "type"); kind != string(corev1.ServiceTypeLoadBalancer) ||
		found.State != v1alpha1.HealthStateHealthy {
		return found
	}
	if ingress, _, _ := unstructured.NestedSlice(object.Object, "status", "loadBalancer", "ingress"); len(ingress) == 0 {
		return Finding{v1alpha1.HealthStateProgressing, "the load balancer has no address yet"}
	}
	return found
}

// ofAPIService: an APIService works when the API server reaches what stands behind it.
func ofAPIService(object *unstructured.Unstructured) Finding {
	available := conditionOf(object, "Available")
	if available.Status == string(corev1.ConditionTrue) {
		return Finding{v1alpha1.HealthStateHealthy, available.Message}
	}
	return Finding{v1alpha1.HealthStateProgressing, cmp.Or(available.Message, available.Reason, "the API is not available yet")}
}

type condition struct{ Status, Reason, Message string }

// conditionOf is one of the conditions in a status; the zero value when there is none of that type.
func conditionOf(object *unstructured.Unstructured, kind string) condition {
	conditions, _, _ := unstructured.NestedSlice(object.Object, "status", "conditions")
	for _, item := range conditions {
		fields, ok := item.(map[string]any)
		if !ok || fields["type"] != kind {
			continue
		}
		text := func(name string) string {
			value, _ := fields[name].(string)
			return value
		}
		return condition{text("status"), text("reason"), text("message")}
	}
	return condition{}
}
