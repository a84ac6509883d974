package watch_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"nopea.io/nopea/pkg/testing/localcluster"
)

// cluster is what the tests of this package share. Each works in a namespace of its own.
var cluster *localcluster.Cluster

func TestMain(m *testing.M) {
	code, err := runTests(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func runTests(m *testing.M) (code int, err error) {
	dir, err := os.MkdirTemp("", "nopea-watch-")
	if err != nil {
		return 1, err
	}
	cluster, err = localcluster.Start(context.Background(), localcluster.Options{Dir: filepath.Join(dir, "cluster")})
	if err != nil {
		return 1, err
	}
	defer func() {
		err = errors.Join(err, cluster.Stop())
		if code == 0 && err == nil {
			err = os.RemoveAll(dir)
		}
	}()
	return m.Run(), nil
}
