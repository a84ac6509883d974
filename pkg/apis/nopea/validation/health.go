package validation

import (
	"k8s.io/apimachinery/pkg/util/validation/field"

	"nopea.io/nopea/pkg/apis/nopea"
	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
)

func validateHealthStatus(health *nopea.HealthStatus, at *field.Path) field.ErrorList {
	if health == nil {
		return nil
	}
	if count := len(health.Objects); count > v1alpha1.MaxUnhealthyObjects {
		return field.ErrorList{field.TooMany(at.Child("objects"), count, v1alpha1.MaxUnhealthyObjects)}
	}
	var errs field.ErrorList
	for i := range health.Objects {
		object := at.Child("objects").Index(i)
		errs = append(errs, validateEnum(health.Objects[i].State, object.Child("state"), nopea.HealthStateHealthy,
			nopea.HealthStateProgressing, nopea.HealthStateUnhealthy, nopea.HealthStateUnknown)...)
		errs = append(errs, validateMessage(health.Objects[i].Message, object.Child("message"))...)
	}
	return errs
}
