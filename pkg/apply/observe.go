package apply

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"nopea.io/nopea/pkg/ownership"
)

// observer gathers one Observation.
type observer struct {
	*Cluster
	asOf time.Time

	mu     sync.Mutex
	seen   Observation
	absent map[ID]bool
}

// region is a namespace of a resource, and the objects that are looked for there.
type region struct {
	resource  Resource
	namespace string
	ids       []ID
}

const (
	// surveyFrom is how many objects of a region are worth a list of it.
	surveyFrom = 4
	// surveyLimit bounds that list: in a region that holds more, the rest is read one by one.
	surveyLimit = 64
)

// target is a kind and the objects of it that are looked for.
type target struct {
	resource Resource
	ids      map[ID]bool
	recorded map[ID]bool
}

// Observe learns what is live of the desired and the recorded objects. Of a kind that is watched it is what the watch has seen; of
// another, one list of the labelled objects. A recorded object that neither shows is read by itself. One that is not recorded counts as
// absent then, because applying it finds out; if certain, it is looked for as well. Kinds in defined come from
// CustomResourceDefinitions among the desired objects, so that they need not be served yet. Knowledge of which kinds are served is no
// older than asOf where it says that one is not.
func (c *Cluster) Observe(ctx context.Context, desired []Desired, inventory *Inventory, defined map[schema.GroupKind]bool, asOf time.Time, certain bool) (Observation, error) {
	o := &observer{Cluster: c, asOf: asOf, seen: Observation{
		Live: map[ID]Live{}, Unknown: map[ID]error{}, Unserved: map[ID]bool{},
	}, absent: map[ID]bool{}}
	targets := o.targets(ctx, desired, inventory, defined)
	var lists []*target
	for _, t := range targets {
		if c.Watch != nil && c.Watch.Synced(t.resource.GroupKind()) {
			o.recall(ctx, t)
		} else if len(t.recorded) > 0 || inventory.Len() == 0 {
			lists = append(lists, t)
		}
	}
	Each(ctx, lists, o.list)
	if certain {
		Each(ctx, o.unsettled(targets, certain), o.survey)
	}
	type read struct {
		resource Resource
		id       ID
	}
	var reads []read
	for _, r := range o.unsettled(targets, certain) {
		for _, id := range r.ids {
			reads = append(reads, read{r.resource, id})
		}
	}
	Each(ctx, reads, func(ctx context.Context, r read) { o.read(ctx, r.resource, r.id) })
	if err := ctx.Err(); err != nil {
		return Observation{}, fmt.Errorf("read the live objects: %w", context.Cause(ctx))
	}
	return o.seen, nil
}

// recall takes what the watch has seen of a target. What it has seen without NOPEA's marks is read by itself: whose it is, the facts
// do not tell.
func (o *observer) recall(ctx context.Context, t *target) {
	for id := range t.ids {
		facts, ok := o.Watch.Facts(id)
		if !ok {
			continue
		}
		if live := LiveOf(facts, o.Owner); live.ours() {
			o.seen.Live[id] = live
		} else {
			o.read(ctx, t.resource, id)
		}
	}
}

// targets groups the objects by the resource that serves them.
func (o *observer) targets(ctx context.Context, desired []Desired, inventory *Inventory, defined map[schema.GroupKind]bool) []*target {
	targets := make(map[schema.GroupVersionResource]*target)
	byKind := make(map[schema.GroupKind]Resource)
	add := func(id ID, resource Resource, recorded bool) {
		if first, ok := byKind[id.GroupKind()]; ok {
			resource = first
		}
		byKind[id.GroupKind()] = resource
		t := targets[resource.GroupVersionResource]
		if t == nil {
			t = &target{resource: resource, ids: map[ID]bool{}, recorded: map[ID]bool{}}
			targets[resource.GroupVersionResource] = t
		}
		t.ids[id] = true
		if recorded {
			t.recorded[id] = true
		}
	}
	for i := range desired {
		d := &desired[i]
		resource, err := o.Discovery.Lookup(ctx, d.ID.GroupKind().WithVersion(d.Version), o.asOf)
		switch {
		case err == nil:
			add(d.ID, resource, inventory.Entry(d.ID) != nil)
		case errors.Is(err, ErrUnserved) && defined[d.ID.GroupKind()]:
		default:
			o.seen.Unknown[d.ID] = err
		}
	}
	for id, entry := range inventory.All() {
		if o.seen.Unknown[id] != nil {
			continue
		}
		resource, err := o.Discovery.LookupAny(ctx, id.GroupKind().WithVersion(entry.Version), o.asOf)
		switch {
		case err == nil:
			add(id, resource, true)
		case errors.Is(err, ErrUnserved):
			o.seen.Unserved[id] = true
		default:
			o.seen.Unknown[id] = err
		}
	}
	return slices.Collect(maps.Values(targets))
}

// list reads what a resource's list shows of a target. What it does not show is read one by one.
func (o *observer) list(ctx context.Context, t *target) {
	namespaces := make(map[string]bool)
	for id := range t.ids {
		namespaces[id.Namespace] = true
	}
	if len(namespaces) > 1 {
		// One list of all namespaces; where the identity may not, one of each.
		err := o.listIn(ctx, t, metav1.NamespaceAll)
		if !apierrors.IsForbidden(err) {
			o.fail(t, err, func(ID) bool { return true })
			return
		}
	}
	Each(ctx, slices.Collect(maps.Keys(namespaces)), func(ctx context.Context, namespace string) {
		err := o.listIn(ctx, t, namespace)
		o.fail(t, err, func(id ID) bool { return id.Namespace == namespace })
	})
}

