package directive

import (
	"strings"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
)

// Keep says by which annotations an object is not to be deleted. It is read off live objects, because an object that is gone from Git
// says nothing there any more.
type Keep uint8

const (
	keepNopea Keep = 1 << iota
	keepFlux
	keepArgoPrune
	keepArgoDelete
)

// KeepOf reads it from an object's labels and annotations.
func KeepOf(labels, annotations map[string]string) (keep Keep) {
	if len(annotations) == 0 && len(labels) == 0 {
		return 0
	}
	if annotations[v1alpha1.AnnotationPrune] == disabled {
		keep |= keepNopea
	}
	if fluxSays(labels, annotations, fluxPrune, disabled) {
		keep |= keepFlux
	}
	for option := range argoOptions(annotations) {
		switch option {
		// Where Argo CD would ask somebody, nobody is asked here, and so nobody has agreed.
		case "Prune=false", "Prune=confirm":
			keep |= keepArgoPrune
		case "Delete=false", "Delete=confirm":
			keep |= keepArgoDelete
		}
	}
	return keep
}

// FromPrune says why an object that is gone from Git is kept; empty when it is not.
func (k Keep) FromPrune() string { return k.reason(keepArgoPrune, "Prune") }

// FromDeletion says why an object is kept when its GitRepository is deleted under deletionPolicy Delete; empty when it is not.
func (k Keep) FromDeletion() string { return k.reason(keepArgoDelete, "Delete") }

func (k Keep) reason(argo Keep, option string) string {
	switch {
	case k&keepNopea != 0:
		return "its annotation " + v1alpha1.AnnotationPrune + " is disabled"
	case k&keepFlux != 0:
		return "its annotation " + fluxPrune + " is disabled"
	case k&argo != 0:
		return "its annotation " + argoSyncOptions + " keeps it by " + option
	}
	return ""
}

// fluxSays tells whether a label or annotation has a value, in any case: so Flux reads them (fluxcd/pkg, ssa/utils).
func fluxSays(labels, annotations map[string]string, key, value string) bool {
	return strings.EqualFold(labels[key], value) || strings.EqualFold(annotations[key], value)
}
