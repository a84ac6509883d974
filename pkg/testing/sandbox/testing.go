package sandbox

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"nopea.io/nopea/pkg/testing/localcluster"
)

// Main runs a package's tests with one cluster and one NOPEA, which it hands to use before the first test, and returns the exit code.
// Options need not name a Cluster or a Dir. When a test fails, or a server has ended by itself, the logs' ends are shown and all files
// are kept.
func Main(m *testing.M, o Options, use func(*Sandbox)) int {
	dir, err := os.MkdirTemp("", "nopea-")
	if err != nil {
		fmt.Fprintf(os.Stderr, "Make a folder for the tests: %v\n", err)
		return 1
	}
	code, err := runTests(m, o, dir, use)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	if code != 0 {
		fmt.Fprintf(os.Stderr, "All logs and data of the tests are in %s\n", dir)
		return code
	}
	if err := os.RemoveAll(dir); err != nil {
		fmt.Fprintf(os.Stderr, "Remove the folder of the tests: %v\n", err)
		return 1
	}
	return 0
}

func runTests(m *testing.M, o Options, dir string, use func(*Sandbox)) (code int, err error) {
	ctx := context.Background()
	if o.Cluster == nil {
		o.Cluster, err = localcluster.Start(ctx, localcluster.Options{Dir: filepath.Join(dir, "cluster"), Nodes: o.Nodes})
		if err != nil {
			return 1, err
		}
		defer func() { err = errors.Join(err, o.Cluster.Stop()) }()
	}
	if o.Dir == "" {
		o.Dir = filepath.Join(dir, "nopea")
	}
	sandbox, err := Start(ctx, o)
	if err != nil {
		return 1, err
	}
	defer func() { err = errors.Join(err, sandbox.Stop()) }()
	use(sandbox)
	if code = m.Run(); code != 0 {
		for _, process := range []*Process{sandbox.APIServer, sandbox.Controller} {
			fmt.Fprintf(os.Stderr, "The end of %s:\n%s\n\n", process.Log(), process.Tail())
		}
	}
	return code, nil
}
