package integration

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv1 "k8s.io/api/autoscaling/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
	"nopea.io/nopea/pkg/testing/githttp"
)

// deploymentYAML is a Deployment of one container; the controllers of the local cluster make its Pods, which stay pending.
func deploymentYAML(name string, replicas int, image string) string {
	return fmt.Sprintf(`apiVersion: apps/v1
kind: Deployment
metadata: {name: %[1]s}
spec:
  replicas: %[2]d
  selector: {matchLabels: {app: %[1]s}}
  template:
    metadata: {labels: {app: %[1]s}}
    spec:
      containers:
      - name: web
        image: %[3]s
        env: [{name: A, value: "1"}, {name: B, value: "2"}]
`, name, replicas, image)
}

func (v *tenant) deployment(name string) *appsv1.Deployment {
	v.t.Helper()
	return githttp.Must(v.kube.AppsV1().Deployments(v.namespace).Get(background(), name, metav1.GetOptions{}))(v.t)
}

// scale sets replicas through the subresource, as kubectl scale and the autoscaler do.
func (v *tenant) scale(name string, replicas int32, manager string) {
	v.t.Helper()
	scale := &autoscalingv1.Scale{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: v.namespace}, Spec: autoscalingv1.ScaleSpec{Replicas: replicas}}
	v.must(v.kube.AppsV1().Deployments(v.namespace).UpdateScale(background(), name, scale, metav1.UpdateOptions{FieldManager: manager}))
}

func (v *tenant) replicas(name string, want int32) {
	v.t.Helper()
	v.eventually(fmt.Sprintf("Deployment %s has %d replicas", name, want), func(context.Context) error {
		if got := *v.deployment(name).Spec.Replicas; got != want {
			return fmt.Errorf("it has %d", got)
		}
		return nil
	})
}

// strategic edits a Deployment as kubectl edit does.
func (v *tenant) strategic(name, patch string) {
	v.t.Helper()
	v.must(v.kube.AppsV1().Deployments(v.namespace).Patch(background(), name, types.StrategicMergePatchType, []byte(patch),
		metav1.PatchOptions{FieldManager: "kubectl-edit"}))
}

// TestAutoscaler: what the HorizontalPodAutoscaler scales is left to it, also by syncs; what a person scales is undone.
func TestAutoscaler(t *testing.T) {
	t.Parallel()
	v := newTenant(t)
	repo := v.repo("shop", map[string]string{"web.yaml": deploymentYAML("web", 1, "nginx:1"), "plain.yaml": deploymentYAML("plain", 1, "nginx:1")})
	v.declare("shop", repo.URL)
	v.ready("shop")

	v.scale("plain", 3, "kubectl")
	v.replicas("plain", 1)
	after := v.drift("shop", "the scaling is told", func(d *v1alpha1.DriftStatus) bool { return d.Repaired == 1 })
	if undone := found(after.Status.Drift, "plain", v1alpha1.DriftStateRepaired); undone == nil || undone.Manager != "kubectl (/scale)" ||
		!slices.Equal(undone.Fields, []string{"spec.replicas"}) {
		t.Errorf("the status says: %+v", undone)
	}

	v.scale("web", 5, "kube-controller-manager")
	contains(t, v.event("YieldedToAutoscaler", "web"), "spec.replicas", "web.yaml")
	v.strategic("plain", `{"spec":{"replicas":2}}`)
	v.replicas("plain", 1)
	v.replicas("web", 5)
	// A sync of something else leaves it as well.
	githttp.Must(repo.Commit(map[string]string{"web.yaml": deploymentYAML("web", 1, "nginx:2")}))(t)
	if sync := v.succeeded("shop"); sync.Status.Counts.Configured != 1 {
		t.Errorf("%+v", sync.Status.Counts)
	}
	if live := v.deployment("web"); *live.Spec.Replicas != 5 || live.Spec.Template.Spec.Containers[0].Image != "nginx:2" {
		t.Errorf("after the sync it has %d replicas of %s", *live.Spec.Replicas, live.Spec.Template.Spec.Containers[0].Image)
	}
	if sync := v.succeeded("shop"); sync.Status.Counts.Unchanged != 2 {
		t.Errorf("the next sync: %+v", sync.Status.Counts)
	}
	// The autoscaler is gone, and a person scales.
	v.scale("web", 7, "kubectl")
	v.replicas("web", 1)
}

