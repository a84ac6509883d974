package integration

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
	"nopea.io/nopea/pkg/testing/githttp"
)

// formerOwner is somebody from whom an application is moved to NOPEA.
type formerOwner struct {
	// labels and annotations that it writes on its objects, as YAML after a comma.
	labels, annotations string
	// kubectl is how it writes them.
	kubectl []string
	// key that a refusal names; empty where nobody is asked.
	key string
}

func formerOwners(namespace string) map[string]formerOwner {
	return map[string]formerOwner{
		"flux": {labels: ", kustomize.toolkit.fluxcd.io/name: apps, kustomize.toolkit.fluxcd.io/namespace: flux-system",
			kubectl: []string{"apply", "--server-side", "--field-manager=kustomize-controller"}, key: "flux:flux-system/apps"},
		"argo": {annotations: `, argocd.argoproj.io/tracking-id: "guestbook:apps/Deployment:x/web"`,
			kubectl: []string{"apply", "--server-side", "--field-manager=argocd-controller"}, key: "argocd:guestbook"},
		"helm": {labels: ", app.kubernetes.io/managed-by: Helm", annotations: ", meta.helm.sh/release-name: web, meta.helm.sh/release-namespace: " + namespace,
			kubectl: []string{"create", "--field-manager=helm"}, key: "helm:" + namespace + "/web"},
		"kubectl": {kubectl: []string{"apply"}},
	}
}

// serverSide is somebody who applies by hand.
var serverSide = formerOwner{kubectl: []string{"apply", "--server-side"}}

// application is a Deployment, a Service and a ConfigMap. What it holds beside the rest goes from Git in the end.
func application(name string, by formerOwner, more bool) string {
	minimum, variable, key, note := "", "", "", ""
	if more {
		minimum, variable, key, note = "\n  minReadySeconds: 7", "\n        - {name: SIZE, value: large}", "\n  more: x", ", note: x"
	}
	metadata := fmt.Sprintf("{name: %[1]s, labels: {app: %[1]s%[2]s}, annotations: {about: us%[3]s%[4]s}}", name, by.labels, by.annotations, note)
	return fmt.Sprintf(`apiVersion: apps/v1
kind: Deployment
metadata: %[2]s
spec:
  replicas: 2%[3]s
  selector: {matchLabels: {app: %[1]s}}
  template:
    metadata: {labels: {app: %[1]s}}
    spec:
      containers:
      - name: web
        image: registry.example.com/web:1
        ports: [{containerPort: 8080}]
        env:
        - {name: COLOUR, value: blue}%[4]s
---
apiVersion: v1
kind: Service
metadata: %[2]s
spec:
  selector: {app: %[1]s}
  ports: [{port: 80, targetPort: 8080}]
---
apiVersion: v1
kind: ConfigMap
metadata: %[2]s
data:
  key: x%[5]s
`, name, metadata, minimum, variable, key)
}

