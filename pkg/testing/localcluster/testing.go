package localcluster

import (
	"path/filepath"
	"testing"
)

// New starts a cluster that ends with the test. Packages with several tests share one instead: see Start and sandbox.Main.
func New(tb testing.TB) *Cluster {
	tb.Helper()
	cluster, err := Start(tb.Context(), Options{Dir: filepath.Join(tb.TempDir(), "cluster")})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := cluster.Stop(); err != nil {
			tb.Error(err)
		}
	})
	return cluster
}
