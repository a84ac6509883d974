package ownership

import (
	"cmp"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
)

// FieldManagerHandover holds fields that NOPEA let go of without removing them.
const FieldManagerHandover = v1alpha1.FieldManager + "-handover"

// restartedAt is what `kubectl rollout restart` writes into a pod template. To take it out would restart the Pods once more.
const restartedAt = "kubectl.kubernetes.io/restartedAt"

// Extra is a field that another manager holds and NOPEA does not.
type Extra struct {
	Path        fieldpath.Path
	Manager     string
	Subresource string
	Operation   metav1.ManagedFieldsOperationType
	// Time is when the manager last changed its fields; zero when that is not known.
	Time metav1.Time
}

// trusted managers write, as their task, into objects that other people declare.
var trusted = []string{
	v1alpha1.FieldManager, FieldManagerHandover,
	// What an object had before anyone applied it.
	"before-first-apply",
	"kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet", "cloud-controller-manager",
	// Part of kube-controller-manager, which fills in the rules of aggregated ClusterRoles under this name.
	"clusterrole-aggregation-controller",
	// Writes the caBundle of webhooks, APIServices and CustomResourceDefinitions.
	"cert-manager-cainjector",
}

// Allowed tells whether the fields that a manager adds are left out of Facts.Extra: the control plane's own managers' are.
func Allowed(manager string) bool {
	return slices.Contains(trusted, manager)
}

// Extras lists the fields that others added to an object, in order of path and manager; of a list item or map that was added as a whole,
// only that. Metadata and status are nobody's extras, and neither are a restart of the Pods and what NOPEA yields. A manager for which
// allow is true may add what it likes; kubectl, in whichever of its names, never may. An entry that can not be read adds nothing.
func Extras(gk schema.GroupKind, managed []metav1.ManagedFieldsEntry, allow func(manager string) bool) []Extra {
	own := &fieldpath.Set{}
	if entry := applied(managed); entry != nil {
		if fields, err := parse(entry); err == nil {
			own = fields
		}
	}
	return extras(gk, managed, own, allow)
}

func extras(gk schema.GroupKind, managed []metav1.ManagedFieldsEntry, own *fieldpath.Set, allow func(string) bool) []Extra {
	var found []Extra
	for i := range managed {
		entry := &managed[i]
		if !mayAdd(entry, allow) {
			continue
		}
		fields, err := parse(entry)
		if err != nil {
			continue
		}
		topmost(fields, own, isWhole, func(path fieldpath.Path) {
			if isSpec(path) && !isRestart(path) && !isYielded(gk, entry, path) {
				found = append(found, Extra{
					Path: path.Copy(), Manager: entry.Manager, Operation: entry.Operation, Time: timeOf(entry),
				})
			}
		})
	}
	slices.SortFunc(found, func(a, b Extra) int {
		return cmp.Or(a.Path.Compare(b.Path), strings.Compare(a.Manager, b.Manager), strings.Compare(string(a.Operation), string(b.Operation)))
	})
	return found
}

// mayAdd tells whether the fields of an entry count as extras. What is written through subresources is the work of controllers.
func mayAdd(entry *metav1.ManagedFieldsEntry, allow func(string) bool) bool {
	return entry.Subresource == "" && !isApplied(entry) && (strings.HasPrefix(entry.Manager, "kubectl") || !allow(entry.Manager))
}

// isSpec is false for paths into metadata, where everyone leaves marks, and status.
func isSpec(path fieldpath.Path) bool {
	top := fieldName(path, 0)
	return top != "metadata" && top != "status"
}

// isWhole is false for the annotations of a pod template, to find a restart in them.
func isWhole(path fieldpath.Path) bool {
	return fieldName(path, len(path)-1) != "annotations"
}

func isRestart(path fieldpath.Path) bool {
	last := len(path) - 1
	return fieldName(path, last) == restartedAt && fieldName(path, last-1) == "annotations" && fieldName(path, last-3) == "template"
}

func fieldName(path fieldpath.Path, i int) string {
	if i < 0 || i >= len(path) || path[i].FieldName == nil {
		return ""
	}
	return *path[i].FieldName
}

func timeOf(entry *metav1.ManagedFieldsEntry) metav1.Time {
	if entry.Time == nil {
		return metav1.Time{}
	}
	return *entry.Time
}

// digestExtras tells one set of extras from another; zero for none. When they were added makes no difference.
func digestExtras(found []Extra) Digest {
	if len(found) == 0 {
		return Digest{}
	}
	var text strings.Builder
	for _, extra := range found {
		text.WriteString(extra.Path.String() + "\x00" + extra.Manager + "\x00")
	}
	return digest([]byte(text.String()))
}
