package drift

import (
	"context"
	"fmt"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// mutate has admission change what is written to objects of a resource in the tenant's namespace, where a condition holds.
func (v *tenant) mutate(group, resource, condition, expression string) {
	v.t.Helper()
	v.apply(fmt.Sprintf(`apiVersion: admissionregistration.k8s.io/v1
kind: MutatingAdmissionPolicy
metadata: {name: %[1]s-%[3]s}
spec:
  failurePolicy: Fail
  reinvocationPolicy: Never
  matchConstraints:
    namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: %[1]s}}
    resourceRules: [{apiGroups: [%[2]q], apiVersions: [v1], operations: [CREATE, UPDATE], resources: [%[3]s]}]
  matchConditions: [{name: condition, expression: %[4]q}]
  mutations:
  - {patchType: ApplyConfiguration, applyConfiguration: {expression: %[5]q}}
---
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingAdmissionPolicyBinding
metadata: {name: %[1]s-%[3]s}
spec: {policyName: %[1]s-%[3]s}
`, v.namespace, group, resource, condition, expression))
}

// mutated waits until admission changes a write of the object that asks for no such thing.
func (o *thing) mutated(patch, path string, value any) {
	o.v.t.Helper()
	o.v.eventually("admission changes what is written", func(context.Context) error {
		after, err := o.tryPatch(types.MergePatchType, patch, metav1.PatchOptions{FieldManager: editor, DryRun: []string{metav1.DryRunAll}})
		if err != nil {
			return err
		}
		if found := at(after, path); found != value {
			return fmt.Errorf("it leaves %v at %s", found, path)
		}
		return nil
	})
}

// touch is an edit that changes nothing which Git has.
const touch = `{"metadata":{"annotations":{"example.com/touched":"yes"}}}`

// byOthers is the condition under which admission changes what others write.
func (v *tenant) byOthers() string {
	return fmt.Sprintf("request.userInfo.username != 'system:serviceaccount:%s:nopea' && has(object.metadata.annotations) && 'example.com/touched' in object.metadata.annotations", v.namespace)
}

// TestMutatedBesideAnEdit: admission changes one of NOPEA's fields when somebody else writes the object. That takes no field from NOPEA.
func TestMutatedBesideAnEdit(t *testing.T) {
	v := parallel(t, map[string]string{"web.yaml": deploymentYAML("web")})
	web := v.thing(deployments, "web")
	v.mutate("apps", "deployments", v.byOthers(), "Object{spec: Object.spec{replicas: 5}}")
	web.mutated(touch, "spec.replicas", int64(5))
	before := web.read()
	after := web.merge(touch)
	web.has(after, "spec.replicas", int64(5))
	if v.signatureOf(after) != v.signatureOf(before) {
		t.Error("the signature shows it, so this is no exception")
	}
	web.becomes("spec.replicas", int64(1))
	web.has(web.read(), "metadata.annotations.example", nil)
}

// TestMutatedApply: admission changes what NOPEA itself applies, each time. NOPEA must not go on applying for ever.
func TestMutatedApply(t *testing.T) {
	v := parallel(t, map[string]string{"web.yaml": deploymentYAML("web")})
	web := v.thing(deployments, "web")
	v.mutate("apps", "deployments", "true", "Object{spec: Object.spec{replicas: 5}}")
	web.mutated(touch, "spec.replicas", int64(5))
	mark := v.mark()
	web.has(web.merge(touch), "spec.replicas", int64(5))
	v.settle()
	settled := web.read().GetResourceVersion()
	v.settle()
	if now := web.read(); now.GetResourceVersion() != settled || at(now, "spec.replicas") != int64(5) {
		t.Errorf("NOPEA and admission fight: %s, then %s", settled, now.GetResourceVersion())
	}
	if writes := web.writes(mark); len(writes) > 2 {
		t.Errorf("%d writes: %v", len(writes), writes)
	}
	// Other fields are put back all the same, and that ends as well.
	web.json(`[{"op":"replace","path":"/spec/template/spec/containers/0/image","value":"evil"}]`)
	web.becomes("spec.template.spec.containers.0.image", "nginx:1")
	mark = v.mark()
	v.settle()
	if writes := web.writes(mark); len(writes) > 2 {
		t.Errorf("%d writes after a repair: %v", len(writes), writes)
	}
}
