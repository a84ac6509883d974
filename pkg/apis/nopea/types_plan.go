package nopea

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object

// Plan is what a Sync with dryRun found, whole: what a sync would do to each object, and to which of its fields. It is the subresource
// `plan` of that Sync, has its name, and goes with it. Only the controller writes it.
type Plan struct {
	metav1.TypeMeta
	metav1.ObjectMeta

	Revision  *Revision
	Counts    *SyncCounts
	Objects   []PlannedObject
	Truncated bool
}

// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object

// PlanList is a list of Plans. It is not served.
type PlanList struct {
	metav1.TypeMeta
	metav1.ListMeta
	Items []Plan
}

// PlanAction is what a sync would do to an object.
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
	Action     PlanAction
	APIVersion string
	Kind       string
	Namespace  string
	Name       string
	File       string
	Message    string
	Fields     []FieldChange
	MoreFields int32
}

// FieldChange is a field that would change. Values are JSON, shortened where they are long; what a Secret holds is shown as ***.
type FieldChange struct {
	Path string
	From string
	To   string
}
