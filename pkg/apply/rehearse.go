package apply

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
	"nopea.io/nopea/pkg/directive"
	"nopea.io/nopea/pkg/ownership"
)

// Notes of a rehearsed step.
const (
	noteOwned   = "no field changes; a sync applies it all the same, to own its fields"
	noteDefined = "not tried, because its kind comes with this commit"
	noteAnew    = "it would be deleted and made anew, because a field of it is immutable"
	noteNoTry   = "an admission webhook of the cluster does not take part in dry runs, so the API server could not be asked"
)

// Rehearse finds out what Execute would do, prune included, by server-side dry runs as the owner's identity. It writes nothing. Objects are
// asked about one by one, each as if it alone was applied: what needs others of the plan to be there first is noted.
//
// With hideLive, values of live objects are masked: values of Secrets may have been put into them when they were applied.
func (c *Cluster) Rehearse(ctx context.Context, plan *Plan, hideLive bool) []Outcome {
	r := &rehearsal{Cluster: c, plan: plan, hideLive: hideLive, created: make(map[string]bool)}
	for _, step := range plan.Of(Create) {
		r.created[step.ID.Name] = true
	}
	var todo []*Outcome
	outcomes := plan.foresee()
	for i := range outcomes {
		if outcomes[i].Err != nil {
			continue
		}
		switch outcomes[i].Done {
		case Create, Configure, Adopt, Prune:
			todo = append(todo, &outcomes[i])
			outcomes[i].Err = context.Canceled // until it is done
		}
	}
	Each(ctx, todo, r.rehearse)
	for _, outcome := range todo {
		if errors.Is(outcome.Err, context.Canceled) {
			outcome.Err = r.failed(outcome.Step, context.Cause(ctx))
		}
	}
	return outcomes
}

// foresee is what Execute would do if every request succeeded.
func (p *Plan) foresee() []Outcome {
	var outcomes []Outcome
	for i := range p.Steps {
		step := &p.Steps[i]
		switch {
		case step.Action == Unchanged:
		case step.Action == Blocked:
			outcomes = append(outcomes, Outcome{Step: step, Err: blockedError(step)})
		case step.Action == Verify && step.Desired.CreateOnly:
			outcomes = append(outcomes, Outcome{Step: step, Done: Unchanged})
		case step.Action == Verify:
			outcomes = append(outcomes, Outcome{Step: step, Done: Configure})
		default:
			outcomes = append(outcomes, Outcome{Step: step, Done: step.Action})
		}
	}
	return outcomes
}

// rehearsal is one Rehearse.
type rehearsal struct {
	*Cluster
	plan     *Plan
	hideLive bool
	// created are the names of what the plan creates.
	created map[string]bool
}

func (r *rehearsal) rehearse(ctx context.Context, outcome *Outcome) {
	step := outcome.Step
	resource, err := r.lookup(ctx, step, r.plan.options.Now)
	switch {
	case errors.Is(err, ErrUnserved) && step.Action == Create:
		outcome.Note, outcome.Err = noteDefined, nil
		return
	case errors.Is(err, ErrUnserved) && step.Action == Prune:
		outcome.Done, outcome.Err = Forget, nil
		return
	case err == nil && step.Action == Prune:
		err = r.delete(ctx, resource, step.ID, step.UID, true)
		if apierrors.IsNotFound(err) {
			outcome.Done, outcome.Err = Forget, nil
			return
		}
	case err == nil:
		err = r.apply(ctx, resource, outcome)
	}
	switch {
	case err == nil:
	case r.awaits(err):
		outcome.Note = "not tried to the end, because it needs what this commit creates: " + err.Error()
	case strings.Contains(err.Error(), "does not support dry run"):
		outcome.Note = noteNoTry
	default:
		outcome.Err = r.failed(step, err)
		return
	}
	outcome.Err = nil
}

func (r *rehearsal) failed(step *Step, err error) error {
	failed := &ObjectError{ID: step.ID, Operation: "plan", Err: err}
	switch {
	case step.Desired != nil:
		failed.File = step.Desired.File
	case step.Entry != nil:
		failed.File = step.Entry.File
	}
	return failed
}

