package webhooks

import (
	"os"
	"testing"

	"nopea.io/nopea/pkg/testing/sandbox"
)

// world is the cluster with NOPEA on it that the tests of this package share. Each works in a namespace of its own.
var world *sandbox.Sandbox

func TestMain(m *testing.M) {
	os.Exit(sandbox.Main(m, sandbox.Options{}, func(s *sandbox.Sandbox) { world = s }))
}
