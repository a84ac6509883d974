package apiserver

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/client-go/util/cert"
)

// listening is a listener of its own, with a handler that says ok.
func listening(t *testing.T, o *WebhookOptions) (address string, stop func()) {
	t.Helper()
	o.BindAddress = "127.0.0.1:0"
	listener, err := listenForHooks(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		listener.serve(ctx, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "ok") }), 0)
	}()
	stop = func() {
		cancel()
		select {
		case <-ended:
		case <-time.After(deadline):
			t.Error("the listener did not end")
		}
	}
	return listener.listener.Addr().String(), stop
}

func TestListenerFollowsItsCertificate(t *testing.T) {
	o := &WebhookOptions{CertFile: filepath.Join(t.TempDir(), "tls.crt"), KeyFile: filepath.Join(t.TempDir(), "tls.key")}
	write := func(name string) {
		t.Helper()
		certificate, key, err := cert.GenerateSelfSignedCertKey(name, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		for path, content := range map[string][]byte{o.CertFile: certificate, o.KeyFile: key} {
			// As the kubelet does it: at once, and not by writing into the file.
			if err := os.WriteFile(path+".new", content, 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Rename(path+".new", path); err != nil {
				t.Fatal(err)
			}
		}
	}
	write("first.example.com")
	address, stop := listening(t, o)
	defer stop()
	serves := func(name string) {
		t.Helper()
		eventually(t, "the certificate is of "+name, func(ctx context.Context) (bool, error) {
			connection, err := (&tls.Dialer{Config: &tls.Config{InsecureSkipVerify: true}}).DialContext(ctx, "tcp", address)
			if err != nil {
				return false, err
			}
			secure, ok := connection.(*tls.Conn)
			found := ok && strings.Contains(fmt.Sprint(secure.ConnectionState().PeerCertificates[0].DNSNames), name)
			return found, connection.Close()
		})
	}
	serves("first.example.com")
	write("second.example.com")
	serves("second.example.com")
}

func TestListenerBoundsHeaders(t *testing.T) {
	address, stop := listening(t, &WebhookOptions{})
	defer stop()
	connection, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	// The other side may close it before all was written and read.
	fmt.Fprintf(connection, "POST /webhook/github HTTP/1.1\r\nHost: x\r\nX-Large: %s\r\n\r\n", strings.Repeat("x", 2*hookHeaderBytes))
	response, err := http.ReadResponse(bufio.NewReader(connection), nil)
	if err == nil && response.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("got %s", response.Status)
	}
	if err := connection.Close(); err != nil {
		t.Error(err)
	}
}

func TestListenerIsNoWayToTheAPI(t *testing.T) {
	h := startHooked(t)
	base := strings.TrimSuffix(h.address, "/webhook/")
	for path, want := range map[string]int{
		"/healthz": http.StatusOK, "/": http.StatusNotFound, "/apis": http.StatusNotFound, "/readyz": http.StatusNotFound, "/metrics": http.StatusNotFound,
		"/apis/nopea.io/v1alpha1/gitrepositories": http.StatusNotFound, "/webhook/github": http.StatusMethodNotAllowed,
	} {
		response, err := http.Get(base + path)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, response.Body); err != nil || response.Body.Close() != nil || response.StatusCode != want {
			t.Errorf("%s: %s, %v", path, response.Status, err)
		}
	}
	in := &WebhookOptions{BindAddress: strings.TrimPrefix(base, "http://")}
	if _, err := listenForHooks(t.Context(), in); err == nil {
		t.Error("an address in use is not told")
	}
}

func TestWebhookOptions(t *testing.T) {
	o := newWebhookOptions()
	if errs := o.validate(); len(errs) != 0 {
		t.Errorf("the defaults are refused: %v", errs)
	}
	o.CertFile, o.PerSecond, o.Namespace = "x", 0, ""
	o.MaxBody = resource.QuantityValue{Quantity: resource.MustParse("26Mi")}
	if errs := o.validate(); len(errs) != 4 {
		t.Errorf("got %v", errs)
	}
}
