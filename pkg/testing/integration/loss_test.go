package integration

import (
	"os"
	"path/filepath"
	"testing"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
	"nopea.io/nopea/pkg/testing/githttp"
)

// TestLossOfTheStore wipes nopea-apiserver's data and declares the same GitRepository again: everything is as it was, by the live
// objects' own word, and nothing is written to them or deleted. What Git no longer holds is listed, and waits for a confirmation.
func TestLossOfTheStore(t *testing.T) {
	own := ownSandbox(t)
	v := newTenantOn(t, own)
	repo := v.repo("shop", configMapFiles(5, "one"))
	v.declare("shop", repo.URL)
	v.ready("shop")
	versions := map[string]string{}
	for _, name := range []string{"cm-000", "cm-001", "cm-002", "cm-003", "cm-004"} {
		versions[name] = v.configMap(name).ResourceVersion
	}
	lose := func() {
		t.Helper()
		if err := own.Controller.Stop(); err != nil {
			t.Fatal(err)
		}
		if err := own.APIServer.Stop(); err != nil {
			t.Fatal(err)
		}
		stores := githttp.Must(filepath.Glob(filepath.Join(filepath.Dir(filepath.Dir(own.APIServer.Log())), "*", "etcd")))(t)
		if len(stores) != 1 {
			t.Fatalf("stores: %v", stores)
		}
		if err := os.RemoveAll(stores[0]); err != nil {
			t.Fatal(err)
		}
		if err := own.APIServer.Start(background()); err != nil {
			t.Fatal(err)
		}
		if err := own.Controller.Start(background()); err != nil {
			t.Fatal(err)
		}
		if err := own.WaitReady(background()); err != nil {
			t.Fatal(err)
		}
	}

	lose()
	mark := githttp.Must(own.Cluster.AuditLog().Mark())(t)
	v.declare("shop", repo.URL)
	ready := v.ready("shop")
	if got := ready.Status.Resources; got.Desired != 5 || got.Applied != 5 {
		t.Errorf("%+v", got)
	}
	for _, event := range v.tenantRequests(mark) {
		switch event.Verb {
		case "get", "list":
		case "patch":
			contains(t, event.RequestURI, "dryRun=All")
		default:
			t.Errorf("sent: %s", event)
		}
	}
	for name, version := range versions {
		if v.configMap(name).ResourceVersion != version {
			t.Errorf("%s was written", name)
		}
	}
	mark = githttp.Must(own.Cluster.AuditLog().Mark())(t)
	v.succeeded("shop")
	for _, event := range v.tenantRequests(mark) {
		if event.Verb != "list" {
			t.Errorf("once the inventory is made again, a sync sent: %s", event)
		}
	}

	lose()
	githttp.Must(repo.Delete("cm-004.yaml"))(t)
	commit := githttp.Must(repo.Resolve("main"))(t)
	v.declare("shop", repo.URL)
	v.condition("shop", v1alpha1.ConditionReady, "False", "PruneUnconfirmed")
	held := v.get("shop").Status.PendingPrune
	if held == nil || held.Count != 1 || held.Objects[0] != "ConfigMap "+v.namespace+"/cm-004" {
		t.Fatalf("pending prune: %+v", held)
	}
	v.configMap("cm-004")
	if done := v.succeeded("shop", v1alpha1.SyncSpec{ConfirmPrune: commit}); done.Status.Counts.Pruned != 1 {
		t.Fatalf("%+v", done.Status)
	}
	v.gone("cm-004")
	v.held(4)
}
