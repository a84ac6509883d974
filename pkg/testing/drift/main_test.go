package drift

import (
	"context"
	"flag"
	"os"
	"strconv"
	"testing"

	"nopea.io/nopea/pkg/testing/sandbox"
)

// world is the cluster with NOPEA on it that the tests of this package share.
var world *sandbox.Sandbox

func TestMain(m *testing.M) {
	// The tests that run side by side mostly wait.
	flag.Parse()
	if err := flag.Set("test.parallel", "10"); err != nil {
		panic(err)
	}
	os.Exit(sandbox.Main(m, sandbox.Options{}, func(s *sandbox.Sandbox) { world = s }))
}

func background() context.Context { return context.Background() }

// setting is a number from the environment.
func setting(t *testing.T, name string, otherwise int) int {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	number, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return number
}
