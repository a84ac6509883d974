package git

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"

	"golang.org/x/net/proxy"
)

// url is the proxy as net/http takes it; nil where there is none.
func (p Proxy) url() (*url.URL, error) {
	if p.Address == "" {
		return nil, nil
	}
	const advice = "Put a URL such as http://proxy.example.com:3128 into the key address of the Secret that spec.proxySecretRef names, " +
		"and user name and password into its keys username and password."
	u, err := url.Parse(p.Address)
	switch {
	case err != nil:
		return nil, failf(InvalidCredentials, "the proxy's address is not a URL").advise(advice)
	case u.Scheme != "http" && u.Scheme != "https" && u.Scheme != "socks5":
		return nil, failf(InvalidCredentials, "the proxy's address does not begin with http://, https:// or socks5://").advise(advice)
	case u.User != nil:
		return nil, failf(InvalidCredentials, "the proxy's address contains a user name").advise(advice)
	case u.Hostname() == "" || u.Path != "" && u.Path != "/" || u.RawQuery != "" || u.Fragment != "":
		return nil, failf(InvalidCredentials, "the proxy's address is more or less than scheme, host and port").advise(advice)
	}
	u.Path = ""
	if p.Username != "" || p.Password != "" {
		u.User = url.UserPassword(p.Username, p.Password)
	}
	return u, nil
}

// checkProxy says what a proxy has against a connection, before net/http does in fewer words.
func checkProxy(_ context.Context, _ *url.URL, _ *http.Request, resp *http.Response) error {
	text := fmt.Sprintf("the proxy answered %d %s", resp.StatusCode, http.StatusText(resp.StatusCode))
	switch resp.StatusCode {
	case http.StatusOK:
		return nil
	case http.StatusProxyAuthRequired:
		return proxyRefuses(text)
	case http.StatusForbidden, http.StatusMethodNotAllowed:
		return failf(Unreachable, "%s", text).advise("The proxy does not let through to that host and port: ask those who run it.")
	}
	return failf(Unreachable, "%s", text)
}

func proxyRefuses(text string) *Error {
	return failf(ProxyUnauthorized, "%s: it asks for credentials that it knows", text)
}

// dial connects to an address over the proxy, if there is one. The connection is closed when the context ends before dial does.
func (p Proxy) dial(ctx context.Context, address string) (net.Conn, error) {
	via, err := p.url()
	if err != nil {
		return nil, err
	}
	var dialer net.Dialer
	switch {
	case via == nil:
		return dialer.DialContext(ctx, "tcp", address)
	case via.Scheme == "socks5":
		var auth *proxy.Auth
		if via.User != nil {
			auth = &proxy.Auth{User: p.Username, Password: p.Password}
		}
		socks, err := proxy.SOCKS5("tcp", proxyAddress(via, "1080"), auth, &dialer)
		if err != nil {
			return nil, err
		}
		// x/net's is one; the interface is older than contexts.
		return socks.(proxy.ContextDialer).DialContext(ctx, "tcp", address)
	}
	port := "80"
	if via.Scheme == "https" {
		port = "443"
	}
	raw, err := dialer.DialContext(ctx, "tcp", proxyAddress(via, port))
	if err != nil {
		return nil, &net.OpError{Op: "proxyconnect", Net: "tcp", Err: err}
	}
	defer context.AfterFunc(ctx, func() { _ = raw.Close() })()
	conn := raw
	if via.Scheme == "https" {
		conn = tls.Client(raw, &tls.Config{ServerName: via.Hostname(), MinVersion: tls.VersionTLS12})
	}
	tunnel, err := p.connect(ctx, via, conn, address)
	if err != nil {
		_ = conn.Close()
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		return nil, err
	}
	return tunnel, nil
}

func proxyAddress(u *url.URL, port string) string {
	if p := u.Port(); p != "" {
		port = p
	}
	return net.JoinHostPort(u.Hostname(), port)
}

// connect asks a proxy for a tunnel, RFC 9110 section 9.3.6.
func (p Proxy) connect(ctx context.Context, via *url.URL, conn net.Conn, address string) (net.Conn, error) {
	req := (&http.Request{Method: http.MethodConnect, URL: &url.URL{Opaque: address}, Host: address, Header: http.Header{}}).WithContext(ctx)
	if via.User != nil {
		req.Header.Set("Proxy-Authorization", basic(p.Username, p.Password))
	}
	if err := req.Write(conn); err != nil {
		return nil, fmt.Errorf("ask the proxy for a connection: %w", err)
	}
	bounded := &io.LimitedReader{R: conn, N: 64 << 10}
	reader := bufio.NewReader(bounded)
	resp, err := http.ReadResponse(reader, req) //nolint:bodyclose // what follows is the tunnel, or the end of the connection
	if err != nil {
		return nil, fmt.Errorf("read the proxy's answer: %w", err)
	}
	if err := checkProxy(ctx, via, req, resp); err != nil {
		return nil, err
	}
	// The server may have spoken already, and the reader have it.
	early, err := reader.Peek(reader.Buffered())
	if err != nil {
		return nil, err
	}
	return &tunnel{Conn: conn, early: early}, nil
}

// tunnel is a connection of which the beginning was read already.
type tunnel struct {
	net.Conn
	early []byte
}

func (t *tunnel) Read(p []byte) (int, error) {
	if len(t.early) > 0 {
		n := copy(p, t.early)
		t.early = t.early[n:]
		return n, nil
	}
	return t.Conn.Read(p)
}
