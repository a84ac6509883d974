package drift

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
	"nopea.io/nopea/pkg/apply"
	"nopea.io/nopea/pkg/manifest"
	"nopea.io/nopea/pkg/testing/githttp"
	"nopea.io/nopea/pkg/testing/localcluster"
)

// realManifests are published manifests that nobody wrote for this project; they lie beside the checkout, or where NOPEA_REALWORLD says.
func realManifests(t *testing.T) map[string]string {
	t.Helper()
	root := os.Getenv("NOPEA_REALWORLD")
	if root == "" {
		root = filepath.Join(githttp.Must(localcluster.Root())(t), "..", "shared", "realworld")
	}
	files := make(map[string]string)
	for _, folder := range []string{"guestbook", "kube-prometheus/manifests"} {
		base := filepath.Join(root, folder)
		if _, err := os.Stat(base); err != nil {
			t.Skipf("the real manifests are not here (set NOPEA_REALWORLD): %v", err)
		}
		err := filepath.WalkDir(base, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || !manifest.Wanted(path) {
				return err
			}
			content, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			name, err := filepath.Rel(root, path)
			files[filepath.ToSlash(name)] = string(content)
			return err
		})
		if err != nil {
			t.Fatal(err)
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
