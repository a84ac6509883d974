package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// A connection on which nothing arrives is found out, and made anew, within seconds: what changed while the network was away has to be seen
// as soon as it is back, and the kernel's own pace would take many times as long as the network was away.
const (
	// dialWithin leaves time for one lost packet. Connecting again sends the first packet anew, at once.
	dialWithin = 2 * time.Second
	// greetWithin is how long the other side of a new connection may stay silent. Who takes a connection is not always who answers.
	greetWithin = 3 * time.Second
	// quietFor and answerWithin are how many seconds nothing may arrive until the API server is asked for a sign of life, and how many
	// it may take to give one.
	quietFor, answerWithin = "8", "4"
)

// config of the API server. All clients that are made from it share one transport, whomever they impersonate. Requests are bounded by what
// a run sends at once, and by the API server's own fairness, not by a rate.
func (o *options) config() (*rest.Config, error) {
	// The client library takes these from the environment alone. Who runs the controller may have set them.
	for name, value := range map[string]string{"HTTP2_READ_IDLE_TIMEOUT_SECONDS": quietFor, "HTTP2_PING_TIMEOUT_SECONDS": answerWithin} {
		if _, set := os.LookupEnv(name); set {
			continue
		}
		if err := os.Setenv(name, value); err != nil {
			return nil, fmt.Errorf("set %s: %w", name, err)
		}
	}
	config, err := clientcmd.BuildConfigFromFlags("", o.kubeconfig)
	if err != nil {
		return nil, fmt.Errorf("read the kubeconfig: %w", err)
	}
	config.UserAgent = "nopea-controller"
	config.Dial = dial
	transport, err := rest.TransportFor(config)
	if err != nil {
		return nil, fmt.Errorf("set up the connection to the API server: %w", err)
	}
	return &rest.Config{Host: config.Host, APIPath: config.APIPath, Transport: transport, QPS: -1, UserAgent: config.UserAgent}, nil
}

func dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := (&net.Dialer{Timeout: dialWithin, KeepAlive: 15 * time.Second}).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	if err := conn.SetReadDeadline(time.Now().Add(greetWithin)); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return &greeted{Conn: conn}, nil
}

// greeted is a connection whose first answer has to come soon.
type greeted struct {
	net.Conn
	once sync.Once
}

// Read reads; what comes after the first answer may take its time.
func (c *greeted) Read(data []byte) (n int, err error) {
	if n, err = c.Conn.Read(data); n > 0 {
		c.once.Do(func() {
			// A deadline that cannot be taken off ends the connection, and another one is made.
			if failed := c.SetReadDeadline(time.Time{}); err == nil {
				err = failed
			}
		})
	}
	return n, err
}