// TestAdopt moves applications here from those who applied them before: nothing of them changes but whose they are.
func TestAdopt(t *testing.T) {
	t.Parallel()
	v := newTenant(t)
	files := make(map[string]string)
	owners := formerOwners(v.namespace)
	for name, by := range owners {
		files[name+"/app.yaml"] = application(name, formerOwner{}, true)
		v.kubectlOK(application(name, by, true), append(by.kubectl, "-f", "-")...)
	}
	// Somebody scaled this one.
	v.kubectlOK("", "scale", "deployment/flux", "--replicas=2")
	repo := v.repo("shop", files)
	for name, by := range owners {
		v.declare(name, repo.URL, func(s *v1alpha1.GitRepositorySpec) { s.Path, s.Suspend = name, true })
		before := v.rolledOut(name)
		if by.key != "" {
			sync := v.failed(name, "Refused")
			contains(t, sync.Status.Error.Message, fmt.Sprintf("add %q to spec.adopt", by.key))
			contains(t, sync.Status.Error.Hint, "spec.adopt")
			v.respec(name, func(s *v1alpha1.GitRepositorySpec) { s.Adopt = []string{"helm:other/web"} })
			v.failed(name, "Refused")
			v.respec(name, func(s *v1alpha1.GitRepositorySpec) { s.Adopt = append(s.Adopt, by.key) })
		}
		for _, dryRun := range []bool{true, false} {
			sync := v.succeeded(name, v1alpha1.SyncSpec{DryRun: dryRun})
			if *sync.Status.Counts != (v1alpha1.SyncCounts{Adopted: 3}) || len(sync.Status.Changes) != 3 || sync.Status.Changes[0].Action != v1alpha1.SyncActionAdopted {
				t.Fatalf("%s, dry run %v: %+v %+v", name, dryRun, sync.Status.Counts, sync.Status.Changes)
			}
			contains(t, sync.Status.Changes[0].Message, "taken over from")
		}
		v.nothingRestarted(name, before)
		v.ownedAlone(name)
		if again := v.succeeded(name); *again.Status.Counts != (v1alpha1.SyncCounts{Unchanged: 3}) {
			t.Fatalf("%s, once more: %+v %+v", name, again.Status.Counts, again.Status.Changes)
		}
	}
	for name := range owners {
		files[name+"/app.yaml"] = application(name, formerOwner{}, false)
	}
	githttp.Must(repo.Commit(files))(t)
	for name := range owners {
		if sync := v.succeeded(name); sync.Status.Counts.Configured < 2 {
			t.Errorf("%s: %+v", name, sync.Status.Counts)
		}
		deployment := githttp.Must(v.kube.AppsV1().Deployments(v.namespace).Get(background(), name, metav1.GetOptions{}))(t)
		settings := v.configMap(name)
		if deployment.Spec.MinReadySeconds != 0 || len(deployment.Spec.Template.Spec.Containers[0].Env) != 1 || deployment.Annotations["note"] != "" || settings.Data["more"] != "" {
			t.Errorf("%s: what was taken out of Git is there still: %+v %+v", name, deployment.Spec, settings.Data)
		}
	}
}

// rollout is a Deployment and what its controllers made of it.
type rollout struct {
	deployment *appsv1.Deployment
	// made are the generations of its ReplicaSets and Pods by uid.
	made map[types.UID]int64
}

// rolledOut waits until the controllers have seen a Deployment as it is, and returns what they made.
func (v *tenant) rolledOut(name string) rollout {
	v.t.Helper()
	var found rollout
	v.eventually("Deployment "+name+" is rolled out", func(ctx context.Context) (err error) {
		if found.deployment, err = v.kube.AppsV1().Deployments(v.namespace).Get(ctx, name, metav1.GetOptions{}); err != nil {
			return err
		}
		mine := metav1.ListOptions{LabelSelector: "app=" + name}
		sets, err := v.kube.AppsV1().ReplicaSets(v.namespace).List(ctx, mine)
		if err != nil {
			return err
		}
		pods, err := v.kube.CoreV1().Pods(v.namespace).List(ctx, mine)
		if err != nil {
			return err
		}
		found.made = make(map[types.UID]int64)
		for i := range sets.Items {
			found.made[sets.Items[i].UID] = sets.Items[i].Generation
		}
		for i := range pods.Items {
			found.made[pods.Items[i].UID] = pods.Items[i].Generation
		}
		if len(sets.Items) == 0 || len(pods.Items) < int(*found.deployment.Spec.Replicas) || found.deployment.Status.ObservedGeneration != found.deployment.Generation {
			return fmt.Errorf("%d ReplicaSets, %d Pods, status %+v", len(sets.Items), len(pods.Items), found.deployment.Status)
		}
		return nil
	})
	return found
}

// nothingRestarted fails the test unless an application is the same as before, to its last Pod. The Deployment's own generation also counts
// changes of its annotations.
func (v *tenant) nothingRestarted(name string, before rollout) {
	v.t.Helper()
	after := v.rolledOut(name)
	if after.deployment.UID != before.deployment.UID || !reflect.DeepEqual(after.deployment.Spec, before.deployment.Spec) || !maps.Equal(after.made, before.made) {
		v.t.Errorf("%s was:\n%+v\nand is:\n%+v", name, before, after)
	}
}

