package faults

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"nopea.io/nopea/pkg/generated/clientset/versioned"
	nopeaclient "nopea.io/nopea/pkg/generated/clientset/versioned/typed/nopea/v1alpha1"
	"nopea.io/nopea/pkg/testing/githttp"
	"nopea.io/nopea/pkg/testing/localcluster"
	"nopea.io/nopea/pkg/testing/sandbox"
)

func background() context.Context { return context.Background() }

// syncPoster is a client by which Syncs are asked for.
type syncPoster = nopeaclient.NopeaV1alpha1Interface

// world is the cluster with NOPEA on it, and the proxies between its parts.
type world struct {
	sandbox *sandbox.Sandbox
	git     *githttp.Server
	gitURL  string
	// users, apiProxy and gitProxy are where requests are held.
	users, apiProxy, gitProxy *proxy
	controllerKubeconfig      string

	kube    kubernetes.Interface
	dynamic dynamic.Interface
	// api leads straight to the API server, userAPI by way of the proxy.
	api, userAPI syncPoster

	deletions deletions
	hits      hits
	keepers   map[victim]*keeper
	servers   []*http.Server
	usersURL  string
}

// newWorld starts the Git server and the proxies. They need to be there before the controller, which learns of them by a kubeconfig.
func newWorld(cluster *localcluster.Cluster, dir string) (*world, error) {
	w := &world{controllerKubeconfig: filepath.Join(dir, "controller.kubeconfig"), deletions: deletions{paths: map[string][]string{}}}
	var err error
	if w.git, err = githttp.Start(githttp.Options{Dir: filepath.Join(dir, "git")}); err != nil {
		return nil, err
	}
	w.gitProxy = &proxy{
		target:    leadTo(w.git.URL("")),
		transport: func() (http.RoundTripper, error) { return http.DefaultTransport, nil },
		classify:  classifyGit,
	}
	admin, err := cluster.Config()
	if err != nil {
		return nil, err
	}
	// The proxy has the controller's token, which is made when NOPEA is installed.
	token := filepath.Join(dir, "nopea", "nopea-controller.kubeconfig")
	w.apiProxy = &proxy{
		target: leadTo(admin.Host), classify: new(statuses).classify, seen: w.deletions.see,
		transport: sync.OnceValues(func() (http.RoundTripper, error) { return transportOf(clientcmd.BuildConfigFromFlags("", token)) }),
	}
	w.users = &proxy{
		target: leadTo(admin.Host), classify: new(statuses).classify,
		transport: sync.OnceValues(func() (http.RoundTripper, error) { return transportOf(rest.CopyConfig(admin), nil) }),
	}
	for p, address := range map[*proxy]*string{w.gitProxy: &w.gitURL, w.apiProxy: new(string), w.users: &w.usersURL} {
		var server *http.Server
		if server, *address, err = listen(p); err != nil {
			return nil, errors.Join(err, w.close())
		}
		w.servers = append(w.servers, server)
		if p == w.apiProxy {
			if err := writeKubeconfig(w.controllerKubeconfig, *address); err != nil {
				return nil, errors.Join(err, w.close())
			}
		}
	}
	return w, nil
}

func leadTo(address string) func(*http.Request) error {
	return func(req *http.Request) error {
		base, err := url.Parse(address)
		if err != nil {
			return err
		}
		req.URL.Scheme, req.URL.Host, req.Host = base.Scheme, base.Host, base.Host
		return nil
	}
}

func transportOf(config *rest.Config, err error) (http.RoundTripper, error) {
	if err != nil {
		return nil, err
	}
	return rest.TransportFor(config)
}

func writeKubeconfig(path, address string) error {
	config := clientcmdapi.NewConfig()
	config.Clusters["proxy"] = &clientcmdapi.Cluster{Server: address}
	config.Contexts["proxy"] = &clientcmdapi.Context{Cluster: "proxy"}
	config.CurrentContext = "proxy"
	return clientcmd.WriteToFile(*config, path)
}

