package prevent

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
)

func TestNamespaceDeletionPasses(t *testing.T) {
	t.Parallel()
	v := newTenant(t)
	v.apply(configMaps, configMap("settings"))
	v.apply(deployments, deployment("web"))
	v.apply(services, service("web"))
	v.must(nil, v.kube.CoreV1().Namespaces().Delete(background(), v.namespace, metav1.DeleteOptions{}))
	eventually(t, "the namespace is gone", func(ctx context.Context) error {
		_, err := v.kube.CoreV1().Namespaces().Get(ctx, v.namespace, metav1.GetOptions{})
		return absent(err)
	})
}

// TestRoleAggregationPasses is about a manifest that holds an empty list, as many do, where a controller puts what it has collected.
func TestRoleAggregationPasses(t *testing.T) {
	t.Parallel()
	v := newTenant(t)
	roles := v.admin.Resource(rbacv1.SchemeGroupVersion.WithResource("clusterroles"))
	name, label := v.namespace+"-all", v.namespace+".example.org/part"
	all := v.protect(v.object(fmt.Sprintf(`
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: %s}
aggregationRule: {clusterRoleSelectors: [{matchLabels: {%s: "yes"}}]}
rules: []`, name, label)))
	all.SetNamespace("")
	v.must(v.nopea.Resource(rbacv1.SchemeGroupVersion.WithResource("clusterroles")).
		Apply(background(), name, all, metav1.ApplyOptions{FieldManager: v1alpha1.FieldManager, Force: true}))
	v.must(v.kube.RbacV1().ClusterRoles().Create(background(), &rbacv1.ClusterRole{
		ObjectMeta: metav1.ObjectMeta{Name: v.namespace + "-part", Labels: map[string]string{label: "yes"}},
		Rules:      []rbacv1.PolicyRule{{APIGroups: []string{""}, Resources: []string{"pods"}, Verbs: []string{"get"}}},
	}, metav1.CreateOptions{}))
	eventually(t, "the ClusterRole holds the rule of its part", func(ctx context.Context) error {
		live, err := roles.Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return err
		}
		if rules, _, _ := unstructured.NestedSlice(live.Object, "rules"); len(rules) != 1 {
			return fmt.Errorf("the rules are %v", rules)
		}
		return nil
	})
}

func TestGarbageCollectionPasses(t *testing.T) {
	t.Parallel()
	v := newTenant(t)
	t.Run("background", func(*testing.T) {
		owner := v.create(configMaps, v.object(configMap("owner")))
		v.apply(configMaps, configMap("dependent"))
		v.patch(v.on(configMaps), "dependent", fmt.Sprintf(
			`{"metadata":{"ownerReferences":[{"apiVersion":"v1","kind":"ConfigMap","name":"owner","uid":%q}]}}`, owner.GetUID()))
		v.must(nil, v.on(configMaps).Delete(background(), "owner", metav1.DeleteOptions{}))
		v.gone(configMaps, "dependent")
	})
	t.Run("foreground", func(*testing.T) {
		v.apply(deployments, deployment("web"))
		v.replicaSetOf("web")
		v.must(nil, v.adminAs("ada", breakGlass).Resource(deployments).Namespace(v.namespace).
			Delete(background(), "web", metav1.DeleteOptions{PropagationPolicy: new(metav1.DeletePropagationForeground)}))
		v.gone(deployments, "web")
		v.none(replicaSets, "app=web")
	})
}

// TestRolloutPasses lets the template carry the labels too, so that they are copied to ReplicaSets and Pods.
func TestRolloutPasses(t *testing.T) {
	t.Parallel()
	v := newTenant(t)
	object := v.protect(v.object(deployment("web")))
	labels := object.GetLabels()
	labels["app"] = "web"
	v.must(nil, unstructured.SetNestedStringMap(object.Object, labels, "spec", "template", "metadata", "labels"))
	v.must(nil, unstructured.SetNestedField(object.Object, int64(0), "spec", "revisionHistoryLimit"))
	v.applyObject(deployments, object)
	first := v.replicaSetOf("web")

	out, err := world.cluster.Kubectl(background(), nil, "rollout", "restart", "deployment/web", "-n", v.namespace)
	if err != nil {
		t.Fatal(out, err)
	}
	eventually(t, "the new Pods come up, and the old go with their ReplicaSet", func(ctx context.Context) error {
		if err := v.run(ctx, "app=web"); err != nil {
			return err
		}
		live, err := v.on(deployments).Get(ctx, "web", metav1.GetOptions{})
		if err != nil {
			return err
		}
		updated, _, _ := unstructured.NestedInt64(live.Object, "status", "updatedReplicas")
		replicas, _, _ := unstructured.NestedInt64(live.Object, "status", "replicas")
		if updated != 2 || replicas != 2 {
			return fmt.Errorf("%d of %d replicas are updated", updated, replicas)
		}
		_, err = v.on(replicaSets).Get(ctx, first, metav1.GetOptions{})
		return absent(err)
	})
}

