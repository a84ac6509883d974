package install_test

import (
	"testing"

	"k8s.io/apimachinery/pkg/api/apitesting/roundtrip"

	"nopea.io/nopea/pkg/apis/nopea/fuzzer"
	"nopea.io/nopea/pkg/apis/nopea/install"
)

func TestRoundTrip(t *testing.T) {
	roundtrip.RoundTripTestForAPIGroup(t, install.Install, fuzzer.Funcs)
}
