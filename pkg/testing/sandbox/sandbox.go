package sandbox

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"golang.org/x/sync/errgroup"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"nopea.io/nopea/pkg/testing/localcluster"
)

const (
	// Namespace is where NOPEA is installed.
	Namespace = "nopea-system"
	// APIServerUser is who nopea-apiserver is to kube-apiserver, and in its audit log.
	APIServerUser = "system:serviceaccount:" + Namespace + ":" + apiServer
	// ControllerUser is who nopea-controller is there.
	ControllerUser = "system:serviceaccount:" + Namespace + ":" + controller

	// Both servers' executables, ServiceAccounts and logs have these names.
	apiServer  = "nopea-apiserver"
	controller = "nopea-controller"

	readyTimeout = time.Minute
)

// Options say what is installed where.
type Options struct {
	// Cluster to install NOPEA on. Main starts one, with that many simulated Nodes, where there is none.
	Cluster *localcluster.Cluster
	Nodes   int
	// Dir holds the data, logs and credentials of the two servers. What an earlier sandbox stored there is kept. Its path must be
	// short enough for a Unix socket: about 80 characters.
	Dir string
	// ControllerRoute is the URL by which the controller reaches kube-apiserver; empty for the straight way.
	ControllerRoute string
	// APIServerArgs and ControllerArgs come after the arguments that the sandbox gives, and so replace them.
	APIServerArgs, ControllerArgs []string
}

// Sandbox is NOPEA on a local cluster. Both servers end with Stop, and on Linux with the process that started them.
type Sandbox struct {
	Cluster *localcluster.Cluster
	// APIServer and Controller may be stopped, killed and started again.
	APIServer, Controller *Process

	dir    string
	config *rest.Config
	ports  ports
	// routes are the URLs by which the servers reach kube-apiserver.
	routes map[string]string
}

type ports struct{ apiServer, controller, webhook int }

// Start installs NOPEA and returns when it is ready: its API is served by way of kube-apiserver, and the controller works. The context
// bounds the start only.
func Start(ctx context.Context, o Options) (*Sandbox, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, readyTimeout, fmt.Errorf("NOPEA was not ready within %s", readyTimeout))
	defer cancel()
	s, err := prepare(o)
	if err != nil {
		return nil, err
	}
	if err := s.install(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("install NOPEA: %w", err), s.Stop())
	}
	return s, nil
}

func prepare(o Options) (*Sandbox, error) {
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return nil, fmt.Errorf("find the sandbox's folder: %w", err)
	}
	for _, sub := range []string{"logs", "apiserver", "cache"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o700); err != nil {
			return nil, fmt.Errorf("make the sandbox's folder: %w", err)
		}
	}
	config, err := o.Cluster.Config()
	if err != nil {
		return nil, err
	}
	s := &Sandbox{Cluster: o.Cluster, dir: dir, config: config,
		routes: map[string]string{apiServer: config.Host, controller: cmp.Or(o.ControllerRoute, config.Host)}}
	if s.ports, err = choosePorts(); err != nil {
		return nil, err
	}
	return s, s.defineProcesses(o)
}

func (s *Sandbox) defineProcesses(o Options) error {
	apiServerPath, err := localcluster.Binary(apiServer)
	if err != nil {
		return err
	}
	controllerPath, err := localcluster.Binary(controller)
	if err != nil {
		return err
	}
	s.APIServer = &Process{
		name: apiServer, path: apiServerPath, log: s.path("logs", apiServer+".log"),
		args: append([]string{
			"--data-dir=" + s.path("apiserver"),
			"--bind-address=127.0.0.1",
			"--secure-port=" + strconv.Itoa(s.ports.apiServer),
			"--tls-cert-file=" + s.servingCert(),
			"--tls-private-key-file=" + s.servingKey(),
			"--webhook-bind-address=" + address(s.ports.webhook),
			"--kubeconfig=" + s.kubeconfig(apiServer),
			"--authentication-kubeconfig=" + s.kubeconfig(apiServer),
			"--authorization-kubeconfig=" + s.kubeconfig(apiServer),
		}, o.APIServerArgs...),
		ready: s.apiServerReady,
	}
	s.Controller = &Process{
		name: controller, path: controllerPath, log: s.path("logs", controller+".log"),
		args: append([]string{
			"--kubeconfig=" + s.kubeconfig(controller),
			"--cache-dir=" + s.path("cache"),
			"--bind-address=" + address(s.ports.controller),
			// A killed controller would leave a Lease that another one waits for; one of the same name goes on with it.
			"--leader-election-identity=sandbox",
		}, o.ControllerArgs...),
		ready: s.controllerReady,
	}
	return nil
}

// install brings up everything in the order in which each part finds what it needs, for what comes too early waits for a retry.
func (s *Sandbox) install(ctx context.Context) error {
	client, err := dynamic.NewForConfig(s.config)
	if err != nil {
		return fmt.Errorf("make a client: %w", err)
	}
	kube, err := kubernetes.NewForConfig(s.config)
	if err != nil {
		return fmt.Errorf("make a client: %w", err)
	}
	manifests, err := readManifests()
	if err != nil {
		return err
	}
	authority, err := s.writeCertificates()
	if err != nil {
		return err
	}
	if err := manifests.leadTo(s.ports.apiServer, authority); err != nil {
		return err
	}
	applier, err := newApplier(kube.Discovery(), client)
	if err != nil {
		return err
	}
	for _, stage := range [][]object{manifests.namespaces, manifests.others} {
		if err := applier.apply(ctx, stage); err != nil {
			return err
		}
	}
	group, groupCtx := errgroup.WithContext(ctx)
	for _, account := range []string{apiServer, controller} {
		group.Go(func() error { return s.writeKubeconfig(groupCtx, kube, account) })
	}
	if err := group.Wait(); err != nil {
		return err
	}
	if err := s.APIServer.Start(ctx); err != nil {
		return err
	}
	if err := applier.apply(ctx, manifests.api); err != nil {
		return err
	}
	if err := s.waitServed(ctx, client); err != nil {
		return err
	}
	return s.Controller.Start(ctx)
}

// Config is the cluster administrator's configuration, a new one at each call.
func (s *Sandbox) Config() *rest.Config { return rest.CopyConfig(s.config) }

// WebhookURL is where the listener for webhooks takes the deliveries of a provider.
func (s *Sandbox) WebhookURL(provider string) string {
	return "http://" + address(s.ports.webhook) + "/webhook/" + provider
}

// CacheDir is where the controller keeps fetched Git objects.
func (s *Sandbox) CacheDir() string { return s.path("cache") }

// Stop ends both servers, the controller first, and says so where one had ended by itself. NOPEA stays installed, with its data.
func (s *Sandbox) Stop() error {
	return errors.Join(s.Controller.finish(), s.APIServer.finish())
}

func (s *Sandbox) path(elem ...string) string {
	return filepath.Join(append([]string{s.dir}, elem...)...)
}

func (s *Sandbox) kubeconfig(account string) string { return s.path(account + ".kubeconfig") }
