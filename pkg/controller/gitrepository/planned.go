package gitrepository

import (
	"encoding/json"
	"slices"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
	"nopea.io/nopea/pkg/apply"
)

// messageOfDrift is what is to be said of an object that is not as Git has it and stays so.
const messageOfDrift = "it is not live as Git has it, and its drift policy leaves it so"

// planned is a plan as the API has it, what a reader looks for first, and no larger than is kept.
func planned(plan *apply.Plan, outcomes []apply.Outcome, revision *v1alpha1.Revision, counts v1alpha1.SyncCounts) *v1alpha1.Plan {
	result := &v1alpha1.Plan{Revision: revision, Counts: &counts}
	for i := range outcomes {
		if outcome := &outcomes[i]; outcome.Err != nil || outcome.Done != apply.Forget {
			result.Objects = append(result.Objects, plannedObject(outcome))
		}
	}
	for _, step := range plan.Of(apply.Unchanged) {
		outcome := apply.Outcome{Step: step, Done: apply.Unchanged}
		if step.Drifted {
			outcome.Note = messageOfDrift
		}
		result.Objects = append(result.Objects, plannedObject(&outcome))
	}
	slices.SortStableFunc(result.Objects, func(a, b v1alpha1.PlannedObject) int { return rankPlanned(a.Action) - rankPlanned(b.Action) })
	bound(result, v1alpha1.MaxPlanBytes)
	return result
}

func plannedObject(outcome *apply.Outcome) v1alpha1.PlannedObject {
	step := outcome.Step
	object := v1alpha1.PlannedObject{
		Action:     plannedAction(outcome),
		APIVersion: schema.GroupVersion{Group: step.ID.Group, Version: step.Version}.String(),
		Kind:       step.ID.Kind, Namespace: step.ID.Namespace, Name: step.ID.Name, File: fileOf(step), Message: messageOf(outcome),
	}
	for _, change := range outcome.Fields[:min(len(outcome.Fields), v1alpha1.MaxPlanFields)] {
		object.Fields = append(object.Fields, v1alpha1.FieldChange{Path: change.Path, From: change.From, To: change.To})
	}
	object.MoreFields = int32(len(outcome.Fields) - len(object.Fields))
	return object
}

func plannedAction(outcome *apply.Outcome) v1alpha1.PlanAction {
	if outcome.Err != nil {
		return v1alpha1.PlanActionFail
	}
	return map[apply.Action]v1alpha1.PlanAction{
		apply.Create: v1alpha1.PlanActionCreate, apply.Configure: v1alpha1.PlanActionConfigure, apply.Unchanged: v1alpha1.PlanActionUnchanged,
		apply.Prune: v1alpha1.PlanActionPrune, apply.Release: v1alpha1.PlanActionRelease, apply.Refuse: v1alpha1.PlanActionRefuse,
		apply.Paused: v1alpha1.PlanActionPause, apply.Adopt: v1alpha1.PlanActionAdopt, apply.HandOver: v1alpha1.PlanActionHandOver,
	}[outcome.Done]
}

// rankPlanned puts what a reader looks for first.
func rankPlanned(action v1alpha1.PlanAction) int {
	return slices.Index([]v1alpha1.PlanAction{
		v1alpha1.PlanActionFail, v1alpha1.PlanActionRefuse, v1alpha1.PlanActionPause, v1alpha1.PlanActionPrune, v1alpha1.PlanActionCreate,
		v1alpha1.PlanActionConfigure, v1alpha1.PlanActionAdopt, v1alpha1.PlanActionHandOver, v1alpha1.PlanActionRelease, v1alpha1.PlanActionUnchanged,
	}, action)
}

// bound leaves out of a plan what makes it larger than a number of bytes: objects that stay as they are, then fields, then objects. What
// the rest of a Plan takes is small.
func bound(plan *v1alpha1.Plan, most int) {
	const rest = 16 << 10
	most -= rest
	sizes, sum := make([]int, len(plan.Objects)), 0
	for i := range plan.Objects {
		sizes[i] = size(&plan.Objects[i])
		sum += sizes[i]
	}
	if sum <= most {
		return
	}
	plan.Truncated = true
	var kept []v1alpha1.PlannedObject
	sum = 0
	for i := range plan.Objects {
		object := plan.Objects[i]
		if object.Action == v1alpha1.PlanActionUnchanged {
			continue
		}
		bytes := sizes[i]
		if sum+bytes > most && len(object.Fields) > 0 {
			object.MoreFields += int32(len(object.Fields))
			object.Fields = nil
			bytes = size(&object)
		}
		if sum+bytes > most {
			break
		}
		sum += bytes
		kept = append(kept, object)
	}
	plan.Objects = kept
}

// size of an object in a stored plan.
func size(object *v1alpha1.PlannedObject) int {
	text, err := json.Marshal(object)
	if err != nil {
		// It holds texts and numbers alone.
		panic(err)
	}
	return len(text) + len(",")
}
