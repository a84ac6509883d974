// Package probe asks a local cluster whether it is ready.
package probe

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"nopea.io/nopea/hack/localcluster/internal/cluster"
)

// Check is one condition of readiness. Do returns nil when it holds.
type Check struct {
	// Component is the one whose log tells why the condition does not hold.
	Component string
	// Name says what is to hold, as in "waiting for …".
	Name string
	Do   func(context.Context) error
}

// requestTimeout bounds one request of a check.
const requestTimeout = 5 * time.Second

// Checks returns the conditions in the order in which they come to hold. They use the
// certificates as they are in the cluster's folder at the time of the call.
func Checks(l cluster.Layout, state cluster.State) ([]Check, error) {
	ports := state.Ports
	etcd, err := newClient(l, cluster.EtcdCA, cluster.EtcdClientCert)
	if err != nil {
		return nil, err
	}
	admin, err := newClient(l, cluster.ClusterCA, cluster.AdminCert)
	if err != nil {
		return nil, err
	}
	apiServer := cluster.URL(ports.APIServer)
	checks := []Check{
		{cluster.Etcd, "etcd to be healthy", get(etcd, cluster.URL(ports.EtcdClient)+"/health")},
		{cluster.APIServer, "kube-apiserver to be live", get(admin, apiServer+"/livez/ping")},
		// Among others this covers the aggregator's hooks and the bootstrap of RBAC.
		{cluster.APIServer, "kube-apiserver to be ready", get(admin, apiServer+"/readyz")},
		{cluster.ControllerManager, "kube-controller-manager to be healthy", get(admin, cluster.URL(ports.ControllerManager)+"/healthz")},
		{cluster.ControllerManager, "the ServiceAccount of namespace default", get(admin, apiServer+"/api/v1/namespaces/default/serviceaccounts/default")},
	}
	if state.Nodes > 0 {
		checks = append(checks,
			Check{cluster.Scheduler, "kube-scheduler to be healthy", get(admin, cluster.URL(ports.Scheduler)+"/healthz")},
			Check{cluster.Kwok, "kwok to be healthy", get(http.DefaultClient, fmt.Sprintf("http://127.0.0.1:%d/healthz", ports.Kwok))},
			Check{cluster.Kwok, "the simulated nodes", nodes(admin, apiServer, state.Nodes)})
	}
	return checks, nil
}

func newClient(l cluster.Layout, ca, cert string) (*http.Client, error) {
	pair, err := tls.LoadX509KeyPair(l.Cert(cert), l.Key(cert))
	if err != nil {
		return nil, fmt.Errorf("loading the client certificate %q: %w", cert, err)
	}
	roots := x509.NewCertPool()
	data, err := os.ReadFile(l.Cert(ca))
	if err != nil {
		return nil, fmt.Errorf("reading the authority %q: %w", ca, err)
	}
	if !roots.AppendCertsFromPEM(data) {
		return nil, fmt.Errorf("no certificate in %s", l.Cert(ca))
	}
	return &http.Client{
		Timeout: requestTimeout,
		Transport: &http.Transport{
			TLSClientConfig: &tls.Config{Certificates: []tls.Certificate{pair}, RootCAs: roots, MinVersion: tls.VersionTLS12},
			// A new connection each time: an old one may lead to a process that has died.
			DisableKeepAlives: true,
		},
	}, nil
}

// get returns a check that holds when the answer's status is 200.
func get(client *http.Client, url string) func(context.Context) error {
	return func(ctx context.Context) error {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return err
		}
		status, body, err := send(client, request)
		if err == nil && status != http.StatusOK {
			err = fmt.Errorf("%s answers %d: %s", url, status, body)
		}
		return err
	}
}

// send returns an answer's status and the beginning of its text.
func send(client *http.Client, request *http.Request) (status int, body string, err error) {
	request.Header.Set("User-Agent", "localcluster")
	response, err := client.Do(request)
	if err != nil {
		return 0, "", err
	}
	text, err := io.ReadAll(io.LimitReader(response.Body, 4096))
	if err := errors.Join(err, response.Body.Close()); err != nil {
		return 0, "", fmt.Errorf("reading the answer of %s: %w", request.URL, err)
	}
	return response.StatusCode, strings.TrimSpace(string(text)), nil
}
