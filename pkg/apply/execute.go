package apply

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
	"nopea.io/nopea/pkg/ownership"
)

// Outcome is what became of one step that was not Unchanged.
type Outcome struct {
	Step *Step
	// Done is what was done in the end: a Create, Configure, Prune, Release, HandOver, Forget, Refuse or Paused, for a Verify that found the
	// object as Git has it Unchanged, and for an Adopt that changed nothing but whose it is Adopt. Meaningless with Err.
	Done Action
	// Entry to record, for a Create, a Configure, an Adopt and a Verify.
	Entry *v1alpha1.InventoryEntry
	// Fields that change, and Note what else there is to say of it: of a Rehearse alone.
	Fields []FieldChange
	Note   string
	// Waiting: the step was not tried, because something before it failed.
	Waiting bool
	// Held: the step was not tried, because something of an earlier wave is not healthy yet.
	Held bool
	// Err why it failed: an *ObjectError.
	Err error
}

// Failed tells whether the object is not as Git has it because of this outcome.
func (o *Outcome) Failed() bool {
	return o.Err != nil || o.Waiting || o.Held || o.Done == Refuse
}

type execution struct {
	*Cluster
	asOf    time.Time
	options Options

	mu       sync.Mutex
	outcomes map[*Step]Outcome
}

// Execute does what a plan says: wave after wave, the stages of a wave one after the other, the objects of a stage side by side. One bad
// object does not stop the others of its stage; later stages wait. A wave is held, with all after it, unless mayBegin says that all before
// it is well; nil stands for always. Pruning comes last, and only when nothing before it failed or is held, and prune allows it.
func (c *Cluster) Execute(ctx context.Context, plan *Plan, prune bool, mayBegin func(wave int) bool) []Outcome {
	e := &execution{Cluster: c, options: plan.options, outcomes: make(map[*Step]Outcome)}
	blocked, held := false, false
	for _, wave := range plan.waves() {
		held = held || !blocked && mayBegin != nil && !mayBegin(wave.number)
		for stage := range stageCount {
			steps := wave.stage(stage)
			switch {
			case blocked:
				e.wait(steps)
				continue
			case held:
				e.hold(steps)
				continue
			}
			if stage > StageDefinitions {
				e.establish(ctx, steps)
			}
			e.applyStage(ctx, steps)
			blocked = e.anyFailed(steps)
		}
	}
	e.clear(ctx, plan, prune && !blocked && !held)
	return e.inOrder(plan)
}

// applyStage applies a stage, and tries what failed once more when others of the stage changed meanwhile: a RoleBinding may have
// come before its Role.
func (e *execution) applyStage(ctx context.Context, steps []*Step) {
	var todo []*Step
	for _, step := range steps {
		switch step.Action {
		case Refuse:
			e.finish(Outcome{Step: step, Done: Refuse})
		case Blocked:
			e.finish(Outcome{Step: step, Err: blockedError(step)})
		case Paused:
			e.finish(Outcome{Step: step, Done: Paused})
		default:
			if e.outcomes[step].Err == nil {
				todo = append(todo, step)
			}
		}
	}
	Each(ctx, todo, e.applyStep)
	again := slices.DeleteFunc(slices.Clone(todo), func(s *Step) bool { return !worthAnotherTry(e.outcomes[s].Err) })
	if len(again) > 0 && len(again) < len(todo) && ctx.Err() == nil {
		Each(ctx, again, e.applyStep)
	}
	for _, step := range todo {
		if _, done := e.outcomes[step]; !done {
			e.finish(Outcome{Step: step, Err: &ObjectError{ID: step.ID, File: step.Desired.File, Operation: "apply", Err: context.Cause(ctx)}})
		}
	}
}

