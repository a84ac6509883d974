package validation

import (
	"cmp"

	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"nopea.io/nopea/pkg/apis/nopea"
)

const maxDependencies = 32

// validateDependencies checks what a GitRepository depends on. Whether that is there, and depends on nothing that leads back, is found
// out later: it may change without this GitRepository.
func validateDependencies(repository *nopea.GitRepository, at *field.Path) field.ErrorList {
	if count := len(repository.Spec.DependsOn); count > maxDependencies {
		return field.ErrorList{field.TooMany(at, count, maxDependencies)}
	}
	var errs field.ErrorList
	seen := make(map[nopea.Dependency]bool)
	for i, dependency := range repository.Spec.DependsOn {
		at := at.Index(i)
		if dependency.Name == "" {
			errs = append(errs, field.Required(at.Child("name"), "the name of a GitRepository"))
			continue
		}
		for _, message := range validateRepositoryName(dependency.Name, false) {
			errs = append(errs, field.Invalid(at.Child("name"), dependency.Name, message))
		}
		if dependency.Namespace != "" {
			for _, message := range validation.IsDNS1123Label(dependency.Namespace) {
				errs = append(errs, field.Invalid(at.Child("namespace"), dependency.Namespace, message))
			}
		}
		dependency.Namespace = cmp.Or(dependency.Namespace, repository.Namespace)
		switch {
		case dependency == nopea.Dependency{Name: repository.Name, Namespace: repository.Namespace}:
			errs = append(errs, field.Invalid(at, dependency.Name, "must not be the GitRepository itself"))
		case seen[dependency]:
			errs = append(errs, field.Duplicate(at, dependency.Name))
		}
		seen[dependency] = true
	}
	return errs
}
