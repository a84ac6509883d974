package citizen

import (
	"fmt"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"

	"nopea.io/nopea/pkg/testing/githttp"
)

// TestFieldOwnership applies the spec again and again, as a user or another GitOps tool does, while syncs write the status: no
// conflict, and no field that both own.
func TestFieldOwnership(t *testing.T) {
	t.Parallel()
	v := newTenant(t, world)
	repo := served(t, map[string]string{"app.yaml": configMap("", "settings", "one")})
	apply := func(round int) {
		t.Helper()
		// With a status, as what `kubectl get -o yaml` printed has one.
		v.kubectl(fmt.Sprintf(`{"apiVersion":"nopea.io/v1alpha1","kind":"GitRepository","metadata":{"name":"shop","namespace":%q,"annotations":{"round":"%d"}},
			"spec":{"url":%q,"interval":"%dh","reconcileInterval":"1h"},"status":{"observedGeneration":77,"conditions":[]}}`, v.namespace, round, repo.URL, 1+round%2),
			"apply", "--server-side", "--field-manager=user", "-f", "-")
	}
	apply(0)
	v.ready("shop")
	for round := range 5 {
		githttp.Must(repo.Commit(map[string]string{"app.yaml": configMap("", "settings", fmt.Sprint(round))}))(t)
		apply(round)
		v.sync("shop")
	}
	repository := v.ready("shop")
	if repository.Status.ObservedGeneration == 77 {
		t.Error("a user wrote the status")
	}
	owned := make(map[string]*fieldpath.Set)
	for _, entry := range repository.ManagedFields {
		set := &fieldpath.Set{}
		if err := set.FromJSON(entry.FieldsV1.GetRawReader()); err != nil {
			t.Fatal(err)
		}
		owned[entry.Manager+"/"+entry.Subresource] = set.Union(orEmpty(owned[entry.Manager+"/"+entry.Subresource]))
		inStatus := !set.WithPrefix(fieldpath.MakePathOrDie("status")[0]).Empty()
		if inStatus != (entry.Subresource == "status") {
			t.Errorf("%s by %s: %s", entry.Operation, entry.Manager, entry.FieldsV1.GetRawString())
		}
		if entry.Manager == "user" && entry.Operation != metav1.ManagedFieldsOperationApply {
			t.Errorf("the user's entry is %s", entry.Operation)
		}
	}
	if len(owned) != 2 || owned["user/"] == nil {
		t.Fatalf("the owners are %v", owned)
	}
	for name, set := range owned {
		if name != "user/" && !set.Intersection(owned["user/"]).Empty() {
			t.Errorf("the user and %s both own %s", name, set.Intersection(owned["user/"]))
		}
	}
}

func orEmpty(set *fieldpath.Set) *fieldpath.Set {
	if set == nil {
		return fieldpath.NewSet()
	}
	return set
}
