package apply

import (
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
	"nopea.io/nopea/pkg/ownership"
)

// Holder is whoever manages an object that NOPEA is asked to apply for the first time.
type Holder struct {
	// Description for the user, such as `the Helm release "web"`.
	Description string
	// Repository is set when the holder is another GitRepository.
	Repository *Owner
}

// HolderOf tells who else manages an object: another GitRepository, Helm, Flux, Argo CD, or the controller that made it. Nil
// means that nobody does, which is also so for objects that people made with kubectl: those are taken over.
//
// Sources of the marks: Helm's pkg/action/validate.go, Flux' kustomize- and helm-controller ("name" labels), Argo CD's tracking
// methods (annotation and label).
func HolderOf(object metav1.Object, owner Owner) *Holder {
	labels, annotations := object.GetLabels(), object.GetAnnotations()
	if name := labels[v1alpha1.LabelRepository]; name != "" && !owner.Labelled(object) && ownership.Applied(object.GetManagedFields()) {
		other := Owner{Namespace: labels[v1alpha1.LabelNamespace], Name: name}
		return &Holder{Description: fmt.Sprintf("the GitRepository %s", other), Repository: &other}
	}
	if controller := metav1.GetControllerOf(object); controller != nil {
		return &Holder{Description: fmt.Sprintf("the %s %q, whose controller made it", controller.Kind, controller.Name)}
	}
	if release := annotations["meta.helm.sh/release-name"]; release != "" && labels["app.kubernetes.io/managed-by"] == "Helm" {
		return &Holder{Description: fmt.Sprintf("the Helm release %q", release)}
	}
	for _, flux := range []struct{ label, kind string }{
		{"kustomize.toolkit.fluxcd.io/name", "Kustomization"},
		{"helm.toolkit.fluxcd.io/name", "HelmRelease"},
	} {
		if name := labels[flux.label]; name != "" {
			return &Holder{Description: fmt.Sprintf("Flux' %s %q", flux.kind, name)}
		}
	}
	for _, argo := range []string{annotations["argocd.argoproj.io/tracking-id"], labels["argocd.argoproj.io/instance"]} {
		if argo != "" {
			return &Holder{Description: fmt.Sprintf("the Argo CD application %q", argo)}
		}
	}
	return nil
}
