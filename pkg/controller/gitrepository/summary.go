package gitrepository

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
	"nopea.io/nopea/pkg/apply"
	"nopea.io/nopea/pkg/wording"
)

// summary is what a run did, or with a dry run would do.
type summary struct {
	counts  v1alpha1.SyncCounts
	changes []v1alpha1.SyncChange
	// desired objects, and how many of them are live as Git has them.
	desired, applied int32
	// failures are the errors of single objects, the first ones first.
	failures []error
	// refused are the objects that another owner holds.
	refused []string
	// handedOver counts what another GitRepository is to take over: until then it stays recorded.
	handedOver int
	waiting    int
	// notes name what is not honoured of annotations for other tools.
	notes []string
	// held are the objects whose wave has not begun.
	held int
}

// summarize counts what a plan found and what became of it. Without outcomes (a dry run) it counts what the plan would do.
func summarize(plan *apply.Plan, outcomes []apply.Outcome) summary {
	var s summary
	for i := range plan.Steps {
		step := &plan.Steps[i]
		if step.Desired != nil {
			s.desired++
		}
		if step.Action == apply.Unchanged {
			s.counts.Unchanged++
			if !step.Drifted {
				s.applied++
			}
		}
	}
	for i := range outcomes {
		s.add(&outcomes[i])
	}
	slices.SortStableFunc(s.changes, func(a, b v1alpha1.SyncChange) int { return rank(a.Action) - rank(b.Action) })
	s.changes = s.changes[:min(len(s.changes), v1alpha1.MaxSyncChanges)]
	return s
}

func (s *summary) add(outcome *apply.Outcome) {
	step := outcome.Step
	switch {
	case outcome.Held:
		s.held++
		return
	case outcome.Waiting:
		s.waiting++
		return
	case outcome.Err != nil:
		s.counts.Failed++
		s.failures = append(s.failures, outcome.Err)
		s.change(outcome, v1alpha1.SyncActionFailed)
		return
	}
	switch outcome.Done {
	case apply.Unchanged:
		s.counts.Unchanged++
		s.applied++
	case apply.Create:
		s.counts.Created++
		s.applied++
		s.change(outcome, v1alpha1.SyncActionCreated)
	case apply.Configure:
		s.counts.Configured++
		s.applied++
		s.change(outcome, v1alpha1.SyncActionConfigured)
	case apply.Adopt:
		s.counts.Adopted++
		s.applied++
		s.change(outcome, v1alpha1.SyncActionAdopted)
	case apply.Prune:
		s.counts.Pruned++
		s.change(outcome, v1alpha1.SyncActionPruned)
	case apply.Release, apply.HandOver:
		if outcome.Done == apply.HandOver {
			s.handedOver++
		}
		s.counts.Released++
		s.change(outcome, v1alpha1.SyncActionReleased)
	case apply.Paused:
		s.counts.Paused++
		s.change(outcome, v1alpha1.SyncActionPaused)
	case apply.Refuse:
		s.counts.Refused++
		s.refused = append(s.refused, fmt.Sprintf("%s (%s): %s", step.ID, step.Desired.File, step.Reason))
		s.change(outcome, v1alpha1.SyncActionRefused)
	}
}

func (s *summary) change(outcome *apply.Outcome, action v1alpha1.SyncAction) {
	step := outcome.Step
	change := v1alpha1.SyncChange{
		Action:     action,
		APIVersion: schema.GroupVersion{Group: step.ID.Group, Version: step.Version}.String(),
		Kind:       step.ID.Kind, Namespace: step.ID.Namespace, Name: step.ID.Name,
		File: fileOf(step), Message: messageOf(outcome),
	}
	for _, field := range outcome.Fields[:min(len(outcome.Fields), v1alpha1.MaxSyncFields)] {
		change.Fields = append(change.Fields, wording.Shorten(field.Path, 128))
	}
	change.MoreFields = int32(len(outcome.Fields) - len(change.Fields))
	s.changes = append(s.changes, change)
}

// messageOf says why an outcome is what it is, where that is not plain.
func messageOf(outcome *apply.Outcome) string {
	switch {
	case outcome.Err != nil:
		return wording.Shorten(outcome.Err.Error(), 512)
	case outcome.Note != "":
		return wording.Shorten(outcome.Note, 512)
	case outcome.Done == apply.Configure, outcome.Done == apply.Adopt, outcome.Done == apply.Release, outcome.Done == apply.HandOver, outcome.Done == apply.Paused, outcome.Done == apply.Refuse:
		return wording.Shorten(outcome.Step.Reason, 512)
	}
	return ""
}

// fileOf is the file that holds, or held, a step's object.
func fileOf(step *apply.Step) string {
	switch {
	case step.Desired != nil:
		return step.Desired.File
	case step.Entry != nil:
		return step.Entry.File
	}
	return ""
}

