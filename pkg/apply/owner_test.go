package apply

import (
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
)

func TestHoldersOf(t *testing.T) {
	me := Owner{Namespace: "team-a", Name: "shop"}
	repository := func(namespace, name string) map[string]string {
		return map[string]string{v1alpha1.LabelNamespace: namespace, v1alpha1.LabelRepository: name}
	}
	applied := []metav1.ManagedFieldsEntry{{Manager: v1alpha1.FieldManager, Operation: metav1.ManagedFieldsOperationApply}}
	for name, test := range map[string]struct {
		object metav1.ObjectMeta
		want   string // keys, in order
	}{
		"nobody":                      {metav1.ObjectMeta{Labels: map[string]string{"app": "web"}}, ""},
		"its own":                     {metav1.ObjectMeta{Labels: repository("team-a", "shop"), ManagedFields: applied}, ""},
		"another GitRepository":       {metav1.ObjectMeta{Labels: repository("team-b", "shop"), ManagedFields: applied}, "gitrepository:team-b/shop"},
		"labels that were copied":     {metav1.ObjectMeta{Labels: repository("team-b", "shop")}, ""},
		"a controller":                {metav1.ObjectMeta{OwnerReferences: []metav1.OwnerReference{{Kind: "ReplicaSet", Name: "web", Controller: new(true)}}}, "-"},
		"an owner that is none":       {metav1.ObjectMeta{OwnerReferences: []metav1.OwnerReference{{Kind: "Node", Name: "n"}}}, ""},
		"a Kustomization":             {metav1.ObjectMeta{Labels: map[string]string{"kustomize.toolkit.fluxcd.io/name": "apps", "kustomize.toolkit.fluxcd.io/namespace": "flux-system"}}, "flux:flux-system/apps"},
		"a chart's label":             {metav1.ObjectMeta{Labels: map[string]string{"app.kubernetes.io/managed-by": "Helm"}}, ""},
		"an application by its label": {metav1.ObjectMeta{Labels: map[string]string{"argocd.argoproj.io/instance": "guestbook"}}, "argocd:guestbook"},
		"a namespaced application": {metav1.ObjectMeta{Annotations: map[string]string{
			"argocd.argoproj.io/tracking-id": "team-a_guestbook:apps/Deployment:default/web"}}, "argocd:team-a_guestbook"},
		"a Helm release": {metav1.ObjectMeta{Labels: map[string]string{"app.kubernetes.io/managed-by": "Helm"},
			Annotations: map[string]string{"meta.helm.sh/release-name": "web", "meta.helm.sh/release-namespace": "default"}}, "helm:default/web"},
		"a HelmRelease, not Helm": {metav1.ObjectMeta{Labels: map[string]string{"app.kubernetes.io/managed-by": "Helm",
			"helm.toolkit.fluxcd.io/name": "web", "helm.toolkit.fluxcd.io/namespace": "apps"},
			Annotations: map[string]string{"meta.helm.sh/release-name": "web", "meta.helm.sh/release-namespace": "default"}}, "flux-helm:apps/web"},
		"a release without a namespace": {metav1.ObjectMeta{Namespace: "shop", Labels: map[string]string{"app.kubernetes.io/managed-by": "Helm"},
			Annotations: map[string]string{"meta.helm.sh/release-name": "web"}}, "helm:shop/web"},
		"a Kustomization without one": {metav1.ObjectMeta{Labels: map[string]string{"kustomize.toolkit.fluxcd.io/name": "apps"}}, "-"},
		"two at once": {metav1.ObjectMeta{Labels: map[string]string{"app.kubernetes.io/managed-by": "Helm"}, Annotations: map[string]string{
			"meta.helm.sh/release-name": "web", "meta.helm.sh/release-namespace": "default",
			"argocd.argoproj.io/tracking-id": "guestbook:apps/Deployment:default/web"}}, "helm:default/web argocd:guestbook"},
	} {
		t.Run(name, func(t *testing.T) {
			var keys []string
			for _, holder := range HoldersOf(&test.object, me) {
				if holder.Key == "" {
					holder.Key = "-"
				}
				keys = append(keys, holder.Key)
			}
			if got := strings.Join(keys, " "); got != test.want {
				t.Fatalf("held by %q, want %q", got, test.want)
			}
		})
	}
}

func TestRefusal(t *testing.T) {
	for name, test := range map[string]struct {
		holder       Holder
		says, silent string
	}{
		"one to adopt from":    {Holder{Description: `the Helm release "web"`, Key: "helm:default/web"}, `the Helm release "web"; to take it over, add "helm:default/web" to spec.adopt`, "taken back"},
		"a controller":         {Holder{Description: `the ReplicaSet "web", whose controller made it`}, `held by the ReplicaSet "web"`, "adopt"},
		"one that adopts back": {Holder{Description: "the GitRepository b/b", Key: "gitrepository:b/b", Returns: true}, "adopts from this one", "add"},
	} {
		t.Run(name, func(t *testing.T) {
			if text := test.holder.refusal(); !strings.Contains(text, test.says) || strings.Contains(text, test.silent) {
				t.Fatal(text)
			}
		})
	}
}
