package apiserver

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"sync"
	"time"

	"golang.org/x/net/netutil"
	"k8s.io/apiserver/pkg/server/dynamiccertificates"
	"k8s.io/klog/v2"
)

// Bounds of the listener for webhooks, which anybody may reach: providers give up after ten seconds.
const (
	hookHeaderTimeout  = 5 * time.Second
	hookReadTimeout    = 15 * time.Second
	hookWriteTimeout   = 30 * time.Second
	hookIdleTimeout    = time.Minute
	hookStopTimeout    = 10 * time.Second
	hookHeaderBytes    = 64 << 10
	maxHookConnections = 1024
)

// hookListener serves webhooks apart from the API.
type hookListener struct {
	listener net.Listener
	// certificate is nil where plain HTTP is spoken.
	certificate *dynamiccertificates.DynamicCertKeyPairContent
}

// listenForHooks takes the address, so that one that is in use is told before anything is served. Nil when there is to be no listener.
func listenForHooks(ctx context.Context, o *WebhookOptions) (*hookListener, error) {
	if o.BindAddress == "" && o.listener == nil {
		return nil, nil
	}
	h := &hookListener{listener: o.listener}
	if o.CertFile != "" {
		var err error
		if h.certificate, err = dynamiccertificates.NewDynamicServingContentFromFiles("webhook", o.CertFile, o.KeyFile); err != nil {
			return nil, fmt.Errorf("read the certificate for webhooks: %w", err)
		}
	}
	if h.listener == nil {
		var err error
		if h.listener, err = (&net.ListenConfig{}).Listen(ctx, "tcp", o.BindAddress); err != nil {
			return nil, fmt.Errorf("listen for webhooks: %w", err)
		}
	}
	h.listener = netutil.LimitListener(h.listener, maxHookConnections)
	return h, nil
}

// serve answers until the context ends and the delay after it, and then until what is under way was answered.
func (h *hookListener) serve(ctx context.Context, handler http.Handler, delay time.Duration) {
	logger := klog.FromContext(ctx)
	server := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: hookHeaderTimeout, ReadTimeout: hookReadTimeout, WriteTimeout: hookWriteTimeout, IdleTimeout: hookIdleTimeout,
		MaxHeaderBytes: hookHeaderBytes,
		// One delivery is one request; more than HTTP/1.1 would only be more to attack.
		Protocols: new(http.Protocols),
		// What strangers do wrong is not worth a line each.
		ErrorLog: log.New(quiet{logger}, "", 0),
	}
	server.Protocols.SetHTTP1(true)
	var parts sync.WaitGroup
	listener := h.listener
	working, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer parts.Wait()
	defer stop()
	if h.certificate != nil {
		parts.Go(func() { h.certificate.Run(working, 1) })
		listener = tls.NewListener(listener, &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"}, GetCertificate: h.current})
	}
	parts.Go(func() {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			logger.Error(err, "Webhooks are not served any more")
		}
	})
	logger.Info("Serving webhooks", "address", h.listener.Addr(), "tls", h.certificate != nil)
	<-ctx.Done()
	// As long as the API is served too, while whoever routes requests learns that this process ends.
	time.Sleep(delay)
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), hookStopTimeout)
	defer cancel()
	if err := server.Shutdown(last); err != nil {
		logger.Error(errors.Join(err, server.Close()), "Deliveries of webhooks were cut off")
	}
}

// current is the certificate as the files have it.
func (h *hookListener) current(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	certificate, err := tls.X509KeyPair(h.certificate.CurrentCertKeyContent())
	if err != nil {
		return nil, fmt.Errorf("read the certificate for webhooks: %w", err)
	}
	return &certificate, nil
}

// quiet logs for those who look closely.
type quiet struct {
	logger klog.Logger
}

func (q quiet) Write(line []byte) (int, error) {
	q.logger.V(4).Info("Serving webhooks", "problem", string(line))
	return len(line), nil
}
