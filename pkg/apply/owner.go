package apply

import (
	"cmp"
	"fmt"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
	"nopea.io/nopea/pkg/ownership"
)

// Holder is whoever manages an object that NOPEA is asked to apply for the first time.
type Holder struct {
	// Description for the user, such as `the Helm release "web"`.
	Description string
	// Key by which spec.adopt names it. Empty: nothing can be taken over from it.
	Key string
	// Repository is set when the holder is another GitRepository.
	Repository *Owner
	// Returns: it is a GitRepository that would take the object back, as it adopts from the one that asks, itself or by others.
	Returns bool
}

// refusal says why an object is left to its holder, and what to do to get it.
func (h *Holder) refusal() string {
	reason := "it is held by " + h.Description
	switch {
	case h.Returns:
		return reason + ", which adopts from this one; it can be taken back once spec.adopt there names this one no more, itself or through others"
	case h.Key != "":
		return fmt.Sprintf("%s; to take it over, add %q to spec.adopt", reason, h.Key)
	}
	return reason
}

// Marks by which others tell which objects are theirs.
//
// Sources: Helm's pkg/action/validate.go, Flux' kustomize- and helm-controller, Argo CD's tracking methods, kubectl's apply.
const (
	helmManagedBy   = "app.kubernetes.io/managed-by"
	helmRelease     = "meta.helm.sh/release-name"
	helmNamespace   = "meta.helm.sh/release-namespace"
	fluxKustomize   = "kustomize.toolkit.fluxcd.io/"
	fluxHelm        = "helm.toolkit.fluxcd.io/"
	argoTrackingID  = "argocd.argoproj.io/tracking-id"
	argoInstance    = "argocd.argoproj.io/instance"
	argoInstallID   = "argocd.argoproj.io/installation-id"
	kubectlLastSeen = "kubectl.kubernetes.io/last-applied-configuration"
)

// HoldersOf tells who else manages an object: another GitRepository, Helm, Flux, Argo CD, or the controller that made it. It is empty
// where nobody does, which is also so for objects that people made with kubectl: those are taken over.
func HoldersOf(object metav1.Object, owner Owner) []Holder {
	labels, annotations := object.GetLabels(), object.GetAnnotations()
	var holders []Holder
	if name := labels[v1alpha1.LabelRepository]; name != "" && !owner.Labelled(object) && ownership.Applied(object.GetManagedFields()) {
		other := Owner{Namespace: labels[v1alpha1.LabelNamespace], Name: name}
		holders = append(holders, Holder{Description: fmt.Sprintf("the GitRepository %s", other), Key: "gitrepository:" + other.String(), Repository: &other})
	}
	if controller := metav1.GetControllerOf(object); controller != nil {
		holders = append(holders, Holder{Description: fmt.Sprintf("the %s %q, whose controller made it", controller.Kind, controller.Name)})
	}
	for _, flux := range []struct{ marks, kind, key string }{{fluxKustomize, "Kustomization", "flux"}, {fluxHelm, "HelmRelease", "flux-helm"}} {
		if name := labels[flux.marks+"name"]; name != "" {
			holders = append(holders, Holder{Description: fmt.Sprintf("Flux' %s %q", flux.kind, name),
				Key: keyOf(flux.key, labels[flux.marks+"namespace"], name)})
		}
	}
	// Flux' helm-controller leaves Helm's own marks as well.
	if release := annotations[helmRelease]; release != "" && labels[helmManagedBy] == "Helm" && labels[fluxHelm+"name"] == "" {
		holders = append(holders, Holder{Description: fmt.Sprintf("the Helm release %q", release),
			Key: keyOf("helm", cmp.Or(annotations[helmNamespace], object.GetNamespace()), release)})
	}
	// A tracking id is "application:group/kind:namespace/name"; the label is the application alone.
	application, _, _ := strings.Cut(annotations[argoTrackingID], ":")
	if application == "" {
		application = labels[argoInstance]
	}
	if application != "" {
		holders = append(holders, Holder{Description: fmt.Sprintf("the Argo CD application %q", application), Key: "argocd:" + application})
	}
	return holders
}

// keyOf is the key of a holder that lives in a namespace; without that there is none.
func keyOf(kind, namespace, name string) string {
	if namespace == "" {
		return ""
	}
	return kind + ":" + namespace + "/" + name
}

// otherMarks are the labels and annotations by which others know an object as theirs.
func otherMarks(object metav1.Object) (labels, annotations []string) {
	labels = []string{fluxKustomize + "name", fluxKustomize + "namespace", fluxHelm + "name", fluxHelm + "namespace", argoInstance}
	if object.GetAnnotations()[helmRelease] != "" && object.GetLabels()[helmManagedBy] == "Helm" {
		labels = append(labels, helmManagedBy)
	}
	return labels, []string{helmRelease, helmNamespace, argoTrackingID, argoInstallID, kubectlLastSeen}
}
