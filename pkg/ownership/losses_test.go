package ownership

import (
	"fmt"
	"slices"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestLost(t *testing.T) {
	web := inContainer(`".":{},"f:name":{},"f:image":{},"f:env":{"k:{\"name\":\"A\"}":{".":{},"f:name":{},"f:value":{}}}`)
	for name, test := range map[string]struct {
		should string
		found  []metav1.ManagedFieldsEntry
		want   []string
	}{
		"nothing": {web, entries{own(web)}, nil},
		"another image": {web, entries{own(inContainer(`".":{},"f:name":{},"f:env":{"k:{\"name\":\"A\"}":{".":{},"f:name":{},"f:value":{}}}`)),
			entry("kubectl-set", update, "", inContainer(`"f:image":{}`), 200)},
			[]string{`spec.template.spec.containers[name="web"].image: kubectl-set//Update at 200`}},
		"a variable removed": {web, entries{own(inContainer(`".":{},"f:name":{},"f:image":{}`)), entry("kubectl", update, "", inContainer(`"f:command":{}`), 200)},
			[]string{`spec.template.spec.containers[name="web"].env[name="A"]: removed`}},
		"scaled": {`{"f:spec":{"f:replicas":{}}}`, entries{own(`{}`), entry("kubectl", update, "scale", `{"f:spec":{"f:replicas":{}}}`, 200)},
			[]string{"spec.replicas: kubectl/scale/Update at 200"}},
		"taken by the newer of three": {`{"f:data":{"f:a":{}}}`, entries{own(`{}`), entry("old", apply, "", `{"f:data":{"f:a":{}}}`, 200),
			entry("new", update, "", `{"f:data":{"f:a":{}}}`, 300), entry("older", update, "", `{"f:data":{"f:a":{}}}`, 100)},
			[]string{"data.a: new//Update at 300"}},
		"by one that knows no time": {`{"f:data":{"f:a":{}}}`, entries{own(`{}`), {Manager: "timeless", Operation: update, FieldsV1: metav1.NewFieldsV1(`{"f:data":{"f:a":{}}}`)}},
			[]string{"data.a: timeless//Update at 0"}},
		"replaced as a whole": {`{"f:spec":{"f:list":{"k:{\"n\":1}":{".":{}}}}}`, entries{own(`{}`), entry("crd", update, "", `{"f:spec":{"f:list":{}}}`, 200)},
			[]string{"spec.list[n=1]: crd//Update at 200"}},
		"divided by another": {`{"f:spec":{"f:map":{}}}`, entries{own(`{}`), entry("crd", update, "", `{"f:spec":{"f:map":{"f:a":{}}}}`, 200)},
			[]string{"spec.map: crd//Update at 200"}},
		"managedFields reset": {`{"f:data":{"f:a":{},"f:tls.crt":{}},"f:type":{}}`, nil,
			[]string{"data.a: removed", `data["tls.crt"]: removed`, "type: removed"}},
		"a finalizer": {`{"f:metadata":{"f:finalizers":{"v:\"example.com/x\"":{}}}}`, entries{own(`{}`)},
			[]string{`metadata.finalizers[="example.com/x"]: removed`}},
	} {
		lost, err := Lost(entries{own(test.should)}, test.found)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		var got []string
		for _, loss := range lost {
			text := loss.Path + ": removed"
			if !loss.Removed() {
				seconds := int64(0)
				if !loss.Time.IsZero() {
					seconds = loss.Time.Unix()
				}
				text = fmt.Sprintf("%s: %s/%s/%s at %d", loss.Path, loss.Manager, loss.Subresource, loss.Operation, seconds)
			}
			got = append(got, text)
		}
		if !slices.Equal(got, test.want) {
			t.Errorf("%s:\n got %q\nwant %q", name, got, test.want)
		}
	}
	for _, broken := range [][2]entries{{{own(`{`)}, {own(`{}`)}}, {{own(`{}`)}, {own(`{`)}}} {
		if lost, err := Lost(broken[0], broken[1]); err == nil {
			t.Errorf("fields that can not be read: %v", lost)
		}
	}
}
