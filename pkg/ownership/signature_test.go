package ownership

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestSignature(t *testing.T) {
	mine := own(`{"f:data":{"f:a":{},"f:b":{}}}`)
	sign := func(managed ...metav1.ManagedFieldsEntry) Digest {
		t.Helper()
		signature, err := Signature(managed)
		if err != nil {
			t.Fatal(err)
		}
		return signature
	}
	base := sign(mine)
	if base == (Digest{}) {
		t.Fatal("an applied object has no signature")
	}
	for name, got := range map[string]Digest{
		"other order of the same fields": sign(own(`{"f:data":{"f:b":{},"f:a":{}}}`)),
		"foreign fields beside it":       sign(entry("kubectl", update, "", `{"f:data":{"f:c":{}}}`, 200), mine),
		"a status write under our name":  sign(mine, entry("nopea", apply, "status", `{"f:status":{}}`, 300)),
	} {
		if got != base {
			t.Errorf("%s: the signature moved", name)
		}
	}
	for name, got := range map[string]Digest{
		"a field was taken away":  sign(own(`{"f:data":{"f:a":{}}}`)),
		"applied at another time": sign(entry("nopea", apply, "", `{"f:data":{"f:a":{},"f:b":{}}}`, 101)),
	} {
		if got == base || got == (Digest{}) {
			t.Errorf("%s: the signature did not move", name)
		}
	}
	for name, got := range map[string]Digest{
		"nobody": sign(), "another manager": sign(entry("flux", apply, "", `{"f:data":{}}`, 1)),
		"an update under our name": sign(entry("nopea", update, "", `{"f:data":{}}`, 1)),
	} {
		if got != (Digest{}) {
			t.Errorf("%s: signature %s without an Apply entry of NOPEA", name, got)
		}
	}
	if _, err := Signature(entries{own(`{"f:data":`)}); err == nil {
		t.Error("a broken field set gives no error")
	}
}

// TestSignatureStays: signatures are recorded in inventories, and a change of one makes every object look drifted.
func TestSignatureStays(t *testing.T) {
	got, err := Signature(entries{entry("nopea", apply, "",
		`{"f:spec":{"f:template":{"f:spec":{"f:containers":{"k:{\"name\":\"web\"}":{".":{},"f:name":{},"f:image":{}}}}},"f:replicas":{}},`+
			`"f:metadata":{"f:finalizers":{"v:\"example.com/x\"":{}}}}`, 1790000000)})
	if want := "77329802675be5e566bd152e01e1ca0b"; err != nil || got.String() != want {
		t.Errorf("signature %s, want %s; %v", got, want, err)
	}
}

func TestDigestText(t *testing.T) {
	d := digest([]byte("a"))
	if got, err := ParseDigest(d.String()); err != nil || got != d {
		t.Errorf("%s came back as %s, %v", d, got, err)
	}
	if got, err := ParseDigest(""); err != nil || got != (Digest{}) || got.String() != "" {
		t.Errorf("no digest came back as %s, %v", got, err)
	}
	for _, bad := range []string{"x", "00", "zz329802675be5e566bd152e01e1ca0b", "77329802675be5e566bd152e01e1ca0b00"} {
		if got, err := ParseDigest(bad); err == nil || got != (Digest{}) {
			t.Errorf("%q was read as %s", bad, got)
		}
	}
}
