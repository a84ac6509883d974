package git

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"slices"
	"strings"
	"syscall"
)

// classify sorts errors of the network and of the system.
func classify(err error) Error {
	// The words of url.Error are those of its Err, with a URL before that might tell more than it should after a redirect.
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		err = wrapped.Err
	}
	if known, ok := errors.AsType[*Error](err); ok {
		return *known
	}
	code, advice := Unreachable, ""
	switch {
	case errors.Is(err, context.DeadlineExceeded), isTimeout(err):
		code = Timeout
		err = fmt.Errorf("the server did not answer in time: %w", err)
	case errors.Is(err, context.Canceled):
		code = Canceled
	case isHostNotFound(err):
		code = HostNotFound
	case isUntrusted(err):
		code = CertificateUntrusted
		err = fmt.Errorf("no secure connection: %w", err)
	case refusesClient(err):
		code = ClientCertificateRefused
		err = fmt.Errorf("the server asks for a client certificate that it knows: %w", err)
	case isRemoteAlert(err, "handshake failure"):
		err = fmt.Errorf("no secure connection: %w", err)
		advice = "The server and NOPEA have no way of TLS in common; or it asks for a client certificate: then put one into the keys tls.crt and tls.key of the Secret."
	case refusesProxyUser(err):
		code = ProxyUnauthorized
		err = fmt.Errorf("the proxy does not let in: %w", err)
	case isProxy(err):
		err = fmt.Errorf("no connection over the proxy: %w", err)
	case isTLS(err):
		err = fmt.Errorf("no secure connection: %w", err)
	case errors.Is(err, syscall.ECONNREFUSED):
		err = fmt.Errorf("nothing listens at that host and port: %w", err)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		err = fmt.Errorf("the server closed the connection in the middle of its answer: %w", err)
	}
	return Error{Code: code, Err: err, advice: advice}
}

func isTimeout(err error) bool {
	t, ok := errors.AsType[net.Error](err)
	return ok && t.Timeout()
}

func isHostNotFound(err error) bool {
	d, ok := errors.AsType[*net.DNSError](err)
	return ok && d.IsNotFound
}

func isTLS(err error) bool {
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		return true
	}
	if _, ok := errors.AsType[x509.HostnameError](err); ok {
		return true
	}
	_, ok := errors.AsType[tls.AlertError](err)
	return ok
}

func isUntrusted(err error) bool {
	_, ok := errors.AsType[*tls.CertificateVerificationError](err)
	return ok
}

// refusesClient knows the alerts of RFC 8446, section 6.2, about a client's certificate. Their type is not exported by crypto/tls.
func refusesClient(err error) bool {
	return isRemoteAlert(err, "certificate required", "bad certificate", "unknown certificate authority", "expired certificate",
		"revoked certificate", "unsupported certificate", "unknown certificate")
}

func isRemoteAlert(err error, alerts ...string) bool {
	remote, ok := errors.AsType[*net.OpError](err)
	return ok && remote.Op == "remote error" && slices.ContainsFunc(alerts, func(alert string) bool {
		return strings.HasSuffix(remote.Err.Error(), alert)
	})
}

// refusesProxyUser knows the words of the SOCKS client in x/net and net/http.
func refusesProxyUser(err error) bool {
	text := err.Error()
	return strings.Contains(text, "socks connect") &&
		(strings.Contains(text, "authentication failed") || strings.Contains(text, "no acceptable authentication methods"))
}

func isProxy(err error) bool {
	op, ok := errors.AsType[*net.OpError](err)
	return ok && (op.Op == "proxyconnect" || strings.HasPrefix(op.Op, "socks"))
}

func isNetError(err error) bool {
	_, ok := errors.AsType[net.Error](err)
	return ok
}
