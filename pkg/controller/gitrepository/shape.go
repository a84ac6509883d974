package gitrepository

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path"
	"strings"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
	"nopea.io/nopea/pkg/apply"
	"nopea.io/nopea/pkg/directive"
	"nopea.io/nopea/pkg/git"
	"nopea.io/nopea/pkg/manifest"
	"nopea.io/nopea/pkg/wording"
)

// filesOf reads the files at spec.path that want asks for, less those that are ignored by spec.ignore, by ignore files there, and by those
// of the folders above it.
func filesOf(ctx context.Context, snapshot *git.Snapshot, spec *v1alpha1.GitRepositorySpec, want func(path string) bool) ([]git.File, error) {
	ignore := manifest.NewIgnore(spec.Ignore, want)
	for _, folder := range foldersAbove(spec.Path) {
		for _, name := range manifest.IgnoreFiles() {
			file, err := snapshot.File(ctx, path.Join(folder, name))
			switch git.CodeOf(err) {
			case "":
				ignore.Learn(file.Path, file.Data)
			case git.PathNotFound, git.IsFolder:
			default:
				return nil, err
			}
		}
	}
	files, err := snapshot.Select(ctx, spec.Path, ignore)
	if err := ignore.Err(); err != nil {
		return nil, err
	}
	return files, err
}

// foldersAbove are those on the way from the root to a path, without the path itself.
func foldersAbove(p string) []string {
	if p == "" {
		return nil
	}
	folders := []string{""}
	steps := strings.Split(p, "/")
	for i := range steps[:len(steps)-1] {
		folders = append(folders, strings.Join(steps[:i+1], "/"))
	}
	return folders
}

// labelsOf are what is put on an object: the common labels, and those that mark it as the GitRepository's.
func labelsOf(object manifest.Object, spec *v1alpha1.GitRepositorySpec, owner apply.Owner) map[string]string {
	labels := make(map[string]string)
	if spec.CommonMetadata != nil {
		maps.Copy(labels, spec.CommonMetadata.Labels)
	}
	maps.Copy(labels, owner.Labels())
	// An annotation that is none is found out, and said, later.
	policy, err := policyOf(object, spec)
	directives, _ := directive.Of(object.GetLabels(), object.GetAnnotations())
	if err == nil && policy == v1alpha1.DriftPolicyPrevent && !directives.CreateOnly {
		labels[v1alpha1.LabelPrevent] = "true"
	}
	return labels
}

// annotationsOf are what is put on an object.
func annotationsOf(object manifest.Object, spec *v1alpha1.GitRepositorySpec) map[string]string {
	annotations := make(map[string]string)
	if spec.CommonMetadata != nil {
		maps.Copy(annotations, spec.CommonMetadata.Annotations)
	}
	// The file alone: a document's number moves with its neighbours, and would have them all written again.
	annotations[v1alpha1.AnnotationOrigin] = object.Origin.File
	return annotations
}

// directivesOf reads an object's annotations in the words of a GitRepository's user.
func directivesOf(object manifest.Object) (directive.Directives, error) {
	directives, err := directive.Of(object.GetLabels(), object.GetAnnotations())
	var wrong *directive.Error
	if errors.As(err, &wrong) {
		return directives, &Failure{Code: CodeManifestInvalid, Stalled: true, Message: fmt.Sprintf("%s: %v", object.Origin, wrong),
			Hint: "Nothing of this commit was applied. Correct the file and push."}
	}
	return directives, err
}

func idOf(object manifest.Object) apply.ID {
	gvk := object.GroupVersionKind()
	return apply.ID{Group: gvk.Group, Kind: gvk.Kind, Namespace: object.GetNamespace(), Name: object.GetName()}
}

// note keeps what is not honoured of an object's annotations, as far as a Sync has room for it.
func (r *rendered) note(object manifest.Object, notes []string) {
	for _, note := range notes {
		if len(r.notes) < v1alpha1.MaxSyncNotes {
			r.notes = append(r.notes, wording.Shorten(fmt.Sprintf("%s (%s): %s is not honoured", idOf(object), object.Origin.File, note), 512))
		}
	}
}