func (e *execution) applyStep(ctx context.Context, step *Step) {
	fail := func(err error) {
		e.finish(Outcome{Step: step, Err: &ObjectError{ID: step.ID, File: step.Desired.File, Operation: "apply", Err: err}})
	}
	resource, err := e.lookup(ctx, step, e.asOf)
	if err != nil {
		fail(err)
		return
	}
	defer e.lock(step.ID)()
	switch step.Action {
	case Create:
		if err = e.write(ctx, resource, step, Create); apierrors.IsConflict(err) {
			// There is one that nothing showed before.
			err = e.meet(ctx, resource, step)
		}
	case Configure:
		err = e.write(ctx, resource, step, Configure)
	case Adopt:
		err = e.adopt(ctx, resource, step)
	default:
		err = e.verify(ctx, resource, step)
	}
	if err != nil {
		fail(err)
	}
}

// meet decides on an object that was thought not to be there.
func (e *execution) meet(ctx context.Context, resource Resource, step *Step) error {
	object, err := e.Get(ctx, resource, step.ID)
	if err != nil {
		return err
	}
	live, err := e.judge(ctx, step.ID, object)
	if err != nil {
		return err
	}
	met := planDesired(step.Desired, step.Entry, Observation{Live: map[ID]Live{step.ID: live}}, &e.options)
	step.UID, step.Signature, step.generation, step.Yields, step.Reason = met.UID, met.Signature, met.generation, met.Yields, met.Reason
	switch met.Action {
	case Refuse, Paused:
		e.finish(Outcome{Step: step, Done: met.Action})
	case Blocked:
		return errors.New(met.Reason)
	case Unchanged:
		e.finish(Outcome{Step: step, Done: Unchanged, Entry: step.Entry})
	case Verify:
		return e.verify(ctx, resource, step)
	case Adopt:
		return e.adopt(ctx, resource, step)
	default:
		return e.write(ctx, resource, step, Configure)
	}
	return nil
}

// verify applies an object only if a dry run tells that it is not as Git has it: a dry run of what is there already moves no time in
// managedFields, and so leaves the signature; any change moves it, or within the second of the last apply the generation.
func (e *execution) verify(ctx context.Context, resource Resource, step *Step) error {
	if step.Desired.CreateOnly {
		live, err := e.Get(ctx, resource, step.ID)
		if err != nil {
			return err
		}
		return e.recordAsIs(resource, step, live)
	}
	live, err := e.Apply(ctx, resource, step.Desired, Write{UID: step.UID, Yields: step.Yields, DryRun: true})
	if err != nil {
		return err
	}
	signature, err := ownership.Signature(live.ManagedFields)
	if err != nil {
		return err
	}
	if signature.String() != step.Signature || live.Generation != step.generation {
		return e.write(ctx, resource, step, Configure)
	}
	return e.recordAsIs(resource, step, live)
}

// recordAsIs records an object that stays as it is.
func (e *execution) recordAsIs(resource Resource, step *Step, live *metav1.PartialObjectMetadata) error {
	entry, err := NewEntry(step.Desired, live)
	if err != nil {
		return err
	}
	e.applied(resource, live, entry)
	e.finish(Outcome{Step: step, Done: Unchanged, Entry: &entry})
	return nil
}

// adopt takes an object over, unless somebody took it meanwhile from whom it may not be taken.
func (e *execution) adopt(ctx context.Context, resource Resource, step *Step) error {
	live, changed, err := e.Cluster.adopt(ctx, resource, step.Desired, Write{UID: step.UID, Yields: step.Yields})
	if refused := (*RefusedError)(nil); errors.As(err, &refused) {
		step.Reason = refused.Holder.refusal()
		e.finish(Outcome{Step: step, Done: Refuse})
		return nil
	}
	if err != nil {
		return err
	}
	done := Adopt
	if changed {
		done = Configure
	}
	return e.wrote(resource, step, done, live)
}

func (e *execution) write(ctx context.Context, resource Resource, step *Step, done Action) error {
	live, err := e.Cluster.write(ctx, resource, step.Desired, Write{UID: step.UID, Yields: step.Yields})
	if err != nil {
		return err
	}
	return e.wrote(resource, step, done, live)
}

func (e *execution) wrote(resource Resource, step *Step, done Action, live *metav1.PartialObjectMetadata) error {
	entry, err := NewEntry(step.Desired, live)
	if err != nil {
		return err
	}
	if step.UID != "" && live.UID != step.UID {
		step.Reason = "it was deleted and made anew, because a field of it is immutable"
	}
	e.applied(resource, live, entry)
	e.finish(Outcome{Step: step, Done: done, Entry: &entry})
	return nil
}

