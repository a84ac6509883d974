package citizen

import (
	"context"
	"fmt"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
)

// policies refuse GitRepositories that do not come from one host, and Syncs that name a revision, however they are created; and one
// gives each GitRepository a label. All are for one namespace alone.
const policies = `
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: %[1]s}
spec:
  failurePolicy: Fail
  matchConstraints:
    resourceRules:
    - {apiGroups: [nopea.io], apiVersions: ["*"], operations: [CREATE, UPDATE], resources: [gitrepositories, syncs, gitrepositories/syncs]}
  validations:
  - expression: "object.kind != 'GitRepository' || object.spec.url.startsWith('https://git.example.com/')"
    message: only git.example.com
  - expression: "object.kind != 'Sync' || !has(object.spec) || !has(object.spec.revision)"
    message: no revision of your own
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {name: %[1]s}
spec:
  policyName: %[1]s
  validationActions: [Deny]
  matchResources: {namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: %[1]s}}}
---
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingAdmissionPolicy
metadata: {name: %[1]s}
spec:
  failurePolicy: Fail
  reinvocationPolicy: Never
  matchConstraints:
    resourceRules:
    - {apiGroups: [nopea.io], apiVersions: ["*"], operations: [CREATE], resources: [gitrepositories]}
  mutations:
  - patchType: ApplyConfiguration
    applyConfiguration: {expression: "Object{metadata: Object.metadata{labels: {'team': 'citizen'}}}"}
---
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingAdmissionPolicyBinding
metadata: {name: %[1]s}
spec:
  policyName: %[1]s
  matchResources: {namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: %[1]s}}}
`

// TestAdmissionPolicies hold for the kinds of NOPEA as for any other, also where a Sync is created through the subresource.
func TestAdmissionPolicies(t *testing.T) {
	t.Parallel()
	v := newTenant(t, world)
	v.kubectl(fmt.Sprintf(policies, v.namespace), "apply", "-f", "-")
	t.Cleanup(func() {
		for _, kind := range []string{"validatingadmissionpolicybinding", "validatingadmissionpolicy", "mutatingadmissionpolicybinding", "mutatingadmissionpolicy"} {
			if _, err := v.on.Cluster.Kubectl(context.Background(), nil, "delete", kind, v.namespace); err != nil {
				t.Error(err)
			}
		}
	})
	create := func(ctx context.Context, name, url string) (*v1alpha1.GitRepository, error) {
		return v.api.GitRepositories(v.namespace).Create(ctx, &v1alpha1.GitRepository{ObjectMeta: metav1.ObjectMeta{Name: name},
			Spec: v1alpha1.GitRepositorySpec{URL: url, Suspend: true}}, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
	}
	v.eventually("a GitRepository from elsewhere is refused, and one from there is labelled", func(ctx context.Context) error {
		if _, err := create(ctx, "bad", "https://evil.example.com/x.git"); err == nil || !containsAll(err.Error(), "only git.example.com") {
			return fmt.Errorf("from elsewhere: %w", err)
		}
		made, err := create(ctx, "good", "https://git.example.com/x.git")
		if err != nil || made.Labels["team"] != "citizen" {
			return fmt.Errorf("%w, or it has the labels of %+v", err, made)
		}
		return nil
	})
	v.must(v.api.GitRepositories(v.namespace).Create(t.Context(), &v1alpha1.GitRepository{ObjectMeta: metav1.ObjectMeta{Name: "shop"},
		Spec: v1alpha1.GitRepositorySpec{URL: "https://git.example.com/x.git", Suspend: true}}, metav1.CreateOptions{}))
	pinned := v1alpha1.SyncSpec{Revision: "0123456789012345678901234567890123456789", DryRun: true}
	if _, err := v.api.GitRepositories(v.namespace).CreateSync(t.Context(), "shop", &v1alpha1.Sync{Spec: pinned}, metav1.CreateOptions{}); err == nil || !containsAll(err.Error(), "no revision of your own") {
		t.Errorf("through the subresource the policy does not hold: %v", err)
	}
	pinned.Repository = "shop"
	if _, err := v.api.Syncs(v.namespace).Create(t.Context(), &v1alpha1.Sync{ObjectMeta: metav1.ObjectMeta{GenerateName: "x-"}, Spec: pinned}, metav1.CreateOptions{}); err == nil || !containsAll(err.Error(), "no revision of your own") {
		t.Errorf("for a Sync the policy does not hold: %v", err)
	}
	v.must(v.api.GitRepositories(v.namespace).CreateSync(t.Context(), "shop", &v1alpha1.Sync{}, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}}))
}
