package validation

import (
	"fmt"

	apivalidation "k8s.io/apimachinery/pkg/api/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"nopea.io/nopea/pkg/apis/nopea"
	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
)

// ValidatePlan checks a plan that is about to be stored. Only the controller writes one; the bounds keep a mistake there from filling the
// store, and from a request that etcd would refuse.
func ValidatePlan(plan *nopea.Plan) field.ErrorList {
	errs := apivalidation.ValidateObjectMeta(&plan.ObjectMeta, true, apivalidation.NameIsDNSSubdomain, field.NewPath("metadata"))
	errs = append(errs, validateRevision(plan.Revision, field.NewPath("revision"))...)
	at, size := field.NewPath("objects"), 0
	for i := range plan.Objects {
		object, here := &plan.Objects[i], at.Index(i)
		errs = append(errs, validateEnum(object.Action, here.Child("action"), nopea.PlanActionCreate, nopea.PlanActionConfigure,
			nopea.PlanActionUnchanged, nopea.PlanActionPrune, nopea.PlanActionRelease, nopea.PlanActionRefuse, nopea.PlanActionPause,
			nopea.PlanActionAdopt, nopea.PlanActionHandOver,
			nopea.PlanActionFail)...)
		errs = append(errs, validateMessage(object.Message, here.Child("message"))...)
		if len(object.Fields) > v1alpha1.MaxPlanFields {
			errs = append(errs, field.TooMany(here.Child("fields"), len(object.Fields), v1alpha1.MaxPlanFields))
		}
		size += sizeOfPlanned(object)
	}
	if size > v1alpha1.MaxPlanBytes {
		errs = append(errs, field.Invalid(at, "", fmt.Sprintf("takes %d bytes, more than %d", size, v1alpha1.MaxPlanBytes)))
	}
	return errs
}

func sizeOfPlanned(object *nopea.PlannedObject) int {
	size := len(object.APIVersion) + len(object.Kind) + len(object.Namespace) + len(object.Name) + len(object.File) + len(object.Message)
	for i := range object.Fields {
		size += len(object.Fields[i].Path) + len(object.Fields[i].From) + len(object.Fields[i].To)
	}
	return size
}
