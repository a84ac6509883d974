package citizen

import (
	"context"
	"io"
	"os/exec"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/dynamic/dynamicinformer"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/metadata/metadatainformer"
	"k8s.io/client-go/tools/cache"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
	"nopea.io/nopea/pkg/generated/clientset/versioned"
	informers "nopea.io/nopea/pkg/generated/informers/externalversions"
	"nopea.io/nopea/pkg/testing/githttp"
	"nopea.io/nopea/pkg/testing/localcluster"
)

// resources of the API.
var resources = []string{"gitrepositories", "inventories", "syncs"}

// TestInformers starts the three kinds of informer of client-go for every resource. By default they read the first state from a watch
// (WatchList), whose end the server must mark: the quota controller of the whole cluster waits for all such marks.
func TestInformers(t *testing.T) {
	t.Parallel()
	v := newTenant(t, world)
	repo := served(t, map[string]string{"app.yaml": configMap("", "settings", "one")})
	v.declare("shop", repo.URL)
	mark := githttp.Must(world.Cluster.AuditLog().Mark())(t)
	config := world.Config()
	config.UserAgent = "citizen-informers"
	ctx, cancel := context.WithCancel(t.Context())
	typed := informers.NewSharedInformerFactoryWithOptions(githttp.Must(versioned.NewForConfig(config))(t), 0, informers.WithNamespace(v.namespace))
	meta := metadatainformer.NewFilteredSharedInformerFactory(githttp.Must(metadata.NewForConfig(config))(t), 0, v.namespace, nil)
	dynamicFactory := dynamicinformer.NewFilteredDynamicSharedInformerFactory(githttp.Must(dynamic.NewForConfig(config))(t), 0, v.namespace, nil)
	all := make(map[string]cache.SharedIndexInformer)
	for _, resource := range resources {
		gvr := v1alpha1.SchemeGroupVersion.WithResource(resource)
		all["typed "+resource] = githttp.Must(typed.ForResource(gvr))(t).Informer()
		all["metadata "+resource] = meta.ForResource(gvr).Informer()
		all["dynamic "+resource] = dynamicFactory.ForResource(gvr).Informer()
	}
	for _, factory := range []interface{ Start(<-chan struct{}) }{typed, meta, dynamicFactory} {
		factory.Start(ctx.Done())
	}
	defer typed.Shutdown()
	defer meta.Shutdown()
	defer dynamicFactory.Shutdown()
	defer cancel()
	within, stop := context.WithTimeout(ctx, patience)
	defer stop()
	for name, informer := range all {
		if !cache.WaitForCacheSync(within.Done(), informer.HasSynced) {
			t.Fatalf("the %s informer does not sync", name)
		}
		if len(informer.GetStore().ListKeys()) == 0 {
			t.Errorf("the %s informer holds nothing", name)
		}
	}
	// It must have been WatchList that worked: a server that refuses it is asked for a list instead.
	events := githttp.Must(world.Cluster.AuditLog().Since(mark, localcluster.Match{Namespace: v.namespace, Group: v1alpha1.GroupName, Stages: []string{"ResponseComplete", "ResponseStarted"}}))(t)
	watches := 0
	for _, event := range events {
		if !strings.HasPrefix(event.UserAgent, "citizen-informers") {
			continue
		}
		if event.Verb == "list" {
			t.Errorf("an informer fell back to a list: %s", event)
		}
		if event.Verb == "watch" && event.Stage == "ResponseStarted" && strings.Contains(event.RequestURI, "sendInitialEvents=true") {
			watches++
		}
	}
	if watches != len(all) {
		t.Errorf("%d of %d informers began with sendInitialEvents", watches, len(all))
	}
}

// TestKubectlWatch streams rows to somebody who looks at a sync.
func TestKubectlWatch(t *testing.T) {
	t.Parallel()
	v := newTenant(t, world)
	repo := served(t, map[string]string{"app.yaml": configMap("", "settings", "one")})
	v.declare("shop", repo.URL)
	lines := v.kubectlLines("get", "syncs", "-n", v.namespace, "-w", "--output-watch-events")
	lines.wait("ADDED", "shop-")
	githttp.Must(repo.Commit(map[string]string{"app.yaml": configMap("", "settings", "two")}))(t)
	name := v.sync("shop").Name
	lines.wait("ADDED", name)
	lines.wait("MODIFIED", name, "Succeeded")
	if err := v.api.Syncs(v.namespace).Delete(t.Context(), name, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	lines.wait("DELETED", name)
}

// output of a kubectl that goes on until the test ends.
type output struct {
	v     *tenant
	lines <-chan string
}

func (v *tenant) kubectlLines(args ...string) *output {
	v.t.Helper()
	cmd := exec.CommandContext(v.t.Context(), githttp.Must(localcluster.Binary("kubectl"))(v.t), args...)
	cmd.Env = append(cmd.Environ(), "KUBECONFIG="+v.on.Cluster.Kubeconfig(), "KUBECACHEDIR="+v.t.TempDir())
	reader, writer := io.Pipe()
	cmd.Stdout, cmd.Stderr = writer, writer
	if err := cmd.Start(); err != nil {
		v.t.Fatal(err)
	}
	lines := make(chan string, 1000)
	go func() { // ends with the pipe, below
		defer close(lines)
		scan(reader, lines)
	}()
	v.t.Cleanup(func() {
		// The context of the test is over, and so is kubectl, with the error that it was killed.
		if err := cmd.Wait(); err == nil {
			v.t.Errorf("kubectl %s ended by itself", strings.Join(args, " "))
		}
		if err := writer.Close(); err != nil {
			v.t.Error(err)
		}
	})
	return &output{v, lines}
}

// wait passes over lines until one holds all the given words.
func (o *output) wait(words ...string) {
	o.v.t.Helper()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	var seen []string
	for {
		select {
		case line, ok := <-o.lines:
			if !ok {
				o.v.t.Fatalf("kubectl ended without a line of %q: %q", words, seen)
			}
			if containsAll(line, words...) {
				return
			}
			seen = append(seen, line)
		case <-timer.C:
			o.v.t.Fatalf("no line of %q within %s: %q", words, patience, seen)
		}
	}
}
