package v1alpha1

import (
	"fmt"

	"k8s.io/apimachinery/pkg/runtime"
)

// addFieldLabelConversions names the fields that a field selector may use.
func addFieldLabelConversions(scheme *runtime.Scheme) error {
	for kind, extra := range map[string]string{"GitRepository": "", "Sync": "spec.repository", "Inventory": "spec.repository"} {
		gvk := SchemeGroupVersion.WithKind(kind)
		if err := scheme.AddFieldLabelConversionFunc(gvk, func(label, value string) (string, string, error) {
			switch label {
			case "metadata.name", "metadata.namespace":
				return label, value, nil
			}
			if extra != "" && label == extra {
				return label, value, nil
			}
			return "", "", fmt.Errorf("field label %q is not supported for %s", label, kind)
		}); err != nil {
			return fmt.Errorf("register field labels of %s: %w", kind, err)
		}
	}
	return nil
}
