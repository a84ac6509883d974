package drift

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"nopea.io/nopea/pkg/testing/githttp"
	"nopea.io/nopea/pkg/testing/localcluster"
	"nopea.io/nopea/pkg/testing/sandbox"
)

// backWithin is how long it may take, after the line speaks again, until all is as in Git. The kernel by itself would have connections wait
// for as long as the line was silent.
const backWithin = 10 * time.Second

// TestPartition has the line between the controller and kube-apiserver go silent, for NOPEA_DRIFT_SILENCE seconds. What is edited meanwhile
// is put back once it speaks again. In the second round kube-apiserver is killed meanwhile, and so does not have the events any more.
func TestPartition(t *testing.T) {
	t.Parallel()
	silence := time.Duration(setting(t, "NOPEA_DRIFT_SILENCE", 14)) * time.Second
	dir := githttp.Must(os.MkdirTemp("", "nopea-"))(t)
	cluster := githttp.Must(localcluster.Start(background(), localcluster.Options{Dir: filepath.Join(dir, "cluster")}))(t)
	line := newLine(t, githttp.Must(cluster.Config())(t).Host)
	v := newTenant(t, startSandbox(t, dir, sandbox.Options{Cluster: cluster, Dir: filepath.Join(dir, "nopea"), ControllerRoute: line.url()}))
	v.declare("shop", map[string]string{"witness.yaml": witnessYAML, "web.yaml": deploymentYAML("web"), "settings.yaml": settingsYAML})
	web, settings, witness := v.thing(deployments, "web"), v.thing(configMaps, "settings"), v.thing(configMaps, "witness")
	v.settle()
	for _, killed := range []bool{false, true} {
		line.be(true)
		over := time.Now().Add(silence)
		web.merge(`{"spec":{"replicas":4}}`)
		settings.merge(`{"data":{"key":"edited"}}`)
		v.must(nil, v.objects.Resource(configMaps).Namespace(v.namespace).Delete(background(), witness.name, metav1.DeleteOptions{}))
		if killed {
			v.must(nil, cluster.Kill(localcluster.APIServer))
		}
		v.eventually("the silence is over", func(context.Context) error {
			if left := time.Until(over); left > 0 {
				return fmt.Errorf("in %s", left)
			}
			return nil
		})
		web.has(web.read(), "spec.replicas", int64(4)) // nothing got through
		line.be(false)
		began := time.Now()
		web.becomes("spec.replicas", int64(1))
		settings.becomes("data.key", "one")
		v.eventually("what was deleted is back", func(ctx context.Context) error {
			_, err := v.objects.Resource(configMaps).Namespace(v.namespace).Get(ctx, witness.name, metav1.GetOptions{})
			return err
		})
		took := time.Since(began)
		t.Logf("kube-apiserver killed: %t; all was put back %s after a silence of %s", killed, took.Round(time.Millisecond), silence)
		if took > backWithin {
			t.Errorf("it took %s", took)
		}
		v.settle()
	}
}
