package health

import (
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/yaml"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
)

func TestOf(t *testing.T) {
	const healthy, progressing, unhealthy = v1alpha1.HealthStateHealthy, v1alpha1.HealthStateProgressing, v1alpha1.HealthStateUnhealthy
	deployment := "apiVersion: apps/v1\nkind: Deployment\nmetadata: {generation: 2}\nspec: {replicas: 1, progressDeadlineSeconds: 9}\n"
	job := "apiVersion: batch/v1\nkind: Job\n"
	for name, test := range map[string]struct {
		object  string
		state   v1alpha1.HealthState
		message string
	}{
		"a Deployment that nobody looked at": {deployment, progressing, "Replicas: 0/1"},
		"a Deployment whose controller has not seen the newest spec": {deployment + "status: {observedGeneration: 1, replicas: 1}",
			progressing, "Deployment generation is 2, but latest observed generation is 1"},
		"a Deployment that is there": {deployment + `status: {observedGeneration: 2, replicas: 1, updatedReplicas: 1, readyReplicas: 1, availableReplicas: 1,
  conditions: [{type: Progressing, status: "True", reason: NewReplicaSetAvailable}, {type: Available, status: "True"}]}`,
			healthy, "Deployment is available. Replicas: 1"},
		"a Deployment that came to nothing": {deployment + `status: {observedGeneration: 2, replicas: 1, updatedReplicas: 1,
  conditions: [{type: Progressing, status: "False", reason: ProgressDeadlineExceeded, message: "ReplicaSet \"web-1\" has timed out progressing."}]}`,
			unhealthy, `ReplicaSet "web-1" has timed out progressing.`},
		"a Job that runs":      {job + "status: {startTime: 2026-01-01T00:00:00Z, active: 1}", progressing, "Job in progress. success:0, active: 1, failed: 0"},
		"a Job that waits":     {job + "spec: {suspend: true}\nstatus: {startTime: 2026-01-01T00:00:00Z}", healthy, "Job in progress. success:0, active: 0, failed: 0"},
		"a Job that is done":   {job + `status: {startTime: x, succeeded: 1, conditions: [{type: Complete, status: "True"}]}`, healthy, "Job Completed. succeeded: 1/1"},
		"a Job that failed":    {job + `status: {failed: 1, conditions: [{type: Failed, status: "True"}]}`, unhealthy, "Job Failed. failed: 1/1"},
		"a Pod that failed":    {"apiVersion: v1\nkind: Pod\nstatus: {phase: Failed}", unhealthy, "the Pod ended with an error"},
		"a Pod without a node": {`{apiVersion: v1, kind: Pod, status: {phase: Pending, conditions: [{type: PodScheduled, status: "False", reason: Unschedulable, message: "0/3 nodes"}]}}`, progressing, "0/3 nodes"},
		"a Pod that is ready":  {`{apiVersion: v1, kind: Pod, status: {phase: Running, conditions: [{type: Ready, status: "True"}]}}`, healthy, "Pod is Ready"},
		"a Pod that crashes":   {`{apiVersion: v1, kind: Pod, status: {phase: Running, containerStatuses: [{name: c, state: {waiting: {reason: CrashLoopBackOff}}}]}}`, unhealthy, "Containers in CrashLoop state: c"},
		"a load balancer":      {"apiVersion: v1\nkind: Service\nspec: {type: LoadBalancer, clusterIP: 10.0.0.1}", progressing, "the load balancer has no address yet"},
		"a load balancer at an address": {"apiVersion: v1\nkind: Service\nspec: {type: LoadBalancer, clusterIP: 10.0.0.1}\nstatus: {loadBalancer: {ingress: [{ip: 1.2.3.4}]}}",
			healthy, "Service is ready"},
		"a claim without a volume": {"apiVersion: v1\nkind: PersistentVolumeClaim\nstatus: {phase: Pending}", progressing, "PVC is not Bound. phase: Pending"},
		"an API that is away": {`{apiVersion: apiregistration.k8s.io/v1, kind: APIService, status: {conditions: [{type: Available, status: "False", reason: MissingEndpoints, message: none}]}}`,
			progressing, "none"},
		"an API that is there":           {`{apiVersion: apiregistration.k8s.io/v1, kind: APIService, status: {conditions: [{type: Available, status: "True", message: all}]}}`, healthy, "all"},
		"a definition that is not there": {"apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition", progressing, "Install in progress"},
		"a custom resource that is not ready": {`{apiVersion: example.com/v1, kind: Widget, status: {conditions: [{type: Ready, status: "False", reason: Cold, message: "is cold"}]}}`,
			progressing, "is cold"},
		"a custom resource that stalls": {`{apiVersion: example.com/v1, kind: Widget, status: {conditions: [{type: Stalled, status: "True", reason: Broken, message: "is broken"}]}}`,
			unhealthy, "is broken"},
		"a custom resource without conditions": {`{apiVersion: example.com/v1, kind: Widget, status: {phase: odd}}`, healthy, "Resource is current"},
		"one that goes":                        {`{apiVersion: example.com/v1, kind: Widget, metadata: {deletionTimestamp: "2026-01-01T00:00:00Z"}}`, progressing, Leaving.Message},
		"a status that is none":                {`{apiVersion: example.com/v1, kind: Widget, status: {conditions: 3}}`, v1alpha1.HealthStateUnknown, ""},
	} {
		object := &unstructured.Unstructured{}
		if err := yaml.Unmarshal([]byte(test.object), &object.Object); err != nil {
			t.Fatal(name, err)
		}
		integers(object.Object)
		if found := Of(object); found.State != test.state || test.message != "" && found.Message != test.message {
			t.Errorf("%s: %+v", name, found)
		}
	}
}

// integers are what the client makes of whole numbers.
func integers(fields map[string]any) {
	for name, value := range fields {
		switch value := value.(type) {
		case float64:
			fields[name] = int64(value)
		case map[string]any:
			integers(value)
		}
	}
}

func TestHas(t *testing.T) {
	for kind, want := range map[schema.GroupKind]bool{
		{Kind: "ConfigMap"}: false, {Kind: "Secret"}: false, {Kind: "Service"}: false, {Group: "rbac.authorization.k8s.io", Kind: "Role"}: false,
		{Group: "autoscaling", Kind: "HorizontalPodAutoscaler"}: false, {Group: "apps", Kind: "Deployment"}: true, {Kind: "Pod"}: true,
		{Group: "example.com", Kind: "Widget"}: true, {Group: "gateway.networking.k8s.io", Kind: "Gateway"}: true,
	} {
		if Has(kind, map[string]any{}) != want {
			t.Errorf("%s: want %v", kind, want)
		}
	}
	if !Has(schema.GroupKind{Kind: "Service"}, map[string]any{"spec": map[string]any{"type": "LoadBalancer"}}) {
		t.Error("a load balancer has no health")
	}
}
