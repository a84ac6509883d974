package directive

import (
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
)

const (
	disabled = "disabled"
	enabled  = "enabled"

	fluxPrefix     = "kustomize.toolkit.fluxcd.io/"
	fluxPrune      = fluxPrefix + "prune"
	fluxReconcile  = fluxPrefix + "reconcile"
	fluxForce      = fluxPrefix + "force"
	fluxSSA        = fluxPrefix + "ssa"
	fluxSubstitute = fluxPrefix + "substitute"

	argoPrefix      = "argocd.argoproj.io/"
	argoSyncOptions = argoPrefix + "sync-options"
	argoHook        = argoPrefix + "hook"
)

// Directives are what an object's annotations in Git ask for, apart from Keep.
type Directives struct {
	// Ignore names what asks for the object not to be applied, and not to be pruned either; empty when nothing does.
	Ignore string
	// CreateOnly: created when it is missing, and never changed.
	CreateOnly bool
	// Force: it may be deleted and made anew where a change of it is refused because a field is immutable.
	Force bool
	// Notes name annotations of Flux and Argo CD that have no equal here.
	Notes []string
}

// Error is about an annotation of NOPEA's that has a value which means nothing: it must not be taken for its absence, least of all where
// it is to protect the object.
type Error struct {
	Annotation string
	Allowed    []string
}

func (e *Error) Error() string {
	return fmt.Sprintf("the annotation %s must be %s", e.Annotation, strings.Join(e.Allowed, " or "))
}

// Of reads an object's labels and annotations as they are in Git. Its errors are of type *Error.
func Of(labels, annotations map[string]string) (Directives, error) {
	if len(labels) == 0 && len(annotations) == 0 {
		return Directives{}, nil
	}
	for _, switched := range []string{v1alpha1.AnnotationPrune, v1alpha1.AnnotationSubstitute} {
		if err := check(annotations, switched, disabled, enabled); err != nil {
			return Directives{}, err
		}
	}
	for _, flag := range []string{v1alpha1.AnnotationIgnore, v1alpha1.AnnotationCreateOnly, v1alpha1.AnnotationForce} {
		if err := check(annotations, flag, "true", "false"); err != nil {
			return Directives{}, err
		}
	}
	options := slices.Collect(argoOptions(annotations))
	return Directives{
		Ignore:     ignoredBy(labels, annotations),
		CreateOnly: annotations[v1alpha1.AnnotationCreateOnly] == "true" || fluxSays(labels, annotations, fluxSSA, "IfNotPresent"),
		Force: annotations[v1alpha1.AnnotationForce] == "true" || fluxSays(labels, annotations, fluxForce, enabled) ||
			slices.Contains(options, "Force=true"),
		Notes: notes(annotations, options),
	}, nil
}

func check(annotations map[string]string, key string, allowed ...string) error {
	if value, written := annotations[key]; written && !slices.Contains(allowed, value) {
		return &Error{Annotation: key, Allowed: allowed}
	}
	return nil
}

func ignoredBy(labels, annotations map[string]string) string {
	switch {
	case annotations[v1alpha1.AnnotationIgnore] == "true":
		return v1alpha1.AnnotationIgnore
	case fluxSays(labels, annotations, fluxReconcile, disabled):
		return fluxReconcile
	case fluxSays(labels, annotations, fluxSSA, "Ignore"):
		return fluxSSA
	case annotations[argoHook] == "Skip":
		return argoHook
	}
	return ""
}

// SubstitutesNothing tells whether variables in an object are to be left as they are.
func SubstitutesNothing(labels, annotations map[string]string) bool {
	return annotations[v1alpha1.AnnotationSubstitute] == disabled || fluxSays(labels, annotations, fluxSubstitute, disabled)
}

// argoOptions are the entries of Argo CD's list of sync options.
func argoOptions(annotations map[string]string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for option := range strings.SplitSeq(annotations[argoSyncOptions], ",") {
			if option = strings.TrimSpace(option); option != "" && !yield(option) {
				return
			}
		}
	}
}

// inert annotations ask for nothing that concerns an object here: they are bookkeeping, or ask for what is done anyhow.
var inert = map[string]bool{
	fluxPrune: true, fluxReconcile: true, fluxForce: true, fluxSubstitute: true, fluxSSA: true,
	fluxPrefix + "checksum": true, argoSyncOptions: true,
	argoPrefix + "tracking-id": true, argoPrefix + "installation-id": true, argoPrefix + "refresh": true,
	argoPrefix + "manifest-generate-paths": true, argoPrefix + "sync-wave": true,
}

// inertOptions of Argo CD are honoured, or are what is done anyhow.
var inertOptions = []string{
	"Prune=false", "Prune=true", "Delete=false", "Delete=true", "Force=true", "Force=false", "Replace=false", "ServerSideApply=true",
	"SkipDryRunOnMissingResource=true", "PruneLast=true", "ApplyOutOfSyncOnly=true", "Validate=true", "CreateNamespace=false",
}

// notes name what is not honoured, without values: any may come from a Secret.
func notes(annotations map[string]string, options []string) (found []string) {
	for _, key := range slices.Sorted(maps.Keys(annotations)) {
		ours := strings.HasPrefix(key, fluxPrefix) || strings.HasPrefix(key, argoPrefix)
		if ours && !inert[key] && !(key == argoHook && annotations[key] == "Skip") {
			found = append(found, "annotation "+key)
		}
	}
	for _, option := range options {
		// What Replace=true is for beside Force=true, Force=true does alone here.
		if slices.Contains(inertOptions, option) || option == "Replace=true" && slices.Contains(options, "Force=true") {
			continue
		}
		name, _, _ := strings.Cut(option, "=")
		if !isWord(name) {
			name = "an option that is none"
		}
		found = append(found, "annotation "+argoSyncOptions+" ("+name+")")
	}
	return found
}

func isWord(name string) bool {
	return len(name) > 0 && len(name) <= 40 && !strings.ContainsFunc(name, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
	})
}
