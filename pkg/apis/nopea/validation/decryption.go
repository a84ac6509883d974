package validation

import (
	"k8s.io/apimachinery/pkg/util/validation/field"

	"nopea.io/nopea/pkg/apis/nopea"
)

func validateDecryption(decryption *nopea.DecryptionSpec, at *field.Path) field.ErrorList {
	if decryption == nil {
		return nil
	}
	return validateObjectName(decryption.SecretRef.Name, at.Child("secretRef", "name"))
}
