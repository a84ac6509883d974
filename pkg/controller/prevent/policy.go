package prevent

import (
	"fmt"
	"strconv"
	"strings"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	applyadmission "k8s.io/client-go/applyconfigurations/admissionregistration/v1"
	applymeta "k8s.io/client-go/applyconfigurations/meta/v1"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
)

// Name is the name of the ValidatingAdmissionPolicy and of its binding.
const Name = "nopea-prevent"

// Options say who is exempt.
type Options struct {
	// BreakGlassGroup is the group whose members may change and delete protected objects. Where it is empty nobody may.
	BreakGlassGroup string
}

// Policy refuses, on objects that carry the label nopea.io/prevent, what changes or deletes a field that NOPEA applied. When anyone
// changes such a field the API server takes it out of NOPEA's entry in metadata.managedFields, before admission: so whether the entry
// stays as it is decides, and no field has to be known by name.
//
// A match condition that an administrator adds to the policy stays there, and so does a selector in the binding.
func Policy(o Options) *applyadmission.ValidatingAdmissionPolicyApplyConfiguration {
	return applyadmission.ValidatingAdmissionPolicy(Name).WithSpec(applyadmission.ValidatingAdmissionPolicySpec().
		WithFailurePolicy(admissionregistrationv1.Ignore).
		WithMatchConstraints(matchConstraints()).
		WithMatchConditions(matchConditions(o)...).
		WithVariables(variables()...).
		WithValidations(validations(o)...))
}

// Binding puts the policy into force in the whole cluster.
func Binding() *applyadmission.ValidatingAdmissionPolicyBindingApplyConfiguration {
	return applyadmission.ValidatingAdmissionPolicyBinding(Name).WithSpec(applyadmission.ValidatingAdmissionPolicyBindingSpec().
		WithPolicyName(Name).
		WithValidationActions(admissionregistrationv1.Deny))
}

// matchConstraints select by a label that the old or the new object carries. Subresources stay out of it: a status is no business of
// Git's, and a Scale carries no label.
func matchConstraints() *applyadmission.MatchResourcesApplyConfiguration {
	return applyadmission.MatchResources().
		WithMatchPolicy(admissionregistrationv1.Equivalent).
		WithNamespaceSelector(applymeta.LabelSelector()).
		WithObjectSelector(applymeta.LabelSelector().WithMatchLabels(map[string]string{v1alpha1.LabelPrevent: "true"})).
		WithResourceRules(applyadmission.NamedRuleWithOperations().
			WithAPIGroups("*").WithAPIVersions("*").WithResources("*").
			WithScope(admissionregistrationv1.AllScopes).
			WithOperations(admissionregistrationv1.Update, admissionregistrationv1.Delete))
}

// isApplyEntry is the predicate, for a CEL macro over metadata.managedFields, of the entry of NOPEA's own server-side apply.
var isApplyEntry = fmt.Sprintf(`e, has(e.manager) && e.manager == %q && has(e.operation) && e.operation == %q && !has(e.subresource)`,
	v1alpha1.FieldManager, metav1.ManagedFieldsOperationApply)

// matchConditions leave out what has to pass. One that can not be evaluated lets the request pass.
func matchConditions(o Options) []*applyadmission.MatchConditionApplyConfiguration {
	conditions := []*applyadmission.MatchConditionApplyConfiguration{
		// Controllers copy labels to objects of their own, but no managed fields.
		condition("applied-by-nopea", `has(oldObject.metadata.managedFields) && oldObject.metadata.managedFields.exists(`+isApplyEntry+`)`),
		// NOPEA writes as the tenant's ServiceAccount; the mark, which a tenant has no right to impersonate, tells the two apart.
		condition("not-nopea", fmt.Sprintf(`!has(request.userInfo.extra) || !(%q in request.userInfo.extra)`, v1alpha1.ExtraApply)),
		// What is being deleted has to end: its finalizers go by updates, and a Pod is deleted twice.
		condition("not-being-deleted", `!has(oldObject.metadata.deletionTimestamp)`),
		condition("not-the-control-plane", `request.operation != "DELETE" || !(`+isControlPlane+`)`),
		// The rules of an aggregated ClusterRole are this controller's, although manifests often hold an empty list of them.
		condition("not-role-aggregation", `request.userInfo.username != "system:serviceaccount:kube-system:clusterrole-aggregation-controller"`),
	}
	if o.BreakGlassGroup != "" {
		conditions = append(conditions, condition("not-break-glass",
			fmt.Sprintf(`!has(request.userInfo.groups) || !(%s in request.userInfo.groups)`, quote(o.BreakGlassGroup))))
	}
	return conditions
}

