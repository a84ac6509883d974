package manifest

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"maps"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	kruntime "k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	k8syaml "k8s.io/apimachinery/pkg/util/yaml"

	"nopea.io/nopea/pkg/testing/realworld"
)

// realWorld gives published manifests that nobody wrote for this project, or skips the test where they are absent.
func realWorld(t testing.TB, folder string) []File {
	t.Helper()
	contents := realworld.Read(t, folder)
	var files []File
	for _, name := range slices.Sorted(maps.Keys(contents)) {
		if Wanted(name) {
			sum := sha256.Sum256([]byte(contents[name]))
			files = append(files, File{Path: name, Data: []byte(contents[name]), Hash: hex.EncodeToString(sum[:])})
		}
	}
	return files
}

// kubectlDecode is what kubectl does with a file.
func kubectlDecode(t *testing.T, file File) []map[string]any {
	t.Helper()
	reader := k8syaml.NewYAMLOrJSONDecoder(bufio.NewReader(bytes.NewReader(file.Data)), 4096)
	var objects []map[string]any
	for {
		var obj unstructured.Unstructured
		err := reader.Decode(&obj)
		if errors.Is(err, io.EOF) {
			return objects
		}
		if err != nil {
			t.Fatalf("%s: %v", file.Path, err)
		}
		if obj.IsList() {
			if err := obj.EachListItem(func(item kruntime.Object) error {
				objects = append(objects, item.(*unstructured.Unstructured).Object)
				return nil
			}); err != nil {
				t.Fatal(err)
			}
			continue
		}
		objects = append(objects, obj.Object)
	}
}

func TestRealWorldEqualsKubectl(t *testing.T) {
	for folder, want := range map[string]int{"guestbook": 6, "kube-prometheus/manifests": 131} {
		t.Run(folder, func(t *testing.T) {
			files := realWorld(t, folder)
			objects, err := Parse(context.Background(), files, Limits{})
			if err != nil {
				t.Fatal(err)
			}
			if len(objects) != want {
				t.Errorf("%d objects, want %d", len(objects), want)
			}
			var expected []map[string]any
			slices.SortFunc(files, func(a, b File) int { return strings.Compare(a.Path, b.Path) })
			for _, file := range files {
				expected = append(expected, kubectlDecode(t, file)...)
			}
			for i, obj := range expected {
				// What Parse documents to do to them, on top of decoding.
				if err := clean(obj); err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(obj, objects[i].Object); diff != "" {
					t.Errorf("%s differs from kubectl's (-kubectl +nopea):\n%s", objects[i].Origin, diff)
				}
			}
			if len(expected) != len(objects) {
				t.Errorf("kubectl reads %d objects, Parse %d", len(expected), len(objects))
			}
		})
	}
}

func TestRealWorldNormalizes(t *testing.T) {
	objects, err := Parse(context.Background(), realWorld(t, "kube-prometheus/manifests"), Limits{})
	if err != nil {
		t.Fatal(err)
	}
	crds := CRDScopes(objects)
	if !crds[schema.GroupVersionKind{Group: "monitoring.coreos.com", Version: "v1", Kind: "Prometheus"}] {
		t.Error("the CRD of Prometheus gives no namespaced kind")
	}
	normal, err := Normalize(objects, Options{DefaultNamespace: "monitoring", Scope: builtInScope})
	if err != nil {
		t.Fatal(err)
	}
	for _, obj := range normal {
		namespaced, known := builtInScope(obj.GroupVersionKind())
		if known && namespaced == (obj.GetNamespace() == "") {
			t.Errorf("%s: %s has namespace %q", obj.Origin, obj.GetKind(), obj.GetNamespace())
		}
	}
}

func builtInScope(gvk schema.GroupVersionKind) (namespaced, known bool) {
	if gvk.Group == "monitoring.coreos.com" {
		return false, false
	}
	cluster := []string{"Namespace", "ClusterRole", "ClusterRoleBinding", "CustomResourceDefinition", "APIService"}
	return !slices.Contains(cluster, gvk.Kind), true
}

func BenchmarkParse(b *testing.B) {
	files := realWorld(b, "kube-prometheus/manifests")
	run := func(b *testing.B, cache *Cache) {
		b.ReportAllocs()
		if _, err := cache.Parse(context.Background(), files, Limits{}); err != nil {
			b.Fatal(err)
		}
		for b.Loop() {
			if _, err := cache.Parse(context.Background(), files, Limits{}); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.Run("all", func(b *testing.B) { run(b, nil) })
	b.Run("all on one core", func(b *testing.B) {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
		run(b, nil)
	})
	b.Run("cached", func(b *testing.B) { run(b, NewCache(64<<20)) })
	b.Run("one changed", func(b *testing.B) {
		cache := NewCache(64 << 20)
		i := slices.IndexFunc(files, func(f File) bool { return f.Path == "prometheusAdapter-configMap.yaml" })
		b.ReportAllocs()
		for n := 0; b.Loop(); n++ {
			files[i].Hash = strconv.Itoa(n)
			if _, err := cache.Parse(context.Background(), files, Limits{}); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkHash(b *testing.B) {
	objects, err := Parse(context.Background(), realWorld(b, "kube-prometheus/manifests"), Limits{})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		for _, obj := range objects {
			if _, err := Hash(obj.Unstructured); err != nil {
				b.Fatal(err)
			}
		}
	}
}

func BenchmarkNormalize(b *testing.B) {
	objects, err := Parse(context.Background(), realWorld(b, "kube-prometheus/manifests"), Limits{})
	if err != nil {
		b.Fatal(err)
	}
	opts := Options{Scope: builtInScope, Labels: func(Object) map[string]string { return map[string]string{"a": "b"} }}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Normalize(objects, opts); err != nil {
			b.Fatal(err)
		}
	}
}
