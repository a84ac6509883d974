package validation

import (
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

const (
	maxAdopt = 50
	// maxApplicationLength is how long an Argo CD application may be called, with its namespace before it.
	maxApplicationLength = 317
)

const adoptForms = `must be "helm:NAMESPACE/RELEASE", "flux:NAMESPACE/KUSTOMIZATION", "flux-helm:NAMESPACE/HELMRELEASE", ` +
	`"argocd:APPLICATION" or "gitrepository:NAMESPACE/NAME", as a refusal names the owner`

// validateAdopt checks a list of owners from which objects are taken over.
func validateAdopt(owners []string, at *field.Path) field.ErrorList {
	if count := len(owners); count > maxAdopt {
		return field.ErrorList{field.TooMany(at, count, maxAdopt)}
	}
	var errs field.ErrorList
	seen := make(map[string]bool, len(owners))
	for i, owner := range owners {
		switch at := at.Index(i); {
		case seen[owner]:
			errs = append(errs, field.Duplicate(at, owner))
		default:
			errs = append(errs, validateOwner(owner, at)...)
		}
		seen[owner] = true
	}
	return errs
}

func validateOwner(owner string, at *field.Path) field.ErrorList {
	kind, name, _ := strings.Cut(owner, ":")
	switch kind {
	case "argocd":
		if name == "" || len(name) > maxApplicationLength || strings.Trim(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") != "" {
			return field.ErrorList{field.Invalid(at, shown(owner), "must name an Argo CD application after \"argocd:\": letters, digits, dashes, dots, and a \"_\" after its namespace")}
		}
		return nil
	case "helm", "flux", "flux-helm", "gitrepository":
		namespace, name, _ := strings.Cut(name, "/")
		if len(validation.IsDNS1123Label(namespace)) > 0 || len(validation.IsDNS1123Subdomain(name)) > 0 {
			return field.ErrorList{field.Invalid(at, shown(owner), "must name a namespace and an object in it, as in \""+kind+":default/web\"")}
		}
		return nil
	}
	return field.ErrorList{field.Invalid(at, shown(owner), adoptForms)}
}

// shown is a wrong text as an error may repeat it.
func shown(text string) string {
	const most = 100
	return strings.ToValidUTF8(text[:min(len(text), most)], "?")
}
