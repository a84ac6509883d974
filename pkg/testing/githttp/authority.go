package githttp

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"testing"
	"time"
)

// Authority is a certificate authority of a test's own.
type Authority struct {
	// PEM is its certificate.
	PEM string

	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

// NewAuthority makes one.
func NewAuthority(tb testing.TB) *Authority {
	tb.Helper()
	a := &Authority{certificate: &x509.Certificate{
		Subject: pkix.Name{CommonName: "an authority of a test"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}}
	a.PEM, a.key = a.sign(tb, a.certificate)
	return a
}

// Issue makes a certificate for 127.0.0.1 and localhost, good for servers and clients, and its key, both in PEM.
func (a *Authority) Issue(tb testing.TB) (certificate, key string) {
	tb.Helper()
	certificate, private := a.sign(tb, &x509.Certificate{
		Subject: pkix.Name{CommonName: "localhost"}, DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	})
	der := Must(x509.MarshalPKCS8PrivateKey(private))(tb)
	return certificate, string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

// sign completes a certificate and signs it, with its own key if there is none yet.
func (a *Authority) sign(tb testing.TB, template *x509.Certificate) (string, *ecdsa.PrivateKey) {
	tb.Helper()
	key := Must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))(tb)
	signer := a.key
	if signer == nil {
		signer = key
	}
	template.SerialNumber = Must(rand.Int(rand.Reader, big.NewInt(1<<62)))(tb)
	template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	der := Must(x509.CreateCertificate(rand.Reader, template, a.certificate, &key.PublicKey, signer))(tb)
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})), key
}

// Server is the configuration of a server with a certificate of this authority. With clients it asks for one of them, too.
func (a *Authority) Server(tb testing.TB, clients *Authority) *tls.Config {
	tb.Helper()
	certificate, key := a.Issue(tb)
	config := &tls.Config{Certificates: []tls.Certificate{Must(tls.X509KeyPair([]byte(certificate), []byte(key)))(tb)}, MinVersion: tls.VersionTLS12}
	if clients != nil {
		config.ClientCAs = x509.NewCertPool()
		config.ClientCAs.AppendCertsFromPEM([]byte(clients.PEM))
		config.ClientAuth = tls.RequireAndVerifyClientCert
	}
	return config
}
