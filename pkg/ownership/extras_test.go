package ownership

import (
	"slices"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestExtras(t *testing.T) {
	web := inContainer(`".":{},"f:name":{},"f:image":{}`)
	kubectl := func(fields string) metav1.ManagedFieldsEntry { return entry("kubectl-edit", update, "", fields, 200) }
	for name, test := range map[string]struct {
		own  string
		by   []metav1.ManagedFieldsEntry
		want []string
	}{
		"nobody":              {web, nil, nil},
		"the same field":      {web, entries{kubectl(inContainer(`"f:image":{}`))}, nil},
		"a field beside ours": {web, entries{kubectl(inContainer(`"f:image":{},"f:command":{}`))}, []string{`spec.template.spec.containers[name="web"].command kubectl-edit`}},
		"a second container": {web, entries{kubectl(`{"f:spec":{"f:template":{"f:spec":{"f:containers":{"k:{\"name\":\"side\"}":{".":{},"f:name":{},"f:image":{}}}}}}}`)},
			[]string{`spec.template.spec.containers[name="side"] kubectl-edit`}},
		"a map as a whole": {web, entries{kubectl(`{"f:spec":{"f:template":{"f:spec":{"f:nodeSelector":{".":{},"f:disk":{}}}}}}`)},
			[]string{"spec.template.spec.nodeSelector kubectl-edit"}},
		"into a map of ours": {`{"f:data":{"f:a":{}}}`, entries{kubectl(`{"f:data":{".":{},"f:b":{},"f:tls.key":{}}}`)},
			[]string{"data.b kubectl-edit", `data["tls.key"] kubectl-edit`}},
		"into an empty map of ours": {`{"f:data":{}}`, entries{kubectl(`{"f:data":{"f:b":{}}}`)}, []string{"data.b kubectl-edit"}},
		"metadata and status": {web, entries{kubectl(
			`{"f:metadata":{"f:labels":{"f:x":{}},"f:annotations":{".":{},"f:y":{}},"f:finalizers":{"v:\"z\"":{}},"f:ownerReferences":{"k:{\"uid\":\"1\"}":{}}},"f:status":{"f:phase":{}}}`)}, nil},
		"a restart": {web, entries{kubectl(`{"f:spec":{"f:template":{"f:metadata":{"f:annotations":{".":{},"f:kubectl.kubernetes.io/restartedAt":{}}}}}}`)}, nil},
		"a restart and an annotation": {web, entries{kubectl(`{"f:spec":{"f:template":{"f:metadata":{"f:annotations":{".":{},"f:kubectl.kubernetes.io/restartedAt":{},"f:x":{}}}}}}`)},
			[]string{"spec.template.metadata.annotations.x kubectl-edit"}},
		"that annotation elsewhere": {web, entries{kubectl(`{"f:spec":{"f:annotations":{"f:kubectl.kubernetes.io/restartedAt":{}}}}`)},
			[]string{`spec.annotations["kubectl.kubernetes.io/restartedAt"] kubectl-edit`}},
		"through subresources": {web, entries{entry("kubectl", update, "scale", `{"f:spec":{"f:replicas":{}}}`, 1), entry("x", update, "status", `{"f:spec":{"f:x":{}}}`, 1)}, nil},
		"the control plane":    {web, entries{entry("kube-controller-manager", update, "", `{"f:spec":{"f:x":{}}}`, 1), entry("before-first-apply", update, "", `{"f:spec":{"f:y":{}}}`, 1)}, nil},
		"another apply":        {web, entries{entry("flux", apply, "", `{"f:spec":{"f:paused":{}}}`, 1)}, []string{"spec.paused flux"}},
		"two of them": {web, entries{entry("b", update, "", `{"f:spec":{"f:x":{}}}`, 1), entry("a", update, "", `{"f:spec":{"f:x":{},"f:a":{}}}`, 1)},
			[]string{"spec.a a", "spec.x a", "spec.x b"}},
		"beside what can not be read": {web, entries{entry("b", update, "", `{"f:spec`, 1), entry("a", update, "", `{"f:a":{}}`, 1)}, []string{"a a"}},
	} {
		var got []string
		for _, extra := range Extras(deployment, append(entries{own(test.own)}, test.by...), Allowed) {
			got = append(got, Name(extra.Path)+" "+extra.Manager)
			if extra.Time.IsZero() || extra.Operation == "" {
				t.Errorf("%s: %+v", name, extra)
			}
		}
		if !slices.Equal(got, test.want) {
			t.Errorf("%s:\n got %q\nwant %q", name, got, test.want)
		}
	}
}

func TestExtrasAllowed(t *testing.T) {
	managed := entries{own(`{}`), entry("operator", update, "", `{"f:spec":{"f:x":{}}}`, 1), entry("kubectl-create", update, "", `{"f:spec":{"f:y":{}}}`, 1)}
	got := Extras(deployment, managed, func(string) bool { return true })
	if len(got) != 1 || got[0].Manager != "kubectl-create" {
		t.Errorf("all but kubectl is allowed: %v", got)
	}
	rollouts := entries{own(`{}`), entry("rollouts-controller", update, "", `{"f:spec":{"f:selector":{}}}`, 1)}
	if got := Extras(service, rollouts, Allowed); len(got) != 0 {
		t.Errorf("what is yielded is extra: %v", got)
	}
	if got := Extras(deployment, rollouts, Allowed); len(got) != 1 {
		t.Errorf("what is not yielded is not extra: %v", got)
	}
}

func TestExtraDigest(t *testing.T) {
	read := func(managed ...metav1.ManagedFieldsEntry) Digest {
		t.Helper()
		facts, err := Read(deployment, objectWith(managed...), nil)
		if err != nil {
			t.Fatal(err)
		}
		return facts.Extra
	}
	base := own(`{"f:spec":{"f:a":{}}}`)
	one := entry("kubectl", update, "", `{"f:spec":{"f:b":{}}}`, 1)
	if read(base) != (Digest{}) {
		t.Error("extras where there are none")
	}
	if read(base, one) == (Digest{}) || read(base, one) != read(one, base) {
		t.Error("the order of entries counts")
	}
	later, other, more := one, one, entry("kubectl", update, "", `{"f:spec":{"f:b":{},"f:c":{}}}`, 1)
	later.Time = new(metav1.Unix(900, 0))
	other.Manager = "vim"
	if read(base, later) != read(base, one) {
		t.Error("the time counts")
	}
	if read(base, other) == read(base, one) || read(base, more) == read(base, one) {
		t.Error("who or what does not count")
	}
}