// TestExtraFields names what somebody added to an applied object, takes it away where it is told to, and never undoes a restart.
func TestExtraFields(t *testing.T) {
	t.Parallel()
	v := newTenant(t)
	repo := v.repo("shop", map[string]string{"web.yaml": deploymentYAML("web", 1, "nginx:1")})
	v.declare("shop", repo.URL)
	v.ready("shop")
	v.strategic("web", `{"spec":{"template":{"metadata":{"annotations":{"kubectl.kubernetes.io/restartedAt":"2026-01-01T00:00:00Z"}}}}}`)
	v.strategic("web", `{"spec":{"template":{"spec":{"containers":[{"name":"debug","image":"busybox"}]}}}}`)
	after := v.drift("shop", "the container is told", func(d *v1alpha1.DriftStatus) bool { return d.Extra == 1 })
	if added := found(after.Status.Drift, "web", v1alpha1.DriftStateExtra); added == nil || added.Manager != "kubectl-edit" ||
		!slices.Equal(added.Fields, []string{`spec.template.spec.containers[name="debug"]`}) {
		t.Errorf("the status says: %+v", added)
	}
	if len(v.deployment("web").Spec.Template.Spec.Containers) != 2 {
		t.Error("it was taken away")
	}
	v.respec("shop", func(s *v1alpha1.GitRepositorySpec) { s.ExtraFields = v1alpha1.ExtraFieldsRemove })
	v.eventually("the container is gone", func(context.Context) error {
		if count := len(v.deployment("web").Spec.Template.Spec.Containers); count != 1 {
			return fmt.Errorf("there are %d", count)
		}
		return nil
	})
	if v.deployment("web").Spec.Template.Annotations["kubectl.kubernetes.io/restartedAt"] == "" {
		t.Error("a restart was undone")
	}
	v.drift("shop", "nothing is extra", func(d *v1alpha1.DriftStatus) bool { return d.Extra == 0 })
}

// TestReorder finds a keyed list in another order, which no ownership shows.
func TestReorder(t *testing.T) {
	t.Parallel()
	v := newTenant(t)
	repo := v.repo("shop", map[string]string{"web.yaml": deploymentYAML("web", 1, "nginx:1")})
	v.declare("shop", repo.URL)
	v.ready("shop")
	v.must(v.kube.AppsV1().Deployments(v.namespace).Patch(background(), "web", types.JSONPatchType,
		[]byte(`[{"op":"replace","path":"/spec/template/spec/containers/0/env","value":[{"name":"B","value":"2"},{"name":"A","value":"1"}]}]`),
		metav1.PatchOptions{FieldManager: "kubectl-edit"}))
	v.eventually("the order is Git's", func(context.Context) error {
		if env := v.deployment("web").Spec.Template.Spec.Containers[0].Env; env[0].Name != "A" {
			return fmt.Errorf("it is %v", env)
		}
		return nil
	})
}

// TestIgnoreDifferences leaves fields to somebody else with their live value, also when that is asked for later.
func TestIgnoreDifferences(t *testing.T) {
	t.Parallel()
	v := newTenant(t)
	v.bind("", "cluster-admin")
	const bundle = "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCg=="
	webhook := fmt.Sprintf(`apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: {name: %s-hooks, annotations: {cert-manager.io/inject-ca-from: a/b}}
webhooks:
- name: one.example.com
  admissionReviewVersions: [v1]
  sideEffects: None
  failurePolicy: Ignore
  clientConfig: {url: "https://127.0.0.1:1/", caBundle: Cg==}
  rules: [{apiGroups: [none.example.com], apiVersions: [v1], operations: [CREATE], resources: [none]}]
`, v.namespace)
	repo := v.repo("shop", map[string]string{
		"early.yaml": deploymentYAML("early", 1, "nginx:1"), "late.yaml": deploymentYAML("late", 1, "nginx:1"), "hooks.yaml": webhook,
	})
	rule := func(names ...string) []v1alpha1.IgnoreDifference {
		var rules []v1alpha1.IgnoreDifference
		for _, name := range names {
			rules = append(rules, v1alpha1.IgnoreDifference{Group: "apps", Kind: "Deployment", Name: name, JSONPointers: []string{"/spec/replicas"}})
		}
		return rules
	}
	v.declare("shop", repo.URL, func(s *v1alpha1.GitRepositorySpec) { s.IgnoreDifferences = rule("early") })
	v.ready("shop")
	v.replicas("early", 1) // what Git has, to begin with
	v.scale("early", 4, "kubectl")

	// A rule that comes later: the value that is live then stays.
	v.respec("shop", func(s *v1alpha1.GitRepositorySpec) { s.IgnoreDifferences = rule("early", "late") })
	v.ready("shop")
	v.scale("late", 6, "kubectl")

	hooks := v.kube.AdmissionregistrationV1().ValidatingWebhookConfigurations()
	v.must(hooks.Patch(background(), v.namespace+"-hooks", types.JSONPatchType,
		[]byte(`[{"op":"replace","path":"/webhooks/0/clientConfig/caBundle","value":"`+bundle+`"}]`), metav1.PatchOptions{FieldManager: "injector"}))
	for round := range 2 {
		githttp.Must(repo.Commit(map[string]string{
			"early.yaml": deploymentYAML("early", 1, fmt.Sprintf("nginx:%d", round+2)), "late.yaml": deploymentYAML("late", 1, fmt.Sprintf("nginx:%d", round+2)),
			"hooks.yaml": strings.Replace(webhook, "a/b", fmt.Sprintf("a/b%d", round), 1),
		}))(t)
		if sync := v.succeeded("shop"); sync.Status.Counts.Configured != 3 {
			t.Errorf("%+v", sync.Status.Counts)
		}
		v.replicas("early", 4)
		v.replicas("late", 6)
		live := githttp.Must(hooks.Get(background(), v.namespace+"-hooks", metav1.GetOptions{}))(t)
		if len(live.Webhooks[0].ClientConfig.CABundle) < 10 {
			t.Error("the injected caBundle was taken away")
		}
	}
	if drift := v.get("shop").Status.Drift; drift != nil && drift.Repaired > 0 {
		t.Errorf("something was put back: %+v", drift)
	}
	// Other fields are kept all the same.
	v.strategic("early", `{"spec":{"template":{"spec":{"containers":[{"name":"web","image":"evil"}]}}}}`)
	v.eventually("the image is Git's", func(context.Context) error {
		if image := v.deployment("early").Spec.Template.Spec.Containers[0].Image; image != "nginx:3" {
			return fmt.Errorf("it is %s", image)
		}
		return nil
	})
	v.replicas("early", 4)
}

