package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"k8s.io/component-base/metrics/legacyregistry"
	"k8s.io/klog/v2"
)

// probes answers probes and scrapes.
type probes struct {
	ready atomic.Bool
}

func (p *probes) serve(ctx context.Context, address string) error {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { answer(w, true) })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) { answer(w, p.ready.Load()) })
	mux.Handle("GET /metrics", legacyregistry.Handler())
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return fmt.Errorf("listen for probes: %w", err)
	}
	klog.FromContext(ctx).Info("Serving /healthz, /readyz and /metrics", "address", listener.Addr())
	defer context.AfterFunc(ctx, func() {
		// The probes end with the process; nobody waits for them.
		if err := server.Close(); err != nil {
			klog.FromContext(ctx).Error(err, "Close the probes' listener")
		}
	})()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve probes: %w", err)
	}
	return nil
}

func answer(w http.ResponseWriter, ok bool) {
	if !ok {
		http.Error(w, "not ready: the first list of GitRepositories is not read yet", http.StatusServiceUnavailable)
		return
	}
	fmt.Fprintln(w, "ok")
}
