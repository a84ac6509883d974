package events

import (
	"net"
	"net/http"
	"syscall"
	"time"
)

// connectTimeout is how long a connection to a sink may take.
const connectTimeout = 5 * time.Second

// newTrustedClient is for the sinks of the installation, which may need its proxy.
func newTrustedClient() *http.Client {
	transport := newTransport(nil)
	transport.Proxy = http.ProxyFromEnvironment
	transport.ForceAttemptHTTP2 = true
	transport.MaxIdleConnsPerHost = 1
	transport.IdleConnTimeout = idleAfter
	return newClient(transport)
}

// newTenantClient is for sinks that tenants name. It goes through no proxy, which would dial any address for it, and keeps no
// connection on which a sink could say something unasked.
func newTenantClient(allowLocal bool) *http.Client {
	control := refuseLocal
	if allowLocal {
		control = nil
	}
	transport := newTransport(control)
	transport.DisableKeepAlives = true
	return newClient(transport)
}

func newTransport(control func(network, address string, c syscall.RawConn) error) *http.Transport {
	return &http.Transport{
		DialContext:            (&net.Dialer{Timeout: connectTimeout, Control: control}).DialContext,
		TLSHandshakeTimeout:    connectTimeout,
		MaxResponseHeaderBytes: 16 << 10,
		DisableCompression:     true,
	}
}

// newClient follows no redirect: it could lead where the sink's address may not.
func newClient(transport *http.Transport) *http.Client {
	return &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}
