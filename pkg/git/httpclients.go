package git

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"sync"
	"time"
)

// connection is what connections of HTTP are made by, beside the address. Requests that agree in it share them.
type connection struct {
	caBundle    string
	certificate string
	key         string
	proxy       Proxy
}

// connection to the origin of the repository.
func (c Credentials) connection() connection {
	return connection{caBundle: c.CABundle, certificate: c.ClientCertificate, key: c.ClientKey, proxy: c.Proxy}
}

const (
	// maxHTTPClients bounds the clients with settings of their own.
	maxHTTPClients = 64
	// Connections that one of them keeps.
	maxIdleConnections = 16
)

// httpClients keeps an HTTP client for each setting of connections, because a client is what keeps them.
type httpClients struct {
	common *http.Client

	mu  sync.Mutex
	own map[connection]*httpClient
}

// httpClient is a client with settings of its own, and who uses it.
type httpClient struct {
	*http.Client
	users    int
	lastUsed time.Time
	evicted  bool
}

func newHTTPClients(common http.RoundTripper) *httpClients {
	if common == nil {
		common = newHTTPTransport()
	}
	return &httpClients{common: newHTTPClient(common, false), own: map[connection]*httpClient{}}
}

func newHTTPTransport() *http.Transport {
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		OnProxyConnectResponse: checkProxy,
		DialContext:            (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		TLSHandshakeTimeout:    10 * time.Second,
		ForceAttemptHTTP2:      true,
		MaxIdleConns:           256,
		MaxIdleConnsPerHost:    16,
		IdleConnTimeout:        90 * time.Second,
		MaxResponseHeaderBytes: 64 << 10,
	}
}

// newHTTPClient follows redirects of the first request only: that is where Git follows them, and where a repository that moved is found.
// With pinned it does not leave the origin.
func newHTTPClient(transport http.RoundTripper, pinned bool) *http.Client {
	return &http.Client{
		Transport: transport,
		CheckRedirect: func(req *http.Request, via []*http.Request) error {
			first := via[0]
			if first.Method != http.MethodGet {
				return http.ErrUseLastResponse
			}
			if len(via) > maxRedirects {
				return failf(NotAGitServer, "more than %d redirects", maxRedirects)
			}
			if req.URL.Scheme != "https" && (req.URL.Scheme != "http" || via[len(via)-1].URL.Scheme == "https") {
				return failf(Unreachable, "the server redirects from https to %.20s, which is not followed", req.URL.Scheme)
			}
			if pinned && !sameOrigin(req.URL, first.URL) {
				return failf(Unreachable, "the server redirects to another host, to which the client certificate is not shown").
					advise("Put the URL to which the repository moved into spec.url.")
			}
			req.URL.User = nil
			for _, hop := range append(via[1:], req) {
				if !sameOrigin(hop.URL, first.URL) {
					req.Header.Del("Authorization")
				}
			}
			return nil
		},
	}
}

// take gives the client for such connections, until release is called.
func (h *httpClients) take(settings connection) (client *http.Client, release func(), err error) {
	if settings == (connection{}) {
		return h.common, func() {}, nil
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	c := h.own[settings]
	if c == nil {
		transport, err := settings.transport()
		if err != nil {
			return nil, nil, err
		}
		c = &httpClient{Client: newHTTPClient(transport, settings.certificate != "")}
		if len(h.own) >= maxHTTPClients {
			h.evict(h.oldest())
		}
		h.own[settings] = c
	}
	c.users++
	return c.Client, sync.OnceFunc(func() { h.release(c) }), nil
}

func (h *httpClients) release(c *httpClient) {
	h.mu.Lock()
	defer h.mu.Unlock()
	c.users--
	c.lastUsed = time.Now()
	if c.evicted && c.users == 0 {
		c.CloseIdleConnections()
	}
}

// oldest is the client that has been idle for the longest, or if none is idle, any.
func (h *httpClients) oldest() connection {
	var oldest connection
	var found *httpClient
	for settings, c := range h.own {
		if found == nil || c.users == 0 && (found.users > 0 || c.lastUsed.Before(found.lastUsed)) {
			oldest, found = settings, c
		}
	}
	return oldest
}

// evict forgets a client. Its connections are closed, those that are in use as soon as they are idle.
func (h *httpClients) evict(settings connection) {
	c := h.own[settings]
	delete(h.own, settings)
	c.evicted = true
	c.CloseIdleConnections()
}

// prune forgets the clients that were last used before a time.
func (h *httpClients) prune(before time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for settings, c := range h.own {
		if c.users == 0 && c.lastUsed.Before(before) {
			h.evict(settings)
		}
	}
}

func (h *httpClients) close() {
	h.prune(time.Now())
	h.common.CloseIdleConnections()
}

func (s connection) transport() (*http.Transport, error) {
	t := newHTTPTransport()
	t.MaxIdleConns = maxIdleConnections
	proxy, err := s.proxy.url()
	if err != nil {
		return nil, err
	}
	if proxy != nil {
		t.Proxy = http.ProxyURL(proxy)
	}
	t.TLSClientConfig, err = s.tls()
	return t, err
}

func (s connection) tls() (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if s.caBundle != "" {
		pool, err := x509.SystemCertPool()
		if err != nil {
			return nil, failf(Storage, "read the certificates that the system trusts: %w", err)
		}
		if !pool.AppendCertsFromPEM([]byte(s.caBundle)) {
			return nil, failf(InvalidCredentials, "ca.crt holds no certificate").
				advise("Put the authority's certificate into the key ca.crt of the Secret, in PEM: -----BEGIN CERTIFICATE-----.")
		}
		config.RootCAs = pool
	}
	if s.certificate != "" || s.key != "" {
		pair, err := tls.X509KeyPair([]byte(s.certificate), []byte(s.key))
		if err != nil {
			return nil, failf(InvalidCredentials, "tls.crt and tls.key are no client certificate with its key: %w", err).
				advise("Put the certificate into the key tls.crt of the Secret and its key, unencrypted, into tls.key, both in PEM.")
		}
		config.Certificates = []tls.Certificate{pair}
	}
	return config, nil
}
