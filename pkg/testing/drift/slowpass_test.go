package drift

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"nopea.io/nopea/pkg/testing/githttp"
	"nopea.io/nopea/pkg/testing/localcluster"
	"nopea.io/nopea/pkg/testing/sandbox"
)

// TestSlowPass: objects without a generation give no hint of what takes no field from NOPEA. The comparison of all objects finds it.
func TestSlowPass(t *testing.T) {
	t.Parallel()
	v := newTenant(t, ownSandbox(t, "--verify-interval=1m"))
	files := map[string]string{"witness.yaml": witnessYAML, "service.yaml": `apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{name: http, port: 80}, {name: https, port: 443}]}
`}
	for _, name := range []string{"forged", "mutated", "impersonated", "restarted"} {
		files[name+".yaml"] = fmt.Sprintf("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: %s}\ndata: {key: one, other: two}\n", name)
	}
	files["web.yaml"] = deploymentYAML("web")
	v.declare("shop", files)
	forged, mutated, impersonated := v.thing(configMaps, "forged"), v.thing(configMaps, "mutated"), v.thing(configMaps, "impersonated")

	v.mutate("", "configmaps", v.byOthers(), "Object{data: {'key': 'edited'}}")
	mutated.mutated(touch, "data.key", "edited")
	mutated.has(mutated.merge(touch), "data.key", "edited")
	v.impersonateAtOnce(impersonated)
	web := v.thing(services, "web")
	_, reordered := web.put(func(object *unstructured.Unstructured) *unstructured.Unstructured {
		return reversedAt(object, "spec.ports")
	})
	web.has(reordered, "spec.ports.0.name", "https")

	// Nobody watches, and a Deployment's generation tells of it at the next start; a ConfigMap has none.
	if err := v.on.Controller.Stop(); err != nil {
		t.Fatal(err)
	}
	v.forge(forged, `{"data":{"key":"edited"}}`)
	v.forge(v.thing(deployments, "web"), `{"spec":{"replicas":4}}`)
	if err := v.on.Controller.Start(background()); err != nil {
		t.Fatal(err)
	}
	v.thing(deployments, "web").becomes("spec.replicas", int64(1))

	err := waitFor(2*time.Minute, func(context.Context) error {
		var errs []error
		for _, o := range []*thing{forged, mutated, impersonated} {
			if found := at(o.read(), "data.key"); found != "one" {
				errs = append(errs, fmt.Errorf("%s has %v", o, found))
			}
		}
		if found := at(web.read(), "spec.ports.0.name"); found != "http" {
			errs = append(errs, fmt.Errorf("the first port is %v", found))
		}
		return errors.Join(errs...)
	})
	if err != nil {
		t.Error(err)
	}
}

// impersonateAtOnce has NOPEA apply an object, and applies it under NOPEA's name within the same second.
func (v *tenant) impersonateAtOnce(o *thing) {
	v.t.Helper()
	v.eventually("somebody applies within the second in which NOPEA does", func(context.Context) error {
		o.merge(`{"data":{"key":"edited"}}`)
		o.becomes("data.key", "one")
		before := o.read()
		if v.signatureOf(v.impersonate(o, before)) != v.signatureOf(before) {
			o.becomes("data.key", "one") // the second was over: it is put back by that
			return errors.New("it was too late")
		}
		return nil
	})
}

// ownSandbox is a cluster of the test's own with a controller that is told something.
func ownSandbox(t *testing.T, args ...string) *sandbox.Sandbox {
	t.Helper()
	dir := githttp.Must(os.MkdirTemp("", "nopea-"))(t)
	cluster := githttp.Must(localcluster.Start(background(), localcluster.Options{Dir: filepath.Join(dir, "cluster")}))(t)
	return startSandbox(t, dir, sandbox.Options{Cluster: cluster, Dir: filepath.Join(dir, "nopea"), ControllerArgs: args})
}

// startSandbox starts NOPEA on a cluster in a folder, which all go with the test.
func startSandbox(t *testing.T, dir string, o sandbox.Options) *sandbox.Sandbox {
	t.Helper()
	cluster := o.Cluster
	own, err := sandbox.Start(background(), o)
	if err != nil {
		t.Fatal(errors.Join(err, cluster.Stop()))
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the controller's log ends with:\n%s", own.Controller.Tail())
		}
		if err := errors.Join(own.Stop(), cluster.Stop()); err != nil {
			t.Errorf("stop the sandbox: %v", err)
		}
		if !t.Failed() {
			if err := os.RemoveAll(dir); err != nil {
				t.Error(err)
			}
		}
	})
	return own
}