// changed is how many objects of the cluster were written, apart from those that were only taken over.
func (s *summary) changed() int32 {
	return s.counts.Created + s.counts.Configured + s.counts.Pruned
}

// wrote tells whether anything of the cluster was written.
func (s *summary) wrote() bool {
	return s.changed()+s.counts.Adopted > 0
}

// after adds what an earlier run did for the same commit.
func (s *summary) after(earlier *summary) {
	if earlier == nil {
		return
	}
	did := earlier.counts
	s.counts.Unchanged = max(0, s.counts.Unchanged-did.Created-did.Configured-did.Adopted)
	s.counts.Adopted += did.Adopted
	s.counts.Created, s.counts.Configured = s.counts.Created+did.Created, s.counts.Configured+did.Configured
	s.counts.Pruned, s.counts.Released = s.counts.Pruned+did.Pruned, s.counts.Released+did.Released
	s.changes = append(slices.Clone(earlier.changes), s.changes...)
	s.changes = s.changes[:min(len(s.changes), v1alpha1.MaxSyncChanges)]
}

// message says in a line how a run ended well.
func (s *summary) message() string {
	message := s.messageOfChanges()
	if s.counts.Adopted > 0 {
		message += fmt.Sprintf(", %d taken over", s.counts.Adopted)
	}
	if s.counts.Paused > 0 {
		message += fmt.Sprintf(", %d paused", s.counts.Paused)
	}
	return message
}

func (s *summary) messageOfChanges() string {
	switch {
	case s.desired == 0 && s.changed() == 0:
		return "applied, Git holds no objects"
	case s.changed() == 0:
		return fmt.Sprintf("applied, %d unchanged", s.desired)
	case s.counts.Pruned == 0:
		return fmt.Sprintf("applied, %d of %d changed", s.changed(), s.desired)
	}
	return fmt.Sprintf("applied, %d of %d changed, %d pruned", s.changed()-s.counts.Pruned, s.desired, s.counts.Pruned)
}

// plan says in a line what a dry run found, and that its prune would wait for a confirmation.
func (s *summary) plan(held *v1alpha1.PendingPrune) string {
	message := fmt.Sprintf("planned: %d to create, %d to configure, %d to prune, %d unchanged; nothing was written",
		s.counts.Created, s.counts.Configured, s.counts.Pruned, s.counts.Unchanged)
	if s.counts.Adopted > 0 {
		message += fmt.Sprintf("; %d to take over as they are", s.counts.Adopted)
	}
	if s.counts.Paused > 0 {
		message += fmt.Sprintf("; %d paused", s.counts.Paused)
	}
	if held != nil {
		message += "; the prune would wait for a confirmation, because " + held.Reason
	}
	return message
}

// failure of a run as a whole, from those of its objects.
func (s *summary) failure(repository *v1alpha1.GitRepository) *Failure {
	switch {
	case len(s.failures) > 0:
		return s.explainObjects(repository)
	case len(s.refused) > 0:
		return &Failure{Code: CodeRefused,
			Message: fmt.Sprintf("%d of %d objects refused: %s", len(s.refused), s.desired, strings.Join(first(s.refused, 3), "; ")),
			Hint:    "Take the objects out of this repository or out of the hands of their owner, or name the owner in spec.adopt to take them over."}
	}
	return nil
}

// explainObjects names the first failures, those that say the most of them: a missing right comes before what follows from it.
func (s *summary) explainObjects(repository *v1alpha1.GitRepository) *Failure {
	first := explain(s.failures[0], repository)
	for _, err := range s.failures[1:] {
		if other := explain(err, repository); first.Code != CodePermissionDenied && other.Code == CodePermissionDenied {
			first = other
		}
	}
	if more := len(s.failures) - 1; more > 0 {
		first.Message = fmt.Sprintf("%d objects failed, one of them: %s", more+1, first.Message)
	}
	if s.waiting > 0 {
		first.Message += fmt.Sprintf("; %d more wait for it", s.waiting)
	}
	return first
}

func first(texts []string, most int) []string {
	if len(texts) <= most {
		return texts
	}
	return append(slices.Clone(texts[:most]), fmt.Sprintf("and %d more", len(texts)-most))
}

// rank puts what a reader looks for first.
func rank(action v1alpha1.SyncAction) int {
	return slices.Index([]v1alpha1.SyncAction{
		v1alpha1.SyncActionFailed, v1alpha1.SyncActionRefused, v1alpha1.SyncActionPaused, v1alpha1.SyncActionPruned, v1alpha1.SyncActionCreated,
		v1alpha1.SyncActionConfigured, v1alpha1.SyncActionAdopted, v1alpha1.SyncActionReleased,
	}, action)
}