// ownedAlone fails the test if anybody but NOPEA declares an application, or marks it.
func (v *tenant) ownedAlone(name string) {
	v.t.Helper()
	deployment := githttp.Must(v.kube.AppsV1().Deployments(v.namespace).Get(background(), name, metav1.GetOptions{}))(v.t)
	service := githttp.Must(v.kube.CoreV1().Services(v.namespace).Get(background(), name, metav1.GetOptions{}))(v.t)
	for _, object := range []metav1.Object{deployment, service, v.configMap(name)} {
		for _, entry := range object.GetManagedFields() {
			if entry.Subresource == "" && entry.Manager != v1alpha1.FieldManager && entry.Manager != "kube-controller-manager" {
				v.t.Errorf("%s: %s holds %s", name, entry.Manager, entry.FieldsV1)
			}
		}
		for key := range object.GetAnnotations() {
			if !slices.Contains([]string{"about", "note", "nopea.io/origin", "deployment.kubernetes.io/revision"}, key) {
				v.t.Errorf("%s has the annotation %s", name, key)
			}
		}
		for key := range object.GetLabels() {
			if key != "app" && !strings.HasPrefix(key, "nopea.io/") {
				v.t.Errorf("%s has the label %s", name, key)
			}
		}
	}
}

// TestAdoptChanges: what the former owner held and Git does not is planned to go, and goes.
func TestAdoptChanges(t *testing.T) {
	t.Parallel()
	v := newTenant(t)
	for name, by := range map[string]formerOwner{"helm": formerOwners(v.namespace)["helm"], "server-side": serverSide} {
		v.kubectlOK(application(name, by, true), append(by.kubectl, "-f", "-")...)
		repo := v.repo(name, map[string]string{"app.yaml": application(name, formerOwner{}, false)})
		v.declare(name, repo.URL, func(s *v1alpha1.GitRepositorySpec) { s.Suspend, s.Adopt = true, []string{"argocd:none"} })
		if by.key != "" {
			v.respec(name, func(s *v1alpha1.GitRepositorySpec) { s.Adopt = []string{by.key} })
		}
		for _, dryRun := range []bool{true, false} {
			if sync := v.succeeded(name, v1alpha1.SyncSpec{DryRun: dryRun}); *sync.Status.Counts != (v1alpha1.SyncCounts{Configured: 3}) {
				t.Fatalf("%s, dry run %v: %+v %+v", name, dryRun, sync.Status.Counts, sync.Status.Changes)
			}
		}
		if settings := v.configMap(name); settings.Data["more"] != "" || settings.Annotations["note"] != "" {
			t.Errorf("%s: %v %v", name, settings.Data, settings.Annotations)
		}
	}
}

// TestAdoptFromGitRepository ends in one state: the one that adopts has the object, and the other says so.
func TestAdoptFromGitRepository(t *testing.T) {
	t.Parallel()
	v := newTenant(t)
	first := v.repo("first", map[string]string{"app.yaml": configMapYAML("settings", "first"), "own.yaml": configMapYAML("own", "x")})
	v.declare("first", first.URL)
	v.ready("first")
	uid := v.configMap("settings").UID
	second := v.repo("second", map[string]string{"app.yaml": configMapYAML("settings", "second")})
	v.declare("second", second.URL, func(s *v1alpha1.GitRepositorySpec) { s.Adopt = []string{"gitrepository:" + v.namespace + "/first"} })
	v.ready("second")
	lost := v.condition("first", v1alpha1.ConditionReady, metav1.ConditionFalse, "Refused")
	contains(t, lost.Status.LastError.Message, "GitRepository "+v.namespace+"/second", "adopts from this one")
	// Neither writes it any more, and the edit of somebody else is put back to what the second holds.
	before := v.configMap("settings")
	v.failed("first", "Refused")
	v.succeeded("second")
	if after := v.configMap("settings"); after.UID != uid || after.ResourceVersion != before.ResourceVersion || after.Data["key"] != "second" {
		t.Fatalf("it was written again: %+v", after)
	}
	v.must(v.kube.CoreV1().ConfigMaps(v.namespace).Patch(background(), "settings", types.MergePatchType, []byte(`{"data":{"key":"edited"}}`), metav1.PatchOptions{}))
	v.eventually("the edit is put back", func(context.Context) error {
		if value := v.configMap("settings").Data["key"]; value != "second" {
			return errors.New(value)
		}
		return nil
	})
	// Those who would take it from each other for ever are refused.
	v.respec("first", func(s *v1alpha1.GitRepositorySpec) { s.Adopt = []string{"gitrepository:" + v.namespace + "/second"} })
	lost = v.condition("first", v1alpha1.ConditionReady, metav1.ConditionFalse, "Refused")
	contains(t, lost.Status.LastError.Message, "adopts from this one")
	// Gone from its Git, it is not the first's to delete.
	githttp.Must(first.Delete("app.yaml"))(t)
	v.succeeded("first")
	if after := v.configMap("settings"); after.UID != uid || after.Labels[v1alpha1.LabelRepository] != "second" {
		t.Fatalf("%+v", after)
	}
}