func (e *execution) applied(resource Resource, live *metav1.PartialObjectMetadata, entry v1alpha1.InventoryEntry) {
	if e.Witness != nil {
		e.Witness.Applied(e.Owner, resource, live, entry)
	}
}

// clear ends the steps on objects that are gone from Git: first the objects, then the definitions.
func (e *execution) clear(ctx context.Context, plan *Plan, prune bool) {
	for _, step := range plan.Of(HandOver, Forget) {
		e.finish(Outcome{Step: step, Done: step.Action})
	}
	Each(ctx, plan.Of(Release), e.release)
	for _, step := range plan.Of(Blocked, Paused) {
		switch {
		case step.Desired != nil:
		case step.Action == Paused:
			e.finish(Outcome{Step: step, Done: Paused})
		default:
			e.finish(Outcome{Step: step, Err: blockedError(step)})
		}
	}
	steps := plan.Of(Prune)
	if !prune {
		e.wait(steps)
		return
	}
	for stage := stageCount - 1; stage >= 0; stage-- {
		Each(ctx, slices.DeleteFunc(slices.Clone(steps), func(s *Step) bool { return StageOf(s.ID) != stage }), e.pruneStep)
	}
}

// release lets go of an object. Edits of it are not refused any more.
func (e *execution) release(ctx context.Context, step *Step) {
	if step.ours {
		if err := e.Unprotect(ctx, step.ID, step.Version); err != nil {
			e.finish(Outcome{Step: step, Err: &ObjectError{ID: step.ID, File: step.Entry.File, Operation: "release", Err: err}})
			return
		}
	}
	e.finish(Outcome{Step: step, Done: Release})
}

func (e *execution) pruneStep(ctx context.Context, step *Step) {
	resource, err := e.lookup(ctx, step, e.asOf)
	if err == nil {
		defer e.lock(step.ID)()
		if e.Witness != nil && e.Witness.Lost(e.Owner, step.ID) {
			step.Reason = "another GitRepository has taken it over"
			e.finish(Outcome{Step: step, Done: Release})
			return
		}
		err = e.delete(ctx, resource, step.ID, step.UID, false)
	}
	switch {
	case err == nil:
		if e.Witness != nil {
			e.Witness.Deleted(resource, step.ID, step.UID)
		}
		e.finish(Outcome{Step: step, Done: Prune})
	case apierrors.IsNotFound(err), errors.Is(err, ErrUnserved):
		e.finish(Outcome{Step: step, Done: Forget})
	default:
		e.finish(Outcome{Step: step, Err: &ObjectError{ID: step.ID, File: step.Entry.File, Operation: "delete", Err: err}})
	}
}

func (e *execution) wait(steps []*Step) {
	for _, step := range steps {
		if step.Action == Refuse || step.Action == Paused {
			e.finish(Outcome{Step: step, Done: step.Action})
			continue
		}
		e.finish(Outcome{Step: step, Waiting: true})
	}
}

func (e *execution) hold(steps []*Step) {
	for _, step := range steps {
		e.finish(Outcome{Step: step, Held: true})
	}
}

func (e *execution) finish(outcome Outcome) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.outcomes[outcome.Step] = outcome
}

func (e *execution) anyFailed(steps []*Step) bool {
	return slices.ContainsFunc(steps, func(s *Step) bool {
		outcome := e.outcomes[s]
		return outcome.Failed()
	})
}

func (e *execution) inOrder(plan *Plan) []Outcome {
	var outcomes []Outcome
	for i := range plan.Steps {
		if outcome, ok := e.outcomes[&plan.Steps[i]]; ok {
			outcomes = append(outcomes, outcome)
		}
	}
	return outcomes
}

func blockedError(step *Step) error {
	if step.Err != nil {
		return step.Err
	}
	file := ""
	if step.Desired != nil {
		file = step.Desired.File
	}
	return &ObjectError{ID: step.ID, File: file, Operation: "apply", Err: fmt.Errorf("%s", step.Reason)}
}
