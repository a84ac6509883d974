package drift

import (
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
	"nopea.io/nopea/pkg/apply"
	"nopea.io/nopea/pkg/manifest"
	"nopea.io/nopea/pkg/testing/githttp"
	"nopea.io/nopea/pkg/testing/realworld"
)

// realManifests are published manifests that nobody wrote for this project.
func realManifests(t *testing.T) map[string]string {
	t.Helper()
	files := make(map[string]string)
	for _, folder := range []string{"guestbook", "kube-prometheus/manifests"} {
		for name, content := range realworld.Read(t, folder) {
			if manifest.Wanted(name) {
				files[folder+"/"+name] = content
			}
		}
	}
	return files
}

// desiredOf is what a GitRepository with nothing special in its spec applies.
func desiredOf(t *testing.T, owner apply.Owner, files map[string]string, discovery *apply.Discovery) []apply.Desired {
	t.Helper()
	var sources []manifest.File
	for name, content := range files {
		sources = append(sources, manifest.File{Path: name, Data: []byte(content)})
	}
	objects := githttp.Must(manifest.Parse(t.Context(), sources, manifest.DefaultLimits()))(t)
	objects = githttp.Must(manifest.Normalize(objects, manifest.Options{
		Scope: func(gvk schema.GroupVersionKind) (namespaced, known bool) {
			resource, err := discovery.Lookup(t.Context(), gvk, time.Time{})
			return resource.Namespaced, err == nil
		},
		DefaultNamespace: owner.Namespace,
		Labels:           func(manifest.Object) map[string]string { return owner.Labels() },
		Annotations: func(object manifest.Object) map[string]string {
			return map[string]string{v1alpha1.AnnotationOrigin: object.Origin.File}
		},
	}))(t)
	var desired []apply.Desired
	for _, object := range objects {
		gvk := object.GroupVersionKind()
		desired = append(desired, apply.Desired{
			ID:      apply.ID{Group: gvk.Group, Kind: gvk.Kind, Namespace: object.GetNamespace(), Name: object.GetName()},
			Version: gvk.Version, Body: githttp.Must(apply.Encode(object.Object))(t), File: object.Origin.File,
		})
	}
	return desired
}
