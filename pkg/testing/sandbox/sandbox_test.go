package sandbox_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"

	"nopea.io/nopea/pkg/testing/localcluster"
	"nopea.io/nopea/pkg/testing/sandbox"
)

var nopea *sandbox.Sandbox

func TestMain(m *testing.M) {
	os.Exit(sandbox.Main(m, sandbox.Options{}, func(s *sandbox.Sandbox) { nopea = s }))
}

func TestUsersReachTheAPI(t *testing.T) {
	for _, args := range []string{
		"get gr --all-namespaces",
		"get gitrepositories,syncs,inventories --all-namespaces",
		"explain gitrepository.spec.url",
	} {
		t.Run(args, func(t *testing.T) {
			// kube-apiserver takes a moment to merge the API's description with its own.
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			err := wait.PollUntilContextCancel(ctx, 200*time.Millisecond, true, func(ctx context.Context) (bool, error) {
				_, lastErr := nopea.Cluster.Kubectl(ctx, nil, strings.Fields(args)...)
				if lastErr != nil {
					t.Log(lastErr)
				}
				return lastErr == nil, nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
}

func TestServersHaveTheShippedRights(t *testing.T) {
	for _, user := range []string{sandbox.APIServerUser, sandbox.ControllerUser} {
		events, err := nopea.Cluster.AuditLog().Since(localcluster.Mark{}, localcluster.Match{User: user})
		if err != nil {
			t.Fatal(err)
		}
		if len(events) == 0 {
			t.Errorf("no request by %s is in the audit log", user)
		}
		for _, event := range events {
			if event.Code == 403 {
				t.Errorf("a shipped right is missing: %s", event)
			}
		}
	}
}

func TestShippedManifestsAreAccepted(t *testing.T) {
	root, err := localcluster.Root()
	if err != nil {
		t.Fatal(err)
	}
	// The sandbox itself uses neither the Deployments nor the Service.
	_, err = nopea.Cluster.Kubectl(t.Context(), nil, "apply", "--server-side", "--force-conflicts", "--dry-run=server",
		"--validate=strict", "-k", filepath.Join(root, "artifacts", "install"))
	if err != nil {
		t.Error(err)
	}
}

func TestServersComeBack(t *testing.T) {
	for name, end := range map[string]func() error{
		"the API server, killed":  nopea.APIServer.Kill,
		"the API server, stopped": nopea.APIServer.Stop,
		"the controller, killed":  nopea.Controller.Kill,
		"the controller, stopped": nopea.Controller.Stop,
	} {
		t.Run(name, func(t *testing.T) {
			if err := end(); err != nil {
				t.Fatal(err)
			}
			process := nopea.APIServer
			if strings.Contains(name, "controller") {
				process = nopea.Controller
			}
			if err := process.Start(t.Context()); err != nil {
				t.Fatal(err)
			}
			if err := nopea.WaitReady(t.Context()); err != nil {
				t.Fatal(err)
			}
		})
	}
	t.Run("a component of the cluster, killed", func(t *testing.T) {
		if err := nopea.Cluster.Kill(localcluster.APIServer); err != nil {
			t.Fatal(err)
		}
		if err := nopea.WaitReady(t.Context()); err != nil {
			t.Fatal(err)
		}
	})
}