func (o *observer) listIn(ctx context.Context, t *target, namespace string) error {
	getter := o.client(t.resource, namespace)
	list, err := getter.List(ctx, metav1.ListOptions{LabelSelector: labels.SelectorFromSet(o.Owner.Labels()).String()})
	if err != nil {
		return err
	}
	for i := range list.Items {
		item := &list.Items[i]
		id := ID{Group: t.resource.Group, Kind: t.resource.Kind, Namespace: item.Namespace, Name: item.Name}
		if t.ids[id] {
			o.saw(ctx, id, item)
		}
	}
	return nil
}

// fail notes why nothing is known of a target's objects. A resource that is gone although discovery named it is looked up afresh
// next time.
func (o *observer) fail(t *target, err error, concerned func(ID) bool) {
	if err == nil {
		return
	}
	if apierrors.IsNotFound(err) {
		o.Discovery.Forget(t.resource.GroupVersion().WithKind(t.resource.Kind))
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	for id := range t.ids {
		if concerned(id) {
			o.seen.Unknown[id] = &ObjectError{ID: id, Operation: "list", Err: err}
		}
	}
}

// unsettled groups by region the objects of which something is to be learned yet: the recorded ones, or all.
func (o *observer) unsettled(targets []*target, all bool) []region {
	o.mu.Lock()
	defer o.mu.Unlock()
	var regions []region
	for _, t := range targets {
		byNamespace := make(map[string][]ID)
		for id := range t.ids {
			if _, live := o.seen.Live[id]; !live && !o.absent[id] && o.seen.Unknown[id] == nil && (all || t.recorded[id]) {
				byNamespace[id.Namespace] = append(byNamespace[id.Namespace], id)
			}
		}
		for namespace, ids := range byNamespace {
			regions = append(regions, region{t.resource, namespace, ids})
		}
	}
	return regions
}

// survey lists a region in which several objects are looked for. What it cannot tell is read one by one.
func (o *observer) survey(ctx context.Context, r region) {
	if len(r.ids) < surveyFrom {
		return
	}
	list, err := o.client(r.resource, r.namespace).List(ctx, metav1.ListOptions{Limit: surveyLimit})
	if err != nil {
		return // each read says what it is
	}
	present := make(map[string]*metav1.PartialObjectMetadata, len(list.Items))
	for i := range list.Items {
		present[list.Items[i].Name] = &list.Items[i]
	}
	for _, id := range r.ids {
		if object := present[id.Name]; object != nil {
			o.saw(ctx, id, object)
		} else if list.Continue == "" {
			o.mu.Lock()
			o.absent[id] = true
			o.mu.Unlock()
		}
	}
}

func (o *observer) read(ctx context.Context, resource Resource, id ID) {
	object, err := o.Get(ctx, resource, id)
	switch {
	case apierrors.IsNotFound(err):
		return
	case err != nil:
		o.mu.Lock()
		defer o.mu.Unlock()
		o.seen.Unknown[id] = &ObjectError{ID: id, Operation: "read", Err: err}
		return
	}
	o.saw(ctx, id, object)
}

func (o *observer) saw(ctx context.Context, id ID, object *metav1.PartialObjectMetadata) {
	live, err := o.judge(ctx, id, object)
	o.mu.Lock()
	defer o.mu.Unlock()
	if err != nil {
		o.seen.Unknown[id] = &ObjectError{ID: id, Operation: "read", Err: err}
		return
	}
	o.seen.Live[id] = live
}

// judge reads from an object's metadata whose it is.
func (c *Cluster) judge(ctx context.Context, id ID, object *metav1.PartialObjectMetadata) (Live, error) {
	facts, err := ownership.Read(id.GroupKind(), object, nil)
	if err != nil {
		return Live{}, err
	}
	live := LiveOf(facts, c.Owner)
	if live.ours() {
		return live, nil
	}
	for _, holder := range HoldersOf(object, c.Owner) {
		holds, err := c.holds(ctx, &holder, id)
		if err != nil {
			return Live{}, fmt.Errorf("look for %s, which holds it: %w", holder.Description, err)
		}
		if holds && live.Holder == nil {
			live.Holder = &holder
		}
		live.Former = append(live.Former, holder.Description)
	}
	if deployers := ownership.Deployers(object.ManagedFields); len(live.Former) == 0 && len(deployers) > 0 {
		live.Former = []string{"what " + strings.Join(deployers, " and ") + " applied"}
	}
	live.Inherits = ownership.Inherits(object.ManagedFields)
	return live, nil
}

// holds tells whether a holder keeps an object from being taken over.
func (c *Cluster) holds(ctx context.Context, holder *Holder, id ID) (bool, error) {
	if holder.Repository != nil {
		rival, err := c.Rival(ctx, *holder.Repository, id)
		if err != nil || !rival.Holds {
			return false, err
		}
		holder.Returns = rival.Returns
	}
	return holder.Returns || holder.Key == "" || !slices.Contains(c.Adopt, holder.Key), nil
}

// LiveOf is what facts say of an object to an owner. Who else may hold it, they do not tell.
func LiveOf(facts ownership.Facts, owner Owner) Live {
	return Live{
		UID: facts.UID, Signature: facts.Signature.String(), Yielded: facts.Yielded.String(), Generation: facts.Generation,
		Labelled: facts.Namespace == owner.Namespace && facts.Repository == owner.Name,
		Deleting: facts.Deleting, Pause: facts.Pause, Keep: facts.Keep,
	}
}
