package health

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
	"nopea.io/nopea/pkg/apply"
	"nopea.io/nopea/pkg/wording"
)

// Reasons of the condition Healthy.
const (
	ReasonHealthy     = "Healthy"
	ReasonProgressing = "Progressing"
	ReasonUnhealthy   = "Unhealthy"
	ReasonUnreadable  = "Unreadable"
)

const (
	// maxMessage bounds what is shown of one object's message, and maxNamed how many objects a condition names.
	maxMessage = 512
	maxNamed   = 3
)

// owner is a GitRepository whose objects are followed.
type owner struct {
	name    apply.Owner
	cluster *apply.Cluster
	objects map[apply.ID]*object
	counts  map[v1alpha1.HealthState]int
	// changed since it was last reported, which was at that time; told is the state in a word that was reported.
	changed  bool
	reported time.Time
	told     v1alpha1.HealthState
	// awaited tells which objects somebody waits for; nil when nobody does.
	awaited func(apply.ID) bool
}

func (o *owner) count(object *object, by int) {
	if object.assessed {
		o.counts[object.found.State] += by
	}
}

// unassessed is of how many objects nothing is known yet.
func (o *owner) unassessed() int {
	known := 0
	for _, count := range o.counts {
		known += count
	}
	return len(o.objects) - known
}

// state of all objects in a word: that of the worst.
func (o *owner) state() v1alpha1.HealthState {
	for _, state := range worstFirst[:3] {
		if o.counts[state] > 0 {
			return state
		}
	}
	return v1alpha1.HealthStateHealthy
}

// worstFirst are the states, the worst first.
var worstFirst = []v1alpha1.HealthState{
	v1alpha1.HealthStateUnhealthy, v1alpha1.HealthStateUnknown, v1alpha1.HealthStateProgressing, v1alpha1.HealthStateHealthy,
}

// Report is what the status of a GitRepository says of health.
type Report struct {
	// Status is nil when no object can be unhealthy.
	Status *v1alpha1.HealthStatus
	// Healthy is the condition.
	Healthy metav1.Condition
}

func (o *owner) report() Report {
	r := Report{Healthy: metav1.Condition{Type: v1alpha1.ConditionHealthy, Status: metav1.ConditionTrue, Reason: ReasonHealthy}}
	if len(o.objects) == 0 {
		return r
	}
	ailing := o.ailing(func(*object) bool { return true })
	r.Status = &v1alpha1.HealthStatus{
		Healthy: int32(o.counts[v1alpha1.HealthStateHealthy]), Progressing: int32(o.counts[v1alpha1.HealthStateProgressing]),
		Unhealthy: int32(o.counts[v1alpha1.HealthStateUnhealthy]), Unknown: int32(o.counts[v1alpha1.HealthStateUnknown]),
		Objects: ailing[:min(len(ailing), v1alpha1.MaxUnhealthyObjects)],
	}
	if len(ailing) == 0 {
		r.Healthy.Message = fmt.Sprintf("%d of %d objects", len(o.objects), len(o.objects))
		return r
	}
	r.Healthy.Status, r.Healthy.Message = metav1.ConditionUnknown, Describe(ailing)
	switch ailing[0].State {
	case v1alpha1.HealthStateUnhealthy:
		r.Healthy.Status, r.Healthy.Reason = metav1.ConditionFalse, ReasonUnhealthy
	case v1alpha1.HealthStateUnknown:
		r.Healthy.Reason = ReasonUnreadable
	default:
		r.Healthy.Reason = ReasonProgressing
	}
	return r
}

// ailing are the objects that are not healthy, of those that count, the worst first.
func (o *owner) ailing(counts func(*object) bool) []v1alpha1.ObjectHealth {
	var ailing []v1alpha1.ObjectHealth
	for id, object := range o.objects {
		if object.assessed && object.found.State != v1alpha1.HealthStateHealthy && counts(object) {
			ailing = append(ailing, v1alpha1.ObjectHealth{State: object.found.State, Group: id.Group, Kind: id.Kind, Namespace: id.Namespace,
				Name: id.Name, File: object.file, Message: wording.Shorten(object.found.Message, maxMessage)})
		}
	}
	slices.SortFunc(ailing, func(a, b v1alpha1.ObjectHealth) int {
		return cmp.Or(slices.Index(worstFirst, a.State)-slices.Index(worstFirst, b.State), cmp.Compare(a.Group, b.Group),
			cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
	})
	return ailing
}

// Describe names the first of some objects, and why they are as they are.
func Describe(objects []v1alpha1.ObjectHealth) string {
	var named []string
	for i := range objects[:min(len(objects), maxNamed)] {
		object := &objects[i]
		id := apply.ID{Group: object.Group, Kind: object.Kind, Namespace: object.Namespace, Name: object.Name}
		named = append(named, id.String()+": "+cmp.Or(object.Message, strings.ToLower(string(object.State))))
	}
	if more := len(objects) - maxNamed; more > 0 {
		named = append(named, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(named, "; ")
}
