package validation

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"nopea.io/nopea/pkg/apis/nopea"
)

func TestValidateDecryption(t *testing.T) {
	at := field.NewPath("spec", "decryption")
	for name, test := range map[string]struct {
		spec *nopea.DecryptionSpec
		wish string
	}{
		"none":            {nil, ""},
		"a Secret":        {&nopea.DecryptionSpec{SecretRef: nopea.LocalObjectReference{Name: "sops-keys"}}, ""},
		"no name":         {&nopea.DecryptionSpec{}, "spec.decryption.secretRef.name: Required"},
		"other namespace": {&nopea.DecryptionSpec{SecretRef: nopea.LocalObjectReference{Name: "a/b"}}, "spec.decryption.secretRef.name: Invalid"},
	} {
		errs := validateDecryption(test.spec, at)
		if test.wish == "" && len(errs) > 0 || test.wish != "" && (len(errs) == 0 || !strings.HasPrefix(errs[0].Error(), test.wish)) {
			t.Errorf("%s: %v", name, errs)
		}
	}
}
