package apiserver

import (
	"context"
	"fmt"
	"strings"
	"testing"

	clientv3 "go.etcd.io/etcd/client/v3"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
	nopeaclient "nopea.io/nopea/pkg/generated/clientset/versioned/typed/nopea/v1alpha1"
)

func storePlan(t *testing.T, syncs nopeaclient.SyncInterface, name, object string) {
	t.Helper()
	plan := &v1alpha1.Plan{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: namespace},
		Objects: []v1alpha1.PlannedObject{{Action: v1alpha1.PlanActionCreate, APIVersion: "v1", Kind: "ConfigMap", Name: object}}}
	if _, err := syncs.UpdatePlan(t.Context(), name, plan, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
}

// TestPlans keeps the plan of a dry run as long as its Sync: it is replaced by a later one, survives a restart, and is gone with the Sync
// whoever deletes it, so that another Sync of that name has none.
func TestPlans(t *testing.T) {
	dir := t.TempDir()
	s := startServer(t, dir, nil)
	s.createRepository(t, "shop")
	syncs := s.client(t, controllerUser).Syncs(namespace)
	dry := func(name string) *v1alpha1.Sync {
		t.Helper()
		sync, err := syncs.Create(t.Context(), &v1alpha1.Sync{ObjectMeta: metav1.ObjectMeta{Name: name},
			Spec: v1alpha1.SyncSpec{Repository: "shop", DryRun: true}}, metav1.CreateOptions{})
		if err != nil {
			t.Fatal(err)
		}
		return sync
	}
	missing := func(name, words string) {
		t.Helper()
		if _, err := syncs.GetPlan(t.Context(), name, metav1.GetOptions{}); !apierrors.IsNotFound(err) || !strings.Contains(err.Error(), words) {
			t.Errorf("%s: got %v, want not found, with %q", name, err, words)
		}
	}
	dry("a")
	missing("a", "no plan yet")
	missing("nobody", `syncs.nopea.io "nobody" not found`)
	storePlan(t, syncs, "a", "first")
	storePlan(t, syncs, "a", "second")
	if plan, err := syncs.GetPlan(t.Context(), "a", metav1.GetOptions{}); err != nil || plan.Objects[0].Name != "second" || len(plan.ManagedFields) > 0 {
		t.Errorf("got %+v, %v", plan, err)
	}
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	s = startServer(t, dir, nil)
	syncs = s.client(t, controllerUser).Syncs(namespace)
	if plan, err := syncs.GetPlan(t.Context(), "a", metav1.GetOptions{}); err != nil || plan.Objects[0].Name != "second" {
		t.Errorf("after a restart: %+v, %v", plan, err)
	}
	if err := syncs.Delete(t.Context(), "a", metav1.DeleteOptions{DryRun: []string{metav1.DryRunAll}}); err != nil {
		t.Fatal(err)
	}
	if _, err := syncs.GetPlan(t.Context(), "a", metav1.GetOptions{}); err != nil {
		t.Errorf("a dry run of a deletion took the plan: %v", err)
	}
	for name, remove := range map[string]func() error{
		"Delete": func() error { return syncs.Delete(t.Context(), "a", metav1.DeleteOptions{}) },
		"DeleteCollection": func() error {
			return syncs.DeleteCollection(t.Context(), metav1.DeleteOptions{}, metav1.ListOptions{})
		},
	} {
		if err := remove(); err != nil {
			t.Fatal(err)
		}
		dry("a")
		missing("a", "no plan yet")
		if got := s.plansStored(t); len(got) != 0 {
			t.Errorf("%s left %v", name, got)
		}
		storePlan(t, syncs, "a", name)
	}

	// A process that ends between two writes leaves a plan behind; the next start finds it.
	etcd := s.etcd(t)
	for key, value := range s.plansStored(t) {
		if _, err := etcd.Put(t.Context(), strings.TrimSuffix(key, "a")+"z", strings.ReplaceAll(value, `"name":"a"`, `"name":"z"`)); err != nil {
			t.Fatal(err)
		}
	}
	if got := s.plansStored(t); len(got) != 2 {
		t.Fatalf("%v is stored", got)
	}
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	s = startServer(t, dir, nil)
	syncs = s.client(t, controllerUser).Syncs(namespace)
	eventually(t, "the plan without a Sync is gone", func(context.Context) (bool, error) { return len(s.plansStored(t)) == 1, nil })
	if _, err := syncs.GetPlan(t.Context(), "a", metav1.GetOptions{}); err != nil {
		t.Error(err)
	}

	applied := mustPost(t, s, "anna", "shop", v1alpha1.Sync{})
	missing(applied.Name, "it is no dry run")
	if _, err := syncs.UpdatePlan(t.Context(), applied.Name, &v1alpha1.Plan{ObjectMeta: metav1.ObjectMeta{Name: applied.Name, Namespace: namespace}}, metav1.UpdateOptions{}); !apierrors.IsNotFound(err) {
		t.Errorf("a plan of what is no dry run: %v", err)
	}
	large := &v1alpha1.Plan{ObjectMeta: metav1.ObjectMeta{Name: "a", Namespace: namespace}}
	for i := range 1100 {
		large.Objects = append(large.Objects, v1alpha1.PlannedObject{Action: v1alpha1.PlanActionFail, Kind: "ConfigMap", Name: fmt.Sprint(i), Message: strings.Repeat("x", 1000)})
	}
	if _, err := syncs.UpdatePlan(t.Context(), "a", large, metav1.UpdateOptions{}); !apierrors.IsInvalid(err) || !strings.Contains(err.Error(), "objects") {
		t.Errorf("a plan that is too large: %v", err)
	}
}

// etcd is a client of the server's store.
func (s *server) etcd(t *testing.T) *clientv3.Client {
	t.Helper()
	client, err := clientv3.New(clientv3.Config{Endpoints: s.options.Recommended.Etcd.StorageConfig.Transport.ServerList})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	return client
}

// plansStored are the plans in the store, by their key.
func (s *server) plansStored(t *testing.T) map[string]string {
	t.Helper()
	answer, err := s.etcd(t).Get(t.Context(), storagePrefix+"/"+v1alpha1.GroupName+"/plans/", clientv3.WithPrefix())
	if err != nil {
		t.Fatal(err)
	}
	stored := make(map[string]string)
	for _, pair := range answer.Kvs {
		stored[string(pair.Key)] = string(pair.Value)
	}
	return stored
}
