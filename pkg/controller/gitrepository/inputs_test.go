package gitrepository

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestInputs(t *testing.T) {
	digest := func(notes ...func(*inputs)) string {
		var read inputs
		for _, note := range notes {
			note(&read)
		}
		return read.digest()
	}
	object := func(name, version string) func(*inputs) {
		return func(i *inputs) {
			i.note("ConfigMap", "team-a", name, &metav1.ObjectMeta{UID: "u", ResourceVersion: version})
		}
	}
	absent := func(i *inputs) { i.note("ConfigMap", "team-a", "a", nil) }
	if digest() != "" {
		t.Error("nothing was read, and that has a digest")
	}
	if digest(object("a", "1"), object("b", "2")) != digest(object("b", "2"), object("a", "1")) {
		t.Error("the order counts")
	}
	for name, other := range map[string]string{"a newer version": digest(object("a", "2")), "another object": digest(object("b", "1")), "none of that name": digest(absent)} {
		if other == digest(object("a", "1")) {
			t.Errorf("%s counts as the same", name)
		}
	}
}

func TestFoldersAbove(t *testing.T) {
	for p, want := range map[string]int{"": 0, "a": 1, "a/b": 2, "a/b/c.yaml": 3} {
		folders := foldersAbove(p)
		if len(folders) != want || want == 3 && folders[2] != "a/b" {
			t.Errorf("%q: %q", p, folders)
		}
	}
}