// TestNotRecreated: what has run, or is marked so, comes back only with another manifest; what went with its namespace is not fought for.
func TestNotRecreated(t *testing.T) {
	t.Parallel()
	v := newTenant(t)
	repo := v.repo("shop", map[string]string{
		"once.yaml":    strings.Replace(configMapYAML("once", "one"), "  name:", "  annotations: {nopea.io/recreate: disabled}\n  name:", 1),
		"witness.yaml": configMapYAML("witness", "one"),
	})
	v.declare("shop", repo.URL)
	v.ready("shop")
	if err := v.kube.CoreV1().ConfigMaps(v.namespace).Delete(background(), "once", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	absent := func() error { v.gone("once"); return nil }
	v.stays("witness", absent)
	if sync := v.succeeded("shop"); sync.Status.Counts.Created != 0 {
		t.Errorf("%+v", sync.Status.Counts)
	}
	v.stays("witness", absent)
	githttp.Must(repo.Commit(map[string]string{"once.yaml": strings.Replace(configMapYAML("once", "two"), "  name:", "  annotations: {nopea.io/recreate: disabled}\n  name:", 1)}))(t)
	v.succeeded("shop")
	v.holds("once", "two")
}

// TestRenamedListItem puts a list item back that was turned into another one, where both together would be invalid.
func TestRenamedListItem(t *testing.T) {
	t.Parallel()
	v := newTenant(t)
	service := func(port int) string {
		return fmt.Sprintf("apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec:\n  selector: {app: web}\n  ports:\n  - {name: http, port: %d, targetPort: http}\n  - {name: admin, port: 9000}\n", port)
	}
	ports := func(want ...int32) {
		t.Helper()
		v.eventually(fmt.Sprintf("the ports are %v", want), func(ctx context.Context) error {
			live, err := v.kube.CoreV1().Services(v.namespace).Get(ctx, "web", metav1.GetOptions{})
			if err != nil {
				return err
			}
			var got []int32
			for _, port := range live.Spec.Ports {
				got = append(got, port.Port)
			}
			if !slices.Equal(got, want) {
				return fmt.Errorf("they are %v", got)
			}
			return nil
		})
	}
	repo := v.repo("shop", map[string]string{"web.yaml": service(80)})
	v.declare("shop", repo.URL)
	v.ready("shop")
	edit := func(port int) {
		t.Helper()
		v.must(v.kube.CoreV1().Services(v.namespace).Patch(background(), "web", types.JSONPatchType,
			[]byte(fmt.Sprintf(`[{"op":"replace","path":"/spec/ports/0/port","value":%d}]`, port)), metav1.PatchOptions{FieldManager: "kubectl-edit"}))
	}
	edit(81)
	ports(80, 9000)
	after := v.drift("shop", "the repair is told", func(d *v1alpha1.DriftStatus) bool { return d.Repaired == 1 && d.Drifted == 0 })
	if edited := found(after.Status.Drift, "web", v1alpha1.DriftStateRepaired); edited == nil || len(edited.Fields) == 0 || !strings.Contains(edited.Fields[0], "spec.ports") {
		t.Errorf("the status says: %+v", edited)
	}
	// The same met by a sync.
	v.respec("shop", policy(v1alpha1.DriftPolicyWarn))
	v.ready("shop")
	edit(82)
	v.drift("shop", "the edit is told", func(d *v1alpha1.DriftStatus) bool { return d.Drifted == 1 })
	githttp.Must(repo.Commit(map[string]string{"web.yaml": service(83)}))(t)
	v.succeeded("shop")
	ports(83, 9000)
}
