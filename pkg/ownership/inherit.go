package ownership

import (
	"fmt"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
)

// beforeFirstApply is the name by which the API server keeps what an object without managedFields held when it was first applied.
const beforeFirstApply = "before-first-apply"

// isDeployer tells whether an entry holds what somebody declared as a whole, by a tool that applies manifests: what such a tool holds and
// the manifest lacks is to go. That is not so of what was created, edited or patched by hand: `kubectl create`, `edit`, `scale` and the
// like. What is written through subresources is the work of controllers.
//
// Sources of the names: fluxcd/kustomize-controller and helm-controller (the controllers' names), argoproj/argo-cd
// common.ArgoCDSSAManager, Helm 3 and 4 (pkg/kube), kubectl (pkg/cmd/apply).
func isDeployer(entry *metav1.ManagedFieldsEntry) bool {
	if entry.Subresource != "" {
		return false
	}
	switch entry.Manager {
	case "kustomize-controller", "helm-controller", "helm", "Helm", "argocd-controller", "argocd-application-controller":
		return true
	case "kubectl-client-side-apply":
		return entry.Operation == metav1.ManagedFieldsOperationUpdate
	case "kubectl", "kubectl-last-applied":
		return entry.Operation == metav1.ManagedFieldsOperationApply
	}
	return false
}

// Deployers names the tools that applied an object and hold fields of it, beside NOPEA.
func Deployers(managed []metav1.ManagedFieldsEntry) []string {
	var names []string
	for i := range managed {
		if isDeployer(&managed[i]) && !slices.Contains(names, managed[i].Manager) {
			names = append(names, managed[i].Manager)
		}
	}
	return names
}

// Inherit moves what other deployers hold of an object into NOPEA's entry, so that NOPEA's next apply takes away what Git does not hold.
// It moves the entries of one API version at a time, because the names of fields are those of a version and an applier has one entry
// alone: where NOPEA's own entry is of another one, it is replaced. So NOPEA must have applied the object since its entry last changed,
// and applies it again afterwards; then the fields of Git are its own, whatever stood in the entry.
//
// It returns nil when there is nothing to move.
func Inherit(managed []metav1.ManagedFieldsEntry) ([]metav1.ManagedFieldsEntry, error) {
	own := applied(managed)
	version := ""
	for i := range managed {
		if isDeployer(&managed[i]) && (version == "" || own != nil && managed[i].APIVersion == own.APIVersion) {
			version = managed[i].APIVersion
		}
	}
	if version == "" {
		return withdrawn(managed, own)
	}
	fields := &fieldpath.Set{}
	merged := metav1.ManagedFieldsEntry{Manager: v1alpha1.FieldManager, Operation: metav1.ManagedFieldsOperationApply,
		APIVersion: version, FieldsType: "FieldsV1"}
	var rest []metav1.ManagedFieldsEntry
	for i := range managed {
		entry := &managed[i]
		switch {
		case isApplied(entry) && entry.APIVersion != version:
			continue
		case !isApplied(entry) && (!isDeployer(entry) || entry.APIVersion != version):
			rest = append(rest, *entry)
			continue
		}
		set, err := parse(entry)
		if err != nil {
			return nil, err
		}
		fields = fields.Union(set)
		if merged.Time == nil || merged.Time.Before(entry.Time) {
			merged.Time = entry.Time
		}
	}
	if err := setFields(&merged, fields); err != nil {
		return nil, err
	}
	return append([]metav1.ManagedFieldsEntry{merged}, rest...), nil
}

// withdrawn takes NOPEA's fields out of what the API server noted as there before the first apply: nobody declared that, so it stays, but
// NOPEA alone is to hold what Git holds.
func withdrawn(managed []metav1.ManagedFieldsEntry, own *metav1.ManagedFieldsEntry) ([]metav1.ManagedFieldsEntry, error) {
	if own == nil {
		return nil, nil
	}
	held, err := parse(own)
	if err != nil {
		return nil, err
	}
	changed := false
	after := slices.Clone(managed)
	for i := range after {
		entry := &after[i]
		if entry.Manager != beforeFirstApply || entry.Subresource != "" || entry.APIVersion != own.APIVersion {
			continue
		}
		fields, err := parse(entry)
		if err != nil {
			return nil, err
		}
		if fields.Intersection(held).Empty() {
			continue
		}
		changed = true
		if err := setFields(entry, fields.Difference(held)); err != nil {
			return nil, err
		}
	}
	if !changed {
		return nil, nil
	}
	return after, nil
}

// Inherits tells whether Inherit has something to do, now or once NOPEA has applied the object.
func Inherits(managed []metav1.ManagedFieldsEntry) bool {
	return len(managed) == 0 || slices.ContainsFunc(managed, func(entry metav1.ManagedFieldsEntry) bool {
		return isDeployer(&entry) || entry.Manager == beforeFirstApply
	})
}

// Forfeited are the fields that nobody holds once NOPEA has inherited an object and applied it: what other deployers hold of it and neither
// NOPEA, whose entry is taken from an answer to its apply, nor anyone else does. Where the API server fills in a default, the field is
// there all the same.
func Forfeited(managed, answer []metav1.ManagedFieldsEntry) ([]fieldpath.Path, error) {
	kept, err := ownFields(answer)
	if err != nil {
		return nil, err
	}
	for i := range managed {
		if entry := &managed[i]; !isDeployer(entry) && !isApplied(entry) {
			fields, err := parse(entry)
			if err != nil {
				return nil, err
			}
			kept = kept.Union(fields)
		}
	}
	everything := func(fieldpath.Path) bool { return true }
	var paths []fieldpath.Path
	for i := range managed {
		if !isDeployer(&managed[i]) {
			continue
		}
		fields, err := parse(&managed[i])
		if err != nil {
			return nil, err
		}
		topmost(fields, kept, everything, func(path fieldpath.Path) {
			if fieldName(path, 0) != "status" && !slices.ContainsFunc(paths, path.Equals) {
				paths = append(paths, path.Copy())
			}
		})
	}
	return paths, nil
}

func setFields(entry *metav1.ManagedFieldsEntry, fields *fieldpath.Set) error {
	raw, err := fields.ToJSON()
	if err != nil {
		return fmt.Errorf("write the field set of manager %q: %w", entry.Manager, err)
	}
	entry.FieldsV1 = metav1.NewFieldsV1(string(raw))
	return nil
}