// TestHandOver moves objects between two GitRepositories by one push, whichever runs first. They are never deleted.
func TestHandOver(t *testing.T) {
	t.Parallel()
	v := newTenant(t)
	files := map[string]string{"a/keep.yaml": configMapYAML("keep-a", "x"), "b/keep.yaml": configMapYAML("keep-b", "x")}
	const size = 12
	for path, content := range configMapFiles(size, "x") {
		files["a/app/"+path] = content
	}
	repo := v.repo("shop", files)
	for _, name := range []string{"a", "b"} {
		v.declare(name, repo.URL, func(s *v1alpha1.GitRepositorySpec) { s.Path = name })
		v.ready(name)
	}
	uids := make(map[string]types.UID)
	for i := range size {
		name := fmt.Sprintf("cm-%03d", i)
		uids[name] = v.configMap(name).UID
	}
	from, to := "a", "b"
	for round := range 9 {
		githttp.Must(repo.Move(from+"/app", to+"/app"))(t)
		switch round % 3 {
		case 0: // the one that loses them first
			if sync := v.succeeded(from); round == 0 && sync.Status.Counts.Released != size || sync.Status.Counts.Pruned != 0 {
				t.Fatalf("%+v", sync.Status)
			}
			v.succeeded(to)
		case 1: // the one that gains them first
			// The one that lost them last may have been told so late that it has this commit already.
			v.succeeded(to)
			v.succeeded(from)
		default: // both at once
			one, other := v.post(from), v.post(to)
			v.finished(one.Name)
			v.finished(other.Name)
		}
		v.eventually("they are handed over", func(context.Context) error {
			for name, uid := range uids {
				if found := v.configMap(name); found.UID != uid || found.Labels[v1alpha1.LabelRepository] != to {
					return fmt.Errorf("%s: %s of %s", name, found.UID, found.Labels[v1alpha1.LabelRepository])
				}
			}
			return v.recorded(map[string]int{from: 1, to: size + 1})
		})
		v.ready(from)
		v.ready(to)
		from, to = to, from
	}
	// What nobody holds any more goes.
	githttp.Must(repo.Delete(from + "/app/cm-000.yaml"))(t)
	if sync := v.succeeded(from); sync.Status.Counts.Pruned != 1 {
		t.Fatalf("%+v", sync.Status)
	}
	v.gone("cm-000")
}

// recorded compares how many objects the inventories of GitRepositories hold.
func (v *tenant) recorded(want map[string]int) error {
	v.t.Helper()
	list := githttp.Must(v.api.Inventories(v.namespace).List(background(), metav1.ListOptions{}))(v.t)
	have := make(map[string]int)
	for i := range list.Items {
		have[list.Items[i].Spec.Repository] += len(list.Items[i].Spec.Entries)
	}
	for name, count := range want {
		if have[name] != count {
			return fmt.Errorf("GitRepository %s has %d objects, want %d", name, have[name], count)
		}
	}
	return nil
}
