package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object

// Plan is what a Sync with dryRun found, whole: what a sync would do to each object, and to which of its fields. It is the subresource
// `plan` of that Sync, has its name, and goes with it. Only the controller writes it.
type Plan struct {
	metav1.TypeMeta `json:",inline"`
	// Standard object's metadata.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// revision that was planned.
	// +optional
	Revision *Revision `json:"revision,omitempty"`
	// counts of all objects per action.
	// +optional
	Counts *SyncCounts `json:"counts,omitempty"`
	// objects, those that would not be as Git has them first.
	// +optional
	// +listType=atomic
	Objects []PlannedObject `json:"objects,omitempty"`
	// truncated: the plan is too large to be kept whole. Objects that would stay as they are were left out first, then fields, then
	// objects; counts has them all.
	// +optional
	Truncated bool `json:"truncated,omitempty"`
}

// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object

// PlanList is a list of Plans. It is not served.
type PlanList struct {
	metav1.TypeMeta `json:",inline"`
	// Standard list metadata.
	// +optional
	metav1.ListMeta `json:"metadata,omitempty"`
	// items are the Plans.
	Items []Plan `json:"items"`
}

// PlanAction is what a sync would do to an object.
// +enum
type PlanAction string

const (
	// PlanActionCreate is for an object that is not there.
	PlanActionCreate PlanAction = "Create"
	// PlanActionConfigure is for an object of which fields would change.
	PlanActionConfigure PlanAction = "Configure"
	// PlanActionUnchanged is for an object of which no field would change.
	PlanActionUnchanged PlanAction = "Unchanged"
	// PlanActionPrune is for an object that would be deleted because it is gone from Git.
	PlanActionPrune PlanAction = "Prune"
	// PlanActionRelease is for an object that is gone from Git and would stay, because it is not NOPEA's to delete.
	PlanActionRelease PlanAction = "Release"
	// PlanActionRefuse is for an object that another owner holds; it would be left alone.
	PlanActionRefuse PlanAction = "Refuse"
	// PlanActionAdopt is for an object that would be taken over from its owner, and be the same.
	PlanActionAdopt PlanAction = "Adopt"
	// PlanActionHandOver is for an object that would be left for the GitRepository that Git holds it for now.
	PlanActionHandOver PlanAction = "HandOver"
	// PlanActionPause is for an object that a pause holds as it is.
	PlanActionPause PlanAction = "Pause"
	// PlanActionFail is for an object that the API server would not take.
	PlanActionFail PlanAction = "Fail"
)

// PlannedObject is one object and what a sync would do to it.
type PlannedObject struct {
	// action that would be taken.
	Action PlanAction `json:"action"`
	// apiVersion of the object.
	APIVersion string `json:"apiVersion"`
	// kind of the object.
	Kind string `json:"kind"`
	// namespace of the object; empty when cluster-scoped.
	// +optional
	Namespace string `json:"namespace,omitempty"`
	// name of the object.
	Name string `json:"name"`
	// file that holds its manifest.
	// +optional
	File string `json:"file,omitempty"`
	// message says why, or what could not be found out, where that is not plain.
	// +optional
	Message string `json:"message,omitempty"`
	// fields that would change.
	// +optional
	// +listType=atomic
	Fields []FieldChange `json:"fields,omitempty"`
	// moreFields is how many fields would change beside those.
	// +optional
	MoreFields int32 `json:"moreFields,omitempty"`
}

// FieldChange is a field that would change. Values are JSON, shortened where they are long; what a Secret holds is shown as ***.
type FieldChange struct {
	// path of the field, such as spec.template.spec.containers[name=app].image.
	Path string `json:"path"`
	// from is the value now; empty where the field is not there.
	// +optional
	From string `json:"from,omitempty"`
	// to is the value as it would be; empty where the field would go.
	// +optional
	To string `json:"to,omitempty"`
}
