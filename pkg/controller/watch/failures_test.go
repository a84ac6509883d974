package watch_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"

	"nopea.io/nopea/pkg/controller/watch"
	"nopea.io/nopea/pkg/ownership"
	"nopea.io/nopea/pkg/testing/localcluster"
)

func kinds(resources ...watch.Resource) []schema.GroupKind {
	var all []schema.GroupKind
	for _, r := range resources {
		all = append(all, kindOf(r))
	}
	return all
}

// TestForbidden: a kind that may not be watched is blind, the others go on, and it recovers when it may.
func TestForbidden(t *testing.T) {
	t.Parallel()
	const user = "half-blind"
	w := begin(t, func(config *rest.Config) { config.Impersonate.UserName = user }, configMaps, secrets)
	grant := func(name string, resources string) {
		w.kubectl(fmt.Sprintf(`{"apiVersion":"v1","kind":"List","items":[
			{"apiVersion":"rbac.authorization.k8s.io/v1","kind":"ClusterRole","metadata":{"name":%[1]q},"rules":[{"apiGroups":[""],"resources":[%[2]q],"verbs":["list","watch"]}]},
			{"apiVersion":"rbac.authorization.k8s.io/v1","kind":"ClusterRoleBinding","metadata":{"name":%[1]q},"roleRef":{"apiGroup":"rbac.authorization.k8s.io","kind":"ClusterRole","name":%[1]q},
				"subjects":[{"apiGroup":"rbac.authorization.k8s.io","kind":"User","name":%[3]q}]}]}`, name, resources, user))
	}
	grant("half-blind-configmaps", "configmaps")
	w.synced(configMaps)
	if err := w.WaitFor(t.Context(), kinds(configMaps, secrets)); err != nil {
		t.Error(err)
	}
	if blind := w.Blind(); len(blind) != 1 || !apierrors.IsForbidden(blind[kindOf(secrets)]) {
		t.Errorf("blind: %v", blind)
	}
	w.holds(configMaps, w.apply(configMaps, "a", data("1")))
	grant("half-blind-secrets", "secrets")
	w.synced(secrets)
	if blind := w.Blind(); len(blind) != 0 {
		t.Errorf("blind: %v", blind)
	}
	w.holds(secrets, w.apply(secrets, "s", nil))
}

// TestDefinition: a kind that is not served yet, is served, is not any more, and comes back.
func TestDefinition(t *testing.T) {
	t.Parallel()
	things := resource("things.example.com", "v1", "things", "Thing")
	w := begin(t, administrator, things, configMaps)
	w.synced(configMaps)
	w.eventually("the kind is blind", func() bool { return apierrors.IsNotFound(w.Blind()[kindOf(things)]) })
	w.define(things, `{"name":"v1","served":true,"storage":true,"schema":`+anySchema+`}`)
	w.synced(things)
	w.holds(things, w.apply(things, "a", spec("1")))
	w.kubectl("", "delete", "crd", "things.things.example.com")
	w.lacks(things, "a")
	w.eventually("the kind is blind", func() bool { return apierrors.IsNotFound(w.Blind()[kindOf(things)]) })
	w.define(things, `{"name":"v1","served":true,"storage":true,"schema":`+anySchema+`}`)
	w.synced(things)
	w.holds(things, w.apply(things, "a", spec("2")))
}

// TestDeadConversion: objects are watched in the version in which they are stored, so that no webhook is needed for it.
func TestDeadConversion(t *testing.T) {
	t.Parallel()
	old := resource("converted.example.com", "v1", "things", "Thing")
	stored := resource("converted.example.com", "v2", "things", "Thing")
	w := begin(t, administrator)
	w.define(old, `{"name":"v1","served":true,"storage":false,"schema":`+anySchema+`},{"name":"v2","served":true,"storage":true,"schema":`+anySchema+`}`, deadWebhook)
	first := w.apply(stored, "a", spec("1"))
	if _, err := w.client(old).Get(t.Context(), "a", getOptions); err == nil {
		t.Fatal("the object is served in the other version: the webhook is not dead")
	}
	w.Want(t.Context(), wanted(old))
	w.synced(old)
	w.holds(old, first)
	w.holds(old, w.edit(stored, "a", `{"spec":{"value":"2"}}`))
	for _, err := range w.List(t.Context(), kindOf(old)) {
		if err != nil {
			t.Error(err)
		}
	}
}

// TestNoConversion: where not even the stored version can be watched, the kind is blind, holds up nothing, and recovers.
func TestNoConversion(t *testing.T) {
	t.Parallel()
	served := resource("stuck.example.com", "v1", "things", "Thing")
	stored := resource("stuck.example.com", "v2", "things", "Thing")
	w := begin(t, administrator)
	w.define(stored, `{"name":"v1","served":true,"storage":false,"schema":`+anySchema+`},{"name":"v2","served":true,"storage":true,"schema":`+anySchema+`}`, deadWebhook)
	first := w.apply(stored, "a", spec("1"))
	w.define(stored, `{"name":"v1","served":true,"storage":false,"schema":`+anySchema+`},{"name":"v2","served":false,"storage":true,"schema":`+anySchema+`}`, deadWebhook)
	w.eventually("the stored version is not served", func() bool {
		_, err := w.client(stored).Get(context.Background(), "a", getOptions)
		return apierrors.IsNotFound(err)
	})
	w.Want(t.Context(), wanted(served, configMaps))
	w.synced(configMaps)
	soon, cancel := context.WithTimeout(t.Context(), 9*time.Second)
	defer cancel()
	if err := w.WaitFor(soon, kinds(served, configMaps)); err != nil || w.Synced(kindOf(served)) || w.Blind()[kindOf(served)] == nil {
		t.Errorf("blind: %v; %v", w.Blind(), err)
	}
	w.define(stored, `{"name":"v1","served":true,"storage":false,"schema":`+anySchema+`},{"name":"v2","served":false,"storage":true,"schema":`+anySchema+`}`, `,"conversion":{"strategy":"None"}`)
	w.holds(served, first)
	w.synced(served)
}

