package integration

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
	"nopea.io/nopea/pkg/testing/githttp"
	"nopea.io/nopea/pkg/testing/localcluster"
)

// readyPod is what a kubelet says of a Pod that runs and is ready.
const readyPod = `{"status":{"phase":"Running","conditions":[{"type":"Ready","status":"True"}]}}`

// kubelet runs the tenant's Pods until the test ends, as a node would: each is ready at once, but for those of the image "broken".
func (v *tenant) kubelet() {
	v.t.Helper()
	ctx, cancel := context.WithCancel(background())
	pods := v.kube.CoreV1().Pods(v.namespace)
	stream := githttp.Must(pods.Watch(ctx, metav1.ListOptions{}))(v.t)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for event := range stream.ResultChan() {
			pod, ok := event.Object.(*corev1.Pod)
			if !ok || event.Type != watch.Added || pod.Spec.Containers[0].Image == "broken" {
				continue
			}
			if _, err := pods.Patch(ctx, pod.Name, types.StrategicMergePatchType, []byte(readyPod), metav1.PatchOptions{}, "status"); err != nil &&
				ctx.Err() == nil && !apierrors.IsNotFound(err) {
				v.t.Errorf("run Pod %s: %v", pod.Name, err)
			}
		}
	}()
	v.t.Cleanup(func() {
		cancel()
		<-ended
	})
}

// run has one Pod run.
func (v *tenant) run(pod string) {
	v.t.Helper()
	v.must(v.kube.CoreV1().Pods(v.namespace).Patch(background(), pod, types.StrategicMergePatchType, []byte(readyPod), metav1.PatchOptions{}, "status"))
}

// rolloutYAML is the manifest of a Deployment of one Pod. That of the image "broken" is given up after a second.
func rolloutYAML(name, image string, annotations ...string) string {
	deadline := 600
	if image == "broken" {
		deadline = 1
	}
	return fmt.Sprintf(`apiVersion: apps/v1
kind: Deployment
metadata:
  name: %[1]s
  annotations: {%[3]s}
spec:
  replicas: 1
  progressDeadlineSeconds: %[4]d
  selector: {matchLabels: {app: %[1]s}}
  template:
    metadata: {labels: {app: %[1]s}}
    spec: {containers: [{name: main, image: %[2]s}]}
`, name, image, strings.Join(annotations, ", "), deadline)
}

func podYAML(name string) string {
	return fmt.Sprintf("apiVersion: v1\nkind: Pod\nmetadata: {name: %s}\nspec: {containers: [{name: main, image: broken}]}\n", name)
}

// TestHealthy: the condition follows the life of what was applied, and many writes of a status are few reads.
func TestHealthy(t *testing.T) {
	t.Parallel()
	v := newTenant(t)
	repo := v.repo("shop", map[string]string{"web.yaml": rolloutYAML("web", "broken"), "settings.yaml": configMapYAML("settings", "one")})
	v.declare("shop", repo.URL)
	repository := v.condition("shop", v1alpha1.ConditionHealthy, metav1.ConditionFalse, "Unhealthy")
	health := repository.Status.Health
	if health.Unhealthy != 1 || health.Healthy+health.Progressing+health.Unknown != 0 || health.Objects[0].Kind != "Deployment" || health.Objects[0].File != "web.yaml" {
		t.Fatalf("status.health is %+v", health)
	}
	contains(t, apimeta.FindStatusCondition(repository.Status.Conditions, v1alpha1.ConditionHealthy).Message, "Deployment.apps "+v.namespace+"/web", "timed out progressing")
	if !apimeta.IsStatusConditionTrue(repository.Status.Conditions, v1alpha1.ConditionReady) {
		t.Fatalf("without spec.wait the sync is held up by health: %+v", repository.Status.Conditions)
	}
	v.kubelet()
	githttp.Must(repo.Commit(map[string]string{"web.yaml": rolloutYAML("web", "works"), "pod.yaml": podYAML("single")}))(t)
	v.succeeded("shop")
	v.condition("shop", v1alpha1.ConditionHealthy, metav1.ConditionUnknown, "Progressing") // the Pod that no kubelet runs
	mark := githttp.Must(v.on.Cluster.AuditLog().Mark())(t)
	began := time.Now()
	for i := range 100 {
		v.must(v.kube.CoreV1().Pods(v.namespace).Patch(background(), "single", types.MergePatchType, fmt.Appendf(nil, `{"status":{"message":"%d"}}`, i), metav1.PatchOptions{}, "status"))
	}
	reads := githttp.Must(v.on.Cluster.AuditLog().Since(mark, localcluster.Match{ImpersonatedUser: v.serviceAccount(), Verbs: []string{"get"}, Resource: "pods"}))(t)
	if most := 2 + int(2*time.Since(began).Seconds()); len(reads) > most {
		t.Errorf("100 writes of a status within %s led to %d reads", time.Since(began), len(reads))
	}
	v.run("single")
	repository = v.condition("shop", v1alpha1.ConditionHealthy, metav1.ConditionTrue, "Healthy")
	if health := repository.Status.Health; health.Healthy != 2 || health.Objects != nil {
		t.Fatalf("status.health is %+v", health)
	}
	v.noteOnDeployment("web")
	v.must(v.kube.CoreV1().Pods(v.namespace).Patch(background(), "single", types.StrategicMergePatchType,
		[]byte(`{"status":{"conditions":[{"type":"Ready","status":"False"}]}}`), metav1.PatchOptions{}, "status"))
	v.condition("shop", v1alpha1.ConditionHealthy, metav1.ConditionUnknown, "Progressing")
	if got := requestsAbout(v, mark, "configmaps"); got != 0 {
		t.Errorf("%d ConfigMaps were read for their health", got)
	}
}

// noteOnDeployment writes a condition from which no health is told, for long enough to be read several times: it is not.
func (v *tenant) noteOnDeployment(name string) {
	v.t.Helper()
	v.eventually("what was written of "+name+" is from another second", func(ctx context.Context) error {
		deployment, err := v.kube.AppsV1().Deployments(v.namespace).Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return err
		}
		for _, entry := range deployment.ManagedFields {
			if age := time.Since(entry.Time.Time); age < 2*time.Second {
				return fmt.Errorf("%s wrote %s ago", entry.Manager, age)
			}
		}
		return nil
	})
	mark := githttp.Must(v.on.Cluster.AuditLog().Mark())(v.t)
	writes := 0
	for began := time.Now(); time.Since(began) < 4*time.Second; writes++ {
		v.must(v.kube.AppsV1().Deployments(v.namespace).Patch(background(), name, types.StrategicMergePatchType,
			fmt.Appendf(nil, `{"status":{"conditions":[{"type":"Note","status":"True","message":"%d"}]}}`, writes), metav1.PatchOptions{FieldManager: "notes"}, "status"))
	}
	if reads := requestsAbout(v, mark, "deployments"); reads > 0 {
		v.t.Errorf("%d writes of a condition that tells nothing led to %d reads", writes, reads)
	}
}

// requestsAbout counts the tenant's requests to read a resource.
func requestsAbout(v *tenant, mark localcluster.Mark, resource string) int {
	v.t.Helper()
	return len(githttp.Must(v.on.Cluster.AuditLog().Since(mark, localcluster.Match{ImpersonatedUser: v.serviceAccount(), Verbs: []string{"get"}, Resource: resource}))(v.t))
}