// TestEndpointSlicesPass shrinks a Service from two EndpointSlices, which carry its labels, to one.
func TestEndpointSlicesPass(t *testing.T) {
	t.Parallel()
	v := newTenant(t)
	v.apply(services, `
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {clusterIP: None, publishNotReadyAddresses: true, selector: {app: web}, ports: [{port: 80}]}`)
	const full = 100 // endpoints in a slice
	var wg sync.WaitGroup
	for i := range full + 1 {
		wg.Go(func() {
			name, address := fmt.Sprintf("web-%d", i), fmt.Sprintf("10.1.0.%d", i+1)
			v.create(pods, v.object(pod(name)))
			v.patch(v.on(pods), name, fmt.Sprintf(`{"status":{"phase":"Running","podIP":%[1]q,"podIPs":[{"ip":%[1]q}]}}`, address), "status")
		})
	}
	wg.Wait()
	var slices [][]string // the Pods of each EndpointSlice that carries the label
	look := func(ctx context.Context) (err error) {
		slices, err = v.endpointSlices(ctx, v1alpha1.LabelPrevent+"=true,kubernetes.io/service-name=web")
		return err
	}
	eventually(t, "two EndpointSlices hold all endpoints", func(ctx context.Context) error {
		if err := look(ctx); err != nil || len(slices) != 2 || len(slices[0])+len(slices[1]) != full+1 {
			return errors.Join(fmt.Errorf("the EndpointSlices are %v", slices), err)
		}
		return nil
	})
	smaller := slices[0]
	if len(slices[1]) < len(smaller) {
		smaller = slices[1]
	}
	for _, pod := range smaller {
		v.must(nil, v.on(pods).Delete(background(), pod, metav1.DeleteOptions{}))
	}
	eventually(t, "one EndpointSlice is left", func(ctx context.Context) error {
		if err := look(ctx); err != nil || len(slices) != 1 || len(slices[0]) != full+1-len(smaller) {
			return errors.Join(fmt.Errorf("the EndpointSlices are %v", slices), err)
		}
		return nil
	})
}

func TestJobPasses(t *testing.T) {
	t.Parallel()
	v := newTenant(t)
	v.apply(jobs, `
apiVersion: batch/v1
kind: Job
metadata: {name: once}
spec:
  ttlSecondsAfterFinished: 0
  template:
    spec:
      restartPolicy: Never
      containers: [{name: main, image: example.org/job}]`)
	v.refused(nil, v.on(jobs).Delete(background(), "once", metav1.DeleteOptions{}))
	eventually(t, "the Job's Pod is there and ends", func(ctx context.Context) error {
		list, err := v.on(pods).List(ctx, metav1.ListOptions{LabelSelector: "job-name=once"})
		if err != nil || len(list.Items) == 0 {
			return errors.Join(errors.New("no Pod"), err)
		}
		name, succeeded := list.Items[0].GetName(), []byte(`{"status":{"phase":"Succeeded"}}`)
		_, err = v.on(pods).Patch(ctx, name, types.MergePatchType, succeeded, metav1.PatchOptions{}, "status")
		return err
	})
	v.gone(jobs, "once")
}

