package apply

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func owned(manager string, operation metav1.ManagedFieldsOperationType, subresource, fields string, seconds int64) metav1.ManagedFieldsEntry {
	at := metav1.NewTime(time.Unix(seconds, 0))
	return metav1.ManagedFieldsEntry{Manager: manager, Operation: operation, APIVersion: "v1", Subresource: subresource,
		Time: &at, FieldsType: "FieldsV1", FieldsV1: metav1.NewFieldsV1(fields)}
}

func TestSignature(t *testing.T) {
	const apply, update = metav1.ManagedFieldsOperationApply, metav1.ManagedFieldsOperationUpdate
	mine := owned("nopea", apply, "", `{"f:data":{"f:a":{},"f:b":{}}}`, 100)
	sign := func(entries ...metav1.ManagedFieldsEntry) string {
		t.Helper()
		signature, err := Signature(entries)
		if err != nil {
			t.Fatal(err)
		}
		return signature
	}
	base := sign(mine)
	if base == "" {
		t.Fatal("an applied object has no signature")
	}
	same := map[string]string{
		"other order of the same fields": sign(owned("nopea", apply, "", `{"f:data":{"f:b":{},"f:a":{}}}`, 100)),
		"foreign fields beside it":       sign(owned("kubectl", update, "", `{"f:data":{"f:c":{}}}`, 200), mine),
		"a status write under our name":  sign(mine, owned("nopea", apply, "status", `{"f:status":{}}`, 300)),
	}
	for name, got := range same {
		if got != base {
			t.Errorf("%s: the signature moved", name)
		}
	}
	differ := map[string]string{
		"a field was taken away":  sign(owned("nopea", apply, "", `{"f:data":{"f:a":{}}}`, 100)),
		"applied at another time": sign(owned("nopea", apply, "", `{"f:data":{"f:a":{},"f:b":{}}}`, 101)),
	}
	for name, got := range differ {
		if got == base || got == "" {
			t.Errorf("%s: the signature did not move", name)
		}
	}
	for name, got := range map[string]string{
		"nobody": sign(), "another manager": sign(owned("flux", apply, "", `{"f:data":{}}`, 1)),
		"an update under our name": sign(owned("nopea", update, "", `{"f:data":{}}`, 1)),
	} {
		if got != "" {
			t.Errorf("%s: signature %q without an Apply entry of NOPEA", name, got)
		}
	}
	if _, err := Signature([]metav1.ManagedFieldsEntry{owned("nopea", apply, "", `{"f:data":`, 1)}); err == nil {
		t.Error("a broken field set gives no error")
	}
}

func TestHolderOf(t *testing.T) {
	self := Owner{Namespace: "team-a", Name: "shop"}
	applied := []metav1.ManagedFieldsEntry{owned("nopea", metav1.ManagedFieldsOperationApply, "", `{"f:data":{}}`, 1)}
	for name, test := range map[string]struct {
		object metav1.ObjectMeta
		want   string
	}{
		"nobody":             {metav1.ObjectMeta{}, ""},
		"our labels":         {metav1.ObjectMeta{Labels: self.Labels(), ManagedFields: applied}, ""},
		"another repository": {metav1.ObjectMeta{Labels: Owner{"team-b", "shop"}.Labels(), ManagedFields: applied}, "the GitRepository team-b/shop"},
		"a copied label":     {metav1.ObjectMeta{Labels: Owner{"team-b", "shop"}.Labels()}, ""},
		"Helm": {metav1.ObjectMeta{Labels: map[string]string{"app.kubernetes.io/managed-by": "Helm"},
			Annotations: map[string]string{"meta.helm.sh/release-name": "web"}}, `the Helm release "web"`},
		"rendered by Helm, not installed": {metav1.ObjectMeta{Labels: map[string]string{"app.kubernetes.io/managed-by": "Helm"}}, ""},
		"Flux":                            {metav1.ObjectMeta{Labels: map[string]string{"kustomize.toolkit.fluxcd.io/name": "apps"}}, `Flux' Kustomization "apps"`},
		"Argo CD": {metav1.ObjectMeta{Annotations: map[string]string{"argocd.argoproj.io/tracking-id": "shop:apps/Deployment:x/y"}},
			`the Argo CD application "shop:apps/Deployment:x/y"`},
		"a controller": {metav1.ObjectMeta{OwnerReferences: []metav1.OwnerReference{{Kind: "ReplicaSet", Name: "web-1", Controller: new(true)}}},
			`the ReplicaSet "web-1", whose controller made it`},
	} {
		got := ""
		if holder := HolderOf(&test.object, self); holder != nil {
			got = holder.Description
		}
		if got != test.want {
			t.Errorf("%s: held by %q, want %q", name, got, test.want)
		}
	}
}