// awaits tells whether the API server misses something that the plan creates: a Namespace, or what a RoleBinding refers to.
func (r *rehearsal) awaits(err error) bool {
	if !apierrors.IsNotFound(err) && !apierrors.IsForbidden(err) {
		return false
	}
	before, _, found := strings.Cut(err.Error(), `" not found`)
	if !found {
		return false
	}
	name, err := strconv.Unquote(before[strings.LastIndexByte(before, '"'):] + `"`)
	return err == nil && r.created[name]
}

// apply dry-runs the apply of one object, and compares the answer with the live object. Both are held no longer than that.
func (r *rehearsal) apply(ctx context.Context, resource Resource, outcome *Outcome) error {
	step := outcome.Step
	client := r.objects(resource, step.ID.Namespace)
	var live *unstructured.Unstructured
	if step.Action != Create {
		var err error
		if live, err = client.Get(ctx, step.ID.Name, metav1.GetOptions{}); err != nil {
			return fmt.Errorf("read it as it is: %w", err)
		}
	}
	body, err := rehearsedBody(step, live)
	if err != nil {
		return err
	}
	after, err := client.Patch(ctx, step.ID.Name, types.ApplyPatchType, body, metav1.PatchOptions{
		FieldManager: v1alpha1.FieldManager, Force: new(true), FieldValidation: metav1.FieldValidationStrict, DryRun: []string{metav1.DryRunAll},
	})
	if live != nil && mayRecreate(step.Desired, Write{UID: step.UID}, err) {
		why := directive.KeepOf(live.GetLabels(), live.GetAnnotations()).FromPrune()
		if why == "" {
			outcome.Done, outcome.Note = Configure, noteAnew
			return nil
		}
		err = fmt.Errorf("%w; it would not be made anew, because %s", conceal(step.Desired, err), why)
	}
	if err != nil || live == nil {
		return conceal(step.Desired, err)
	}
	outcome.Fields = Differences(step.ID.GroupKind(), live.Object, after.Object, Hidden{All: step.Desired.Confidential, Before: r.hideLive})
	if step.Action == Adopt {
		outcome.Note = step.Reason
		changed, err := r.changedByAdoption(ctx, resource, live, after)
		if changed {
			outcome.Done = Configure
		}
		return conceal(step.Desired, err)
	}
	if len(outcome.Fields) == 0 {
		outcome.Done, outcome.Note = Unchanged, noteOwned
	}
	return nil
}

// rehearsedBody is the body that leads, in one request, to what Apply leads to in several: fields that are left to somebody else stay as
// they are where NOPEA still holds them, and an object that is created has them from Git.
func rehearsedBody(step *Step, live *unstructured.Unstructured) ([]byte, error) {
	desired := step.Desired
	if len(desired.Left) == 0 && !step.Yields {
		return identified(desired.Body, step.UID), nil
	}
	content, err := decode(desired.Body)
	if err != nil {
		return nil, err
	}
	if live == nil {
		for _, field := range desired.Left {
			restore(content, field.Path, field.Value)
		}
	} else if content, err = rehearsedContent(step, content, live); err != nil {
		return nil, err
	}
	body, err := Encode(content)
	if err != nil {
		return nil, err
	}
	return identified(body, step.UID), nil
}

func rehearsedContent(step *Step, content map[string]any, live *unstructured.Unstructured) (map[string]any, error) {
	if len(step.Desired.Left) > 0 {
		whole, err := decode(step.Desired.Body)
		if err != nil {
			return nil, err
		}
		for _, field := range step.Desired.Left {
			restore(whole, field.Path, field.Value)
		}
		held, err := heldFields(whole, step.Desired.Left, live)
		if err != nil {
			return nil, err
		}
		for _, field := range held {
			place(content, field.path, field.value)
		}
	}
	if step.Yields {
		content = ownership.Without(content, ownership.YieldedPaths(step.ID.GroupKind(), live.GetManagedFields()))
	}
	return content, nil
}
