package ownership

import (
	"strings"
	"testing"
	"time"
	"unsafe"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestRead(t *testing.T) {
	object := objectWith(own(`{"f:data":{"f:a":{}}}`), entry("kubectl", update, "", `{"f:data":{"f:b":{}}}`, 200))
	object.DeletionTimestamp = new(metav1.Now())
	object.OwnerReferences = []metav1.OwnerReference{{Kind: "ReplicaSet", Controller: new(true)}}
	object.Annotations = map[string]string{"nopea.io/pause-until": strings.Repeat("ä", 40)}
	facts, err := Read(secret, object, nil)
	if err != nil {
		t.Fatal(err)
	}
	if facts.UID != "u" || facts.ResourceVersion != "7" || facts.Generation != 3 || facts.Namespace != "team" || facts.Repository != "shop" ||
		!facts.Deleting || !facts.Controlled || facts.Pause != strings.Repeat("ä", 32) ||
		facts.Signature == (Digest{}) || facts.Extra == (Digest{}) || facts.Yielded != (Digest{}) {
		t.Errorf("%+v", facts)
	}
	if again, _ := Read(secret, object, nil); again != facts {
		t.Errorf("read twice: %+v, %+v", facts, again)
	}
	empty, err := Read(secret, &metav1.PartialObjectMetadata{}, nil)
	if err != nil || empty != (Facts{Raw: empty.Raw}) {
		t.Errorf("of nothing: %+v, %v", empty, err)
	}
	if size := unsafe.Sizeof(facts); size > 160 {
		t.Errorf("%d bytes of facts for every object", size)
	}
}

// TestReadAgain: what is known from before counts as long as the fields are the same, and not a moment longer.
func TestReadAgain(t *testing.T) {
	mine := own(`{"f:spec":{"f:a":{}}}`)
	foreign := entry("kubectl", update, "", `{"f:spec":{"f:b":{}}}`, 200)
	status := entry("kube-controller-manager", update, "status", `{"f:status":{"f:x":{}}}`, 200)
	autoscaler := entry("kube-controller-manager", update, "scale", `{"f:spec":{"f:replicas":{}}}`, 200)
	before, err := Read(deployment, objectWith(mine, foreign, status), nil)
	if err != nil {
		t.Fatal(err)
	}
	// Marks that no reading can give show which of the digests were taken over.
	marked := before
	marked.Signature, marked.Yielded, marked.Extra = Digest{1}, Digest{2}, Digest{3}

	moreStatus, later := status, foreign
	moreStatus.FieldsV1, moreStatus.Time = metav1.NewFieldsV1(`{"f:status":{"f:x":{},"f:y":{}}}`), new(metav1.Unix(300, 0))
	later.Time = new(metav1.Unix(300, 0))
	for name, managed := range map[string]entries{
		"a status write":               {mine, foreign, moreStatus},
		"the status written first":     {mine, foreign},
		"the same fields, later write": {mine, later, status},
	} {
		facts, err := Read(deployment, objectWith(managed...), &marked)
		if err != nil || facts.Signature != marked.Signature || facts.Yielded != marked.Yielded || facts.Extra != marked.Extra {
			t.Errorf("%s: parsed again: %+v, %v", name, facts, err)
		}
	}
	reapplied, renamed := mine, foreign
	reapplied.Time = new(metav1.NewTime(mine.Time.Add(time.Second)))
	renamed.Manager = "vim"
	for name, managed := range map[string]entries{
		"a field was taken":        {own(`{"f:spec":{}}`), foreign, status},
		"applied again":            {reapplied, foreign, status},
		"not applied":              {foreign, status},
		"a field was added":        {mine, entry("kubectl", update, "", `{"f:spec":{"f:b":{},"f:c":{}}}`, 200), status},
		"the extra went":           {mine, status},
		"it is someone else's":     {mine, renamed, status},
		"the autoscaler came":      {mine, foreign, status, autoscaler},
		"the same through a scale": {mine, entry("kubectl", update, "scale", `{"f:spec":{"f:b":{}}}`, 200), status},
	} {
		got, err := Read(deployment, objectWith(managed...), &marked)
		want, wantErr := Read(deployment, objectWith(managed...), nil)
		if err != nil || wantErr != nil || got != want {
			t.Errorf("%s: %+v, want %+v; %v", name, got, want, err)
		}
	}
}

func TestReadBroken(t *testing.T) {
	broken := objectWith(own(`{"f:spec`))
	facts, err := Read(deployment, broken, nil)
	if err == nil || facts.UID != "u" || facts.Signature != (Digest{}) {
		t.Errorf("%+v, %v", facts, err)
	}
	if _, err := Read(deployment, broken, &facts); err == nil {
		t.Error("the second time nothing is said of it")
	}
	facts, err = Read(deployment, objectWith(own(`{"f:spec":{"f:a":{}}}`), entry("x", update, "", `]`, 1)), nil)
	if err != nil || facts.Signature == (Digest{}) || facts.Extra != (Digest{}) {
		t.Errorf("beside a foreign entry that can not be read: %+v, %v", facts, err)
	}
}

func TestReadAgainCostsNothing(t *testing.T) {
	object := big()
	before, err := Read(deployment, object, nil)
	if err != nil {
		t.Fatal(err)
	}
	if allocs := testing.AllocsPerRun(10, func() { _, _ = Read(deployment, object, &before) }); allocs > 0 {
		t.Errorf("%v allocations for an event that leaves the fields alone", allocs)
	}
}

func BenchmarkRead(b *testing.B) {
	object := big()
	before, err := Read(deployment, object, nil)
	if err != nil {
		b.Fatal(err)
	}
	for name, known := range map[string]*Facts{"first": nil, "again": &before} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Read(deployment, object, known); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// FuzzRead: whatever stands in managedFields, reading ends without a panic, and a second reading says the same.
func FuzzRead(f *testing.F) {
	f.Add(`{"f:spec":{"f:replicas":{}}}`, `{"f:spec":{"f:b":{},"f:template":{"f:metadata":{"f:annotations":{".":{},"f:kubectl.kubernetes.io/restartedAt":{}}}}}}`, `{"f:spec":{"f:replicas":{}}}`)
	f.Add(`{"f:a":{"k:{\"n\":\"x\",\"p\":1}":{".":{},"f:b":{}},"v:\"s\"":{},"v:1.5":{},"i:3":{}}}`, `{"f:a":{"k:{\"n\":\"y\"}":{".":{}},"k:{\"n\":[{}]}":{}}}`, `{`)
	f.Add(`{"f:a":{"v:{\"a\":1}":{},"v:null":{},"v:[1]":{},"v:1e999":{}}}`, `{"":{}}`, `{"f:":{},"x:y":{},".":{".":{}}}`)
	f.Fuzz(func(t *testing.T, mine, foreign, scale string) {
		managed := entries{own(mine), entry("x", update, "", foreign, 2), entry("kube-controller-manager", update, "scale", scale, 3)}
		object := objectWith(managed...)
		facts, err := Read(deployment, object, nil)
		again, againErr := Read(deployment, object, &facts)
		if (err == nil) != (againErr == nil) || err == nil && facts != again {
			t.Errorf("%+v, %v; again %+v, %v", facts, err, again, againErr)
		}
		for _, extra := range Extras(deployment, managed, Allowed) {
			_ = Name(extra.Path)
		}
		_, _ = Lost(managed, entries{own(foreign), entry("x", update, "", mine, 2)})
	})
}
