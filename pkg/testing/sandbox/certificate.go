package sandbox

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"time"
)

// certificateValidity is long enough for any sandbox: each start makes new ones.
const certificateValidity = 365 * 24 * time.Hour

func (s *Sandbox) authorityCert() string { return s.path("ca.crt") }
func (s *Sandbox) servingCert() string   { return s.path("serving.crt") }
func (s *Sandbox) servingKey() string    { return s.path("serving.key") }

// writeCertificates makes an authority and a serving certificate for nopea-apiserver, and returns the authority's in PEM. The
// authority's key is forgotten.
func (s *Sandbox) writeCertificates() ([]byte, error) {
	authority, serving, key, err := makeCertificates(time.Now())
	if err != nil {
		return nil, fmt.Errorf("make the serving certificate: %w", err)
	}
	for path, data := range map[string][]byte{s.authorityCert(): authority, s.servingCert(): serving, s.servingKey(): key} {
		if err := os.WriteFile(path, data, 0o600); err != nil {
			return nil, fmt.Errorf("write the serving certificate: %w", err)
		}
	}
	return authority, nil
}

func makeCertificates(now time.Time) (authority, serving, servingKey []byte, err error) {
	authorityKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, nil, err
	}
	authorityTemplate := template(1, "nopea-sandbox-ca", now)
	authorityTemplate.IsCA, authorityTemplate.BasicConstraintsValid = true, true
	authorityTemplate.KeyUsage = x509.KeyUsageCertSign
	authorityDER, err := x509.CreateCertificate(rand.Reader, authorityTemplate, authorityTemplate, authorityKey.Public(), authorityKey)
	if err != nil {
		return nil, nil, nil, err
	}

	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, nil, err
	}
	servingTemplate := template(2, apiServer, now)
	servingTemplate.KeyUsage = x509.KeyUsageDigitalSignature
	servingTemplate.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	// kube-apiserver expects the name of the Service, whatever that leads to.
	servingTemplate.DNSNames = []string{"localhost", apiServer + "." + Namespace + ".svc"}
	servingTemplate.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}
	servingDER, err := x509.CreateCertificate(rand.Reader, servingTemplate, authorityTemplate, key.Public(), authorityKey)
	if err != nil {
		return nil, nil, nil, err
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, nil, nil, err
	}
	return encode("CERTIFICATE", authorityDER), encode("CERTIFICATE", servingDER), encode("PRIVATE KEY", keyDER), nil
}

func template(serial int64, name string, now time.Time) *x509.Certificate {
	return &x509.Certificate{
		SerialNumber: big.NewInt(serial),
		Subject:      pkix.Name{CommonName: name},
		NotBefore:    now.Add(-time.Hour), // clocks differ
		NotAfter:     now.Add(certificateValidity),
	}
}

func encode(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}
