package citizen

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"nopea.io/nopea/pkg/testing/githttp"
	"nopea.io/nopea/pkg/testing/localcluster"
	"nopea.io/nopea/pkg/testing/sandbox"
)

// world is the cluster with NOPEA on it that most tests of this package share. Each works in namespaces of its own, and stops nothing.
var world *sandbox.Sandbox

func TestMain(m *testing.M) {
	os.Exit(sandbox.Main(m, sandbox.Options{}, func(s *sandbox.Sandbox) { world = s }))
}

// ownWorld is a cluster of the test's own, for tests that stop servers, and the folder of its NOPEA.
func ownWorld(t *testing.T) (own *sandbox.Sandbox, dir string) {
	t.Helper()
	root := githttp.Must(os.MkdirTemp("", "nopea-"))(t)
	cluster, err := localcluster.Start(t.Context(), localcluster.Options{Dir: filepath.Join(root, "cluster")})
	if err != nil {
		t.Fatal(err)
	}
	dir = filepath.Join(root, "nopea")
	own, err = sandbox.Start(t.Context(), sandbox.Options{Cluster: cluster, Dir: dir})
	if err != nil {
		t.Fatal(errors.Join(err, cluster.Stop()))
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("all logs are in %s; the controller's ends with:\n%s\nthe API server's ends with:\n%s", root, own.Controller.Tail(), own.APIServer.Tail())
		}
		if err := errors.Join(own.Stop(), cluster.Stop()); err != nil {
			t.Errorf("stop the sandbox: %v", err)
		}
		if !t.Failed() {
			if err := os.RemoveAll(root); err != nil {
				t.Error(err)
			}
		}
	})
	return own, dir
}
