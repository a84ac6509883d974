package sandbox

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

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
)

// probeTimeout bounds one look.
const probeTimeout = 2 * time.Second

var (
	apiServices     = schema.GroupVersionResource{Group: "apiregistration.k8s.io", Version: "v1", Resource: "apiservices"}
	gitRepositories = v1alpha1.SchemeGroupVersion.WithResource("gitrepositories")
)

// WaitReady waits until both servers are ready and the API is served by way of kube-apiserver, as after a restart.
func (s *Sandbox) WaitReady(ctx context.Context) error {
	client, err := dynamic.NewForConfig(s.config)
	if err != nil {
		return fmt.Errorf("make a client: %w", err)
	}
	if err := poll(ctx, "nopea-apiserver", s.apiServerReady); err != nil {
		return err
	}
	if err := s.waitServed(ctx, client); err != nil {
		return err
	}
	return poll(ctx, "nopea-controller", s.controllerReady)
}

// waitServed waits until kube-apiserver finds the API available and passes requests on to it.
func (s *Sandbox) waitServed(ctx context.Context, client dynamic.Interface) error {
	return poll(ctx, "the nopea.io API", func(ctx context.Context) error {
		name := v1alpha1.SchemeGroupVersion.Version + "." + v1alpha1.GroupName
		service, err := client.Resource(apiServices).Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return fmt.Errorf("get APIService %s: %w", name, err)
		}
		if message, ok := available(service); !ok {
			return fmt.Errorf("APIService %s is not available: %s", name, message)
		}
		if _, err := client.Resource(gitRepositories).List(ctx, metav1.ListOptions{Limit: 1}); err != nil {
			return fmt.Errorf("list GitRepositories: %w", err)
		}
		return nil
	})
}

func available(apiService *unstructured.Unstructured) (message string, ok bool) {
	conditions, _, err := unstructured.NestedSlice(apiService.Object, "status", "conditions")
	if err != nil {
		return err.Error(), false
	}
	for _, entry := range conditions {
		condition, isMap := entry.(map[string]any)
		if isMap && condition["type"] == "Available" {
			return fmt.Sprint(condition["message"]), condition["status"] == "True"
		}
	}
	return "kube-apiserver has not looked at it yet", false
}

func (s *Sandbox) apiServerReady(ctx context.Context) error {
	authority, err := os.ReadFile(s.authorityCert())
	if err != nil {
		return fmt.Errorf("read the authority's certificate: %w", err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(authority) {
		return fmt.Errorf("no certificate in %s", s.authorityCert())
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}}
	defer transport.CloseIdleConnections()
	return get(ctx, transport, "https://"+address(s.ports.apiServer)+"/readyz")
}

func (s *Sandbox) controllerReady(ctx context.Context) error {
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	return get(ctx, transport, "http://"+address(s.ports.controller)+"/readyz")
}

func get(ctx context.Context, transport http.RoundTripper, url string) error {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	response, err := transport.RoundTrip(request)
	if err != nil {
		return err
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, 4<<10))
	if err := errors.Join(err, response.Body.Close()); err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s: %s", url, response.Status, strings.TrimSpace(string(body)))
	}
	return nil
}

func poll(ctx context.Context, what string, check func(context.Context) error) error {
	ticker := time.NewTicker(readyPause)
	defer ticker.Stop()
	for {
		err := check(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return fmt.Errorf("wait for %s: %w: %w", what, context.Cause(ctx), err)
		}
	}
}