// isControlPlane is about who deletes: namespaces and their contents, dependents of what was deleted, Jobs whose time is over, Pods
// that ended, were evicted, or make room for others.
var isControlPlane = strings.Join([]string{
	`request.userInfo.username.startsWith("system:serviceaccount:kube-system:")`,
	`request.userInfo.username.startsWith("system:node:")`,
	`request.userInfo.username in ["system:kube-controller-manager", "system:kube-scheduler"]`,
}, " || ")

func variables() []*applyadmission.VariableApplyConfiguration {
	entries := func(object string) string {
		return fmt.Sprintf(`has(%[1]s.metadata.managedFields) ? %[1]s.metadata.managedFields.filter(%[2]s) : []`, object, isApplyEntry)
	}
	return []*applyadmission.VariableApplyConfiguration{
		variable("deletes", `request.operation == "DELETE"`),
		variable("manager", `has(request.options) && has(request.options.fieldManager) ? request.options.fieldManager : ""`),
		variable("before", entries("oldObject")),
		variable("after", entries("object")),
		variable("labels", `has(oldObject.metadata.labels) ? oldObject.metadata.labels : {}`),
		variable("annotations", `has(oldObject.metadata.annotations) ? oldObject.metadata.annotations : {}`),
		variable("repository", fmt.Sprintf(`string(variables.labels[?%q].orValue("?")) + "/" + string(variables.labels[?%q].orValue("?"))`,
			v1alpha1.LabelNamespace, v1alpha1.LabelRepository)),
		variable("file", fmt.Sprintf(`string(variables.annotations[?%q].orValue("Git"))`, v1alpha1.AnnotationOrigin)),
	}
}

func validations(o Options) []*applyadmission.ValidationApplyConfiguration {
	otherwise := " Otherwise, set spec.driftPolicy of that GitRepository to other than Prevent."
	if o.BreakGlassGroup != "" {
		otherwise = " Otherwise, act as a member of the group " + strconv.QuoteToGraphic(o.BreakGlassGroup) +
			", or set spec.driftPolicy of that GitRepository to other than Prevent."
	}
	return []*applyadmission.ValidationApplyConfiguration{
		validation(`!variables.deletes`, "this object", "Remove it there and push."+otherwise),
		// The same manager's apply with other values leaves the field set as it is.
		validation(fmt.Sprintf(`variables.deletes || variables.manager != %q`, v1alpha1.FieldManager), "this object",
			fmt.Sprintf("The field manager %q is NOPEA's: use another for other fields; change these there and push.", v1alpha1.FieldManager)+otherwise),
		// The entry as a whole: its version says what its fields are, and its time is part of the ownership signature.
		validation(`variables.deletes || variables.after == variables.before`, "what this would change", "Change it there and push."+otherwise),
	}
}

// validation refuses, and says what is held where, and what to do. The plain message stands in where the expression grows too long.
func validation(expression, held, remedy string) *applyadmission.ValidationApplyConfiguration {
	return applyadmission.Validation().
		WithExpression(expression).
		WithReason(metav1.StatusReasonForbidden).
		WithMessage("A GitRepository holds " + held + ". " + remedy).
		WithMessageExpression(`"GitRepository " + variables.repository + ` + quote(" holds "+held+", in ") + ` + variables.file + ` + quote(". "+remedy))
}

func condition(name, expression string) *applyadmission.MatchConditionApplyConfiguration {
	return applyadmission.MatchCondition().WithName(name).WithExpression(expression)
}

func variable(name, expression string) *applyadmission.VariableApplyConfiguration {
	return applyadmission.Variable().WithName(name).WithExpression(expression)
}

// quote writes a text as a CEL string literal. Of Go's escapes those for ASCII are CEL's too.
func quote(text string) string {
	return strconv.QuoteToASCII(strings.ToValidUTF8(text, "\uFFFD"))
}
