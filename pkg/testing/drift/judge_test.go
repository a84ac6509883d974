package drift

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"nopea.io/nopea/pkg/apply"
	"nopea.io/nopea/pkg/ownership"
)

// signs are what an event's metadata says of an object, compared with what it said before: all that the keeper goes by.
type signs struct {
	// lost: NOPEA holds less than it applied, or other things. The object is put back at once.
	lost bool
	// moved: its generation did. A dry run follows.
	moved bool
	// extra: fields were added that Git does not mention. They are reported.
	extra bool
}

func (o *object) signs(after *unstructured.Unstructured) (signs, error) {
	facts, err := factsOf(o.id, after)
	if err != nil {
		return signs{}, fmt.Errorf("%s: %w", o.id, err)
	}
	none := ownership.Digest{}
	return signs{
		lost:  facts.Signature == none || facts.Signature != o.facts.Signature && facts.Yielded != o.facts.Signature,
		moved: facts.Generation != o.facts.Generation,
		extra: facts.Extra != none && facts.Extra != o.facts.Extra,
	}, nil
}

// disturbed is the first field that NOPEA holds and that has another value now.
func (o *object) disturbed(now *unstructured.Unstructured) (string, bool) {
	path, differs := disturbed(o.own, o.base.Object, now.Object, nil)
	return ownership.Name(path), differs
}

// probe is what the keeper, or its slow pass, finds by a dry run: whether the object is not as Git has it.
func (o *object) probe(ctx context.Context, live *unstructured.Unstructured) (differs bool, err error) {
	facts, err := factsOf(o.id, live)
	if err != nil {
		return false, err
	}
	should, err := o.cluster.Apply(ctx, o.resource, o.desired, apply.Write{UID: live.GetUID(), Yields: facts.Yielded != (ownership.Digest{}), DryRun: true})
	if err != nil {
		return false, err
	}
	signature, err := ownership.Signature(should.ManagedFields)
	return signature != facts.Signature || should.Generation != facts.Generation, err
}

// restore applies the object as NOPEA would to put it back.
func (o *object) restore(ctx context.Context) error {
	if _, err := o.cluster.Apply(ctx, o.resource, o.desired, apply.Write{UID: o.base.GetUID()}); err != nil {
		return err
	}
	was := o.base
	if err := o.refresh(ctx); err != nil {
		return err
	}
	if path, differs := disturbed(o.own, was.Object, o.base.Object, nil); differs {
		return fmt.Errorf("%s: %s is not as before after it was put back", o.id, ownership.Name(path))
	}
	return nil
}