// TestVersionGoes: a watch moves when its version is not served any more.
func TestVersionGoes(t *testing.T) {
	t.Parallel()
	old := resource("moving.example.com", "v1", "things", "Thing")
	next := resource("moving.example.com", "v2", "things", "Thing")
	var line *proxy
	w := begin(t, func(config *rest.Config) {
		line = newProxy(t, config.Host)
		config.Host = line.url()
	}, old)
	w.define(old, `{"name":"v1","served":true,"storage":true,"schema":`+anySchema+`},{"name":"v2","served":true,"storage":false,"schema":`+anySchema+`}`)
	w.synced(old)
	before := w.holds(old, w.apply(old, "a", spec("1")))
	w.define(old, `{"name":"v1","served":false,"storage":false,"schema":`+anySchema+`},{"name":"v2","served":true,"storage":true,"schema":`+anySchema+`}`)
	w.eventually("the old version is gone", func() bool {
		_, err := w.client(old).Get(context.Background(), "a", getOptions)
		return apierrors.IsNotFound(err)
	})
	line.cut() // the API server lets watches of the old version go on for a while
	line.restore()
	after := w.holds(old, w.edit(next, "a", `{"metadata":{"annotations":{"x":"y"}}}`))
	w.synced(old)
	if before.UID != after.UID || before.Signature != after.Signature {
		t.Errorf("%+v became %+v", before, after)
	}
	for _, c := range w.reported("a") {
		if !c.exists {
			t.Errorf("reported as gone: %+v", c)
		}
	}
}

// TestOutage: what is changed while the API server can not be reached is seen at once when it can again, whatever was watched before.
func TestOutage(t *testing.T) {
	t.Parallel()
	const within = 2 * time.Second
	var line *proxy
	w := begin(t, func(config *rest.Config) {
		line = newProxy(t, config.Host)
		config.Host = line.url()
	}, configMaps, secrets)
	w.synced(configMaps, secrets)
	w.holds(configMaps, w.apply(configMaps, "edited", data("1")))
	w.holds(configMaps, w.apply(configMaps, "deleted", data("1")))
	line.cut()
	w.eventually("both are blind", func() bool { return len(w.Blind()) == 2 })
	if w.Synced(kindOf(configMaps)) {
		t.Error("a watch that is blind is synced")
	}
	edited := w.edit(configMaps, "edited", `{"data":{"a":"2"}}`)
	w.remove(configMaps, "deleted")
	made := w.apply(secrets, "made", nil)
	line.restore()
	back := time.Now()
	w.holds(configMaps, edited)
	w.holds(secrets, made)
	w.lacks(configMaps, "deleted")
	w.synced(configMaps, secrets)
	took := time.Since(back)
	t.Logf("seen %s after the line was back", took.Round(time.Millisecond))
	if took > within {
		t.Error("that is too late")
	}
}

// TestRestart kills the API server: what is changed as soon as it is back is seen within two seconds. It disturbs tests beside it.
func TestRestart(t *testing.T) {
	const within = 2 * time.Second
	w := begin(t, administrator, configMaps, secrets, autoscalers)
	w.synced(configMaps, secrets, autoscalers)
	facts := w.holds(configMaps, w.apply(configMaps, "a", data("1")))
	if err := cluster.Kill(localcluster.APIServer); err != nil {
		t.Fatal(err)
	}
	var edited *metav1.PartialObjectMetadata
	w.eventually("the API server answers", func() bool {
		var err error
		edited, err = w.tryEdit(configMaps, "a", `{"data":{"a":"2"}}`)
		return err == nil
	})
	back := time.Now()
	seen := w.holds(configMaps, edited)
	took := time.Since(back)
	t.Logf("seen %s after the edit", took.Round(time.Millisecond))
	if took > within {
		t.Errorf("that is too late")
	}
	if seen.Signature == facts.Signature || seen.Signature == (ownership.Digest{}) {
		t.Errorf("%+v became %+v", facts, seen)
	}
	for _, c := range w.reported("a") {
		if !c.exists {
			t.Errorf("reported as gone: %+v", c)
		}
	}
	w.synced(configMaps, secrets, autoscalers)
	t.Logf("all kinds are synced %s after the edit", time.Since(back).Round(time.Millisecond))
}

var getOptions = metav1.GetOptions{}

const anySchema = `{"openAPIV3Schema":{"type":"object","x-kubernetes-preserve-unknown-fields":true}}`

const deadWebhook = `,"conversion":{"strategy":"Webhook","webhook":{"conversionReviewVersions":["v1"],"clientConfig":{"url":"https://127.0.0.1:1/convert"}}}`

// define makes the kind, in the given versions.
func (w *world) define(r watch.Resource, versions string, more ...string) {
	w.Helper()
	name := r.Resource + "." + r.Group
	w.kubectl(fmt.Sprintf(`{"apiVersion":"apiextensions.k8s.io/v1","kind":"CustomResourceDefinition","metadata":{"name":%q},
		"spec":{"group":%q,"scope":"Namespaced","names":{"plural":%q,"singular":%q,"kind":%q,"listKind":%q},"versions":[%s]%s}}`,
		name, r.Group, r.Resource, strings.ToLower(r.Kind), r.Kind, r.Kind+"List", versions, strings.Join(more, "")))
	w.kubectl("", "wait", "--for=condition=Established", "crd/"+name, "--timeout=20s")
}

func spec(value string) map[string]any {
	return map[string]any{"spec": map[string]any{"value": value}}
}
