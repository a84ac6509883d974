package validation

import (
	apivalidation "k8s.io/apimachinery/pkg/api/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"nopea.io/nopea/pkg/apis/nopea"
	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
)

// ValidateInventory checks an object that is about to be created.
func ValidateInventory(inventory *nopea.Inventory) field.ErrorList {
	errs := apivalidation.ValidateObjectMeta(&inventory.ObjectMeta, true, apivalidation.NameIsDNSSubdomain, field.NewPath("metadata"))
	return append(errs, validateInventorySpec(&inventory.Spec, field.NewPath("spec"))...)
}

// ValidateInventoryUpdate checks a change. A shard never moves to another GitRepository.
func ValidateInventoryUpdate(inventory, old *nopea.Inventory) field.ErrorList {
	at := field.NewPath("spec")
	errs := apivalidation.ValidateObjectMetaUpdate(&inventory.ObjectMeta, &old.ObjectMeta, field.NewPath("metadata"))
	errs = append(errs, apivalidation.ValidateImmutableField(inventory.Spec.Repository, old.Spec.Repository, at.Child("repository"))...)
	return append(errs, validateInventorySpec(&inventory.Spec, at)...)
}

func validateInventorySpec(spec *nopea.InventorySpec, at *field.Path) field.ErrorList {
	errs := validateRepositoryReference(spec.Repository, at.Child("repository"))
	if spec.ServiceAccountName != "" {
		errs = append(errs, validateObjectName(spec.ServiceAccountName, at.Child("serviceAccountName"))...)
	}
	entries := at.Child("entries")
	if len(spec.Entries) > v1alpha1.MaxInventoryEntries {
		return append(errs, field.TooMany(entries, len(spec.Entries), v1alpha1.MaxInventoryEntries))
	}
	for i := range spec.Entries {
		errs = append(errs, validateInventoryEntry(&spec.Entries[i], entries.Index(i))...)
	}
	return errs
}

func validateInventoryEntry(entry *nopea.InventoryEntry, at *field.Path) field.ErrorList {
	var errs field.ErrorList
	for _, required := range []struct{ name, value string }{{"version", entry.Version}, {"kind", entry.Kind}, {"name", entry.Name}} {
		if required.value == "" {
			errs = append(errs, field.Required(at.Child(required.name), ""))
		}
	}
	return errs
}