func TestPodPasses(t *testing.T) {
	t.Parallel()
	v := newTenant(t)
	kubelet := v.system("system:node:worker").Resource(pods).Namespace(v.namespace)
	for _, name := range []string{"graceful", "failed", "preempted", "evicted"} {
		object := v.protect(v.object(pod(name)))
		v.must(nil, unstructured.SetNestedField(object.Object, "worker", "spec", "nodeName")) // else there is no graceful end
		v.applyObject(pods, object)
		v.refused(nil, v.on(pods).Delete(background(), name, metav1.DeleteOptions{}))
	}
	t.Run("graceful end", func(t *testing.T) {
		v.must(nil, v.adminAs("ada", breakGlass).Resource(pods).Namespace(v.namespace).
			Delete(background(), "graceful", metav1.DeleteOptions{}))
		if v.get(pods, "graceful").GetDeletionTimestamp() == nil {
			t.Fatal("the Pod does not end gracefully")
		}
		v.must(nil, kubelet.Delete(background(), "graceful", metav1.DeleteOptions{GracePeriodSeconds: new(int64(0))}))
		v.gone(pods, "graceful")
	})
	t.Run("kubelet", func(*testing.T) {
		v.must(nil, kubelet.Delete(background(), "failed", metav1.DeleteOptions{GracePeriodSeconds: new(int64(0))}))
		v.gone(pods, "failed")
	})
	t.Run("scheduler", func(*testing.T) {
		v.must(nil, v.system("system:kube-scheduler").Resource(pods).Namespace(v.namespace).
			Delete(background(), "preempted", metav1.DeleteOptions{GracePeriodSeconds: new(int64(0))}))
		v.gone(pods, "preempted")
	})
	t.Run("eviction", func(*testing.T) {
		eviction := v.object("{apiVersion: policy/v1, kind: Eviction, metadata: {name: evicted}, deleteOptions: {gracePeriodSeconds: 0}}")
		v.must(v.on(pods).Create(background(), eviction, metav1.CreateOptions{}, "eviction"))
	})
}

// TestControlPlanePasses lets each of the exempt delete; a ServiceAccount of a like name is not.
func TestControlPlanePasses(t *testing.T) {
	t.Parallel()
	v := newTenant(t)
	for user, exempt := range map[string]bool{
		"system:kube-controller-manager":                       true,
		"system:serviceaccount:kube-system:generic-controller": true,
		"system:serviceaccount:kube-system-2:controller":       false,
		"system:kube-controller-manager-2":                     false,
		"kube-system":                                          false,
	} {
		v.apply(configMaps, configMap("settings"))
		client := v.system(user).Resource(configMaps).Namespace(v.namespace)
		v.refused(client.Patch(background(), "settings", types.MergePatchType, []byte(`{"data":null}`), metav1.PatchOptions{}))
		if err := client.Delete(background(), "settings", metav1.DeleteOptions{}); exempt {
			v.must(nil, err)
		} else {
			v.refused(nil, err)
		}
	}
}

// endpointSlices are the names of the Pods in each of the EndpointSlices that a selector selects.
func (v *tenant) endpointSlices(ctx context.Context, selector string) ([][]string, error) {
	list, err := v.kube.DiscoveryV1().EndpointSlices(v.namespace).List(ctx, metav1.ListOptions{LabelSelector: selector})
	if err != nil {
		return nil, err
	}
	slices := make([][]string, len(list.Items))
	for i, slice := range list.Items {
		for _, endpoint := range slice.Endpoints {
			slices[i] = append(slices[i], endpoint.TargetRef.Name)
		}
	}
	return slices, nil
}

// run does for Pods what a kubelet would.
func (v *tenant) run(ctx context.Context, selector string) error {
	list, err := v.on(pods).List(ctx, metav1.ListOptions{LabelSelector: selector})
	if err != nil {
		return err
	}
	for _, pod := range list.Items {
		body := []byte(`{"status":{"phase":"Running","conditions":[{"type":"Ready","status":"True"}]}}`)
		if _, err := v.on(pods).Patch(ctx, pod.GetName(), types.MergePatchType, body, metav1.PatchOptions{}, "status"); err != nil {
			return err
		}
	}
	return nil
}

// system is a part of the control plane, with the rights of an administrator.
func (v *tenant) system(user string) dynamic.Interface {
	v.t.Helper()
	return as(v.t, world.admin, rest.ImpersonationConfig{UserName: user, Groups: []string{"system:masters"}})
}

// replicaSetOf waits for the ReplicaSet of a Deployment.
func (v *tenant) replicaSetOf(name string) string {
	v.t.Helper()
	var found string
	eventually(v.t, "there is a ReplicaSet", func(ctx context.Context) error {
		list, err := v.on(replicaSets).List(ctx, metav1.ListOptions{LabelSelector: "app=" + name})
		if err != nil || len(list.Items) == 0 {
			return errors.Join(errors.New("there is none"), err)
		}
		found = list.Items[0].GetName()
		return nil
	})
	return found
}

// none waits until nothing is left of what a selector selects.
func (v *tenant) none(resource schema.GroupVersionResource, selector string) {
	v.t.Helper()
	eventually(v.t, "there are no "+resource.Resource+" of "+selector, func(ctx context.Context) error {
		list, err := v.on(resource).List(ctx, metav1.ListOptions{LabelSelector: selector})
		if err == nil && len(list.Items) > 0 {
			err = fmt.Errorf("there are %d", len(list.Items))
		}
		return err
	})
}