// use takes the sandbox, once it runs.
func (w *world) use(s *sandbox.Sandbox) {
	w.sandbox = s
	w.kube = kubernetes.NewForConfigOrDie(s.Config())
	w.dynamic = dynamic.NewForConfigOrDie(s.Config())
	w.api = versioned.NewForConfigOrDie(s.Config()).NopeaV1alpha1()
	w.userAPI = versioned.NewForConfigOrDie(&rest.Config{Host: w.usersURL, QPS: -1}).NopeaV1alpha1()
}

func (w *world) close() error {
	var errs []error
	for _, server := range w.servers {
		errs = append(errs, server.Close())
	}
	return errors.Join(append(errs, w.git.Close())...)
}

// victim is a process.
type victim string

const (
	controller     victim = "nopea-controller"
	nopeaAPIServer victim = "nopea-apiserver"
	kubeAPIServer  victim = "kube-apiserver"
	etcd           victim = "etcd"
)

// keeper starts a process again whenever it has ended, as the kubelet does.
type keeper struct {
	process *sandbox.Process
	mu      sync.Mutex
	kills   int // not yet seen to have ended it
	// ends that no kill explains.
	ends []string
}

// keepAlive restarts NOPEA's processes until stop.
func (w *world) keepAlive() (stop func() error) {
	ctx, cancel := context.WithCancel(background())
	var all sync.WaitGroup
	w.keepers = map[victim]*keeper{controller: {process: w.sandbox.Controller}, nopeaAPIServer: {process: w.sandbox.APIServer}}
	for _, k := range w.keepers {
		all.Go(func() { k.run(ctx) })
	}
	return func() error {
		ready, done := context.WithTimeout(background(), patience)
		defer done()
		err := w.sandbox.WaitReady(ready)
		cancel()
		all.Wait()
		return errors.Join(err, w.checkLogs())
	}
}

func (k *keeper) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-k.process.Ended():
		}
		k.mu.Lock()
		if k.kills > 0 {
			k.kills--
		} else {
			k.ends = append(k.ends, k.process.Name()+" ended by itself; its log ends with:\n"+k.process.Tail())
		}
		k.mu.Unlock()
		starting, done := context.WithTimeout(ctx, patience)
		// When it ends before it is ready it is started again: the next round sees that it has ended.
		_ = k.process.Start(starting)
		done()
	}
}

func (k *keeper) kill() error {
	k.mu.Lock()
	k.kills++
	k.mu.Unlock()
	for deadline := time.Now().Add(patience); ; {
		// It may just be between two lives.
		err := k.process.Kill()
		if err == nil || time.Now().After(deadline) {
			return err
		}
	}
}

func (w *world) kill(v victim) error {
	switch v {
	case kubeAPIServer:
		return w.sandbox.Cluster.Kill(localcluster.APIServer)
	case etcd:
		return w.sandbox.Cluster.Kill(localcluster.Etcd)
	}
	return w.keepers[v].kill()
}

// takeEnds are the ends that no kill explains, since it was called last, each with the end of the log.
func (w *world) takeEnds() []string {
	var ends []string
	for _, k := range w.keepers {
		k.mu.Lock()
		ends = append(ends, k.ends...)
		k.ends = nil
		k.mu.Unlock()
	}
	return ends
}

// checkLogs looks for crashes.
func (w *world) checkLogs() error {
	var errs []error
	for _, k := range w.keepers {
		data, err := os.ReadFile(k.process.Log())
		if err != nil {
			return err
		}
		for _, sign := range []string{"panic:", "Panic in a run", "DATA RACE", "fatal error:"} {
			if at := strings.Index(string(data), sign); at >= 0 {
				errs = append(errs, fmt.Errorf("%s: %s", k.process.Log(), string(data[at:min(len(data), at+2000)])))
			}
		}
	}
	return errors.Join(errs...)
}

// deletions are the requests of the controller to delete objects, by namespace.
type deletions struct {
	mu    sync.Mutex
	paths map[string][]string
}

func (d *deletions) see(k kind, req *http.Request) {
	if k != deleteObject {
		return
	}
	_, rest, _ := strings.Cut(req.URL.Path, "/namespaces/")
	namespace, _, _ := strings.Cut(rest, "/")
	d.mu.Lock()
	defer d.mu.Unlock()
	d.paths[namespace] = append(d.paths[namespace], req.URL.Path)
}

func (d *deletions) in(namespace string) []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.paths[namespace]
}
