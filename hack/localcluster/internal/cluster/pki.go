package cluster

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"time"

	"nopea.io/nopea/hack/localcluster/internal/atomicfile"
)

// The certificate authorities. Each is trusted for one purpose: a client of the cluster
// cannot reach etcd, nor pass for the aggregator.
const (
	ClusterCA    = "ca"
	EtcdCA       = "etcd-ca"
	frontProxyCA = "front-proxy-ca"
)

// The certificates that the authorities issue.
const (
	AdminCert                 = "admin"
	EtcdClientCert            = "kube-apiserver-etcd-client"
	etcdCert                  = "etcd"
	apiServerCert             = "kube-apiserver"
	controllerManagerCert     = "kube-controller-manager"
	controllerManagerUserCert = "kube-controller-manager-client"
	schedulerCert             = "kube-scheduler"
	schedulerUserCert         = "kube-scheduler-client"
	frontProxyCert            = "front-proxy-client"

	// serviceAccountKey is a bare key: it signs the tokens of ServiceAccounts.
	serviceAccountKey = "service-account"
)

const (
	caValidity   = 10 * 365 * 24 * time.Hour
	certValidity = 365 * 24 * time.Hour
	// renewBefore is how long before its expiry a certificate is replaced at the next start.
	renewBefore = 30 * 24 * time.Hour
	// clockSkew is how far a certificate's validity begins in the past.
	clockSkew = time.Hour
)

// serviceIP is the first address of the Services' range, which the Service "kubernetes" gets.
const serviceIP = "10.96.0.1"

// certSpec says what a certificate must be; an empty issuer makes it an authority.
type certSpec struct {
	name, issuer string
	subject      pkix.Name
	hosts        []string
	usages       []x509.ExtKeyUsage
}

// certSpecs lists each issuer before what it issues.
func certSpecs() []certSpec {
	var (
		local  = []string{"localhost", "127.0.0.1", "::1"}
		server = x509.ExtKeyUsageServerAuth
		client = x509.ExtKeyUsageClientAuth
	)
	user := func(name, issuer, user string, groups ...string) certSpec {
		subject := pkix.Name{CommonName: user, Organization: groups}
		return certSpec{name: name, issuer: issuer, subject: subject, usages: []x509.ExtKeyUsage{client}}
	}
	serving := func(name, issuer string, hosts []string, usages ...x509.ExtKeyUsage) certSpec {
		return certSpec{name: name, issuer: issuer, subject: pkix.Name{CommonName: name}, hosts: hosts, usages: usages}
	}
	return []certSpec{
		{name: ClusterCA, subject: pkix.Name{CommonName: "localcluster-ca"}},
		{name: EtcdCA, subject: pkix.Name{CommonName: "localcluster-etcd-ca"}},
		{name: frontProxyCA, subject: pkix.Name{CommonName: "localcluster-front-proxy-ca"}},
		serving(apiServerCert, ClusterCA, append(local, serviceIP, "kubernetes", "kubernetes.default",
			"kubernetes.default.svc", "kubernetes.default.svc.cluster.local"), server),
		serving(controllerManagerCert, ClusterCA, local, server),
		serving(schedulerCert, ClusterCA, local, server),
		user(AdminCert, ClusterCA, "kubernetes-admin", "system:masters"),
		user(controllerManagerUserCert, ClusterCA, "system:kube-controller-manager"),
		user(schedulerUserCert, ClusterCA, "system:kube-scheduler"),
		user(frontProxyCert, frontProxyCA, frontProxyCert),
		// etcd shows its certificate to its peers too, as a client.
		serving(etcdCert, EtcdCA, local, server, client),
		user(EtcdClientCert, EtcdCA, EtcdClientCert),
	}
}

// EnsurePKI creates what is missing of the certificates and keys, and replaces each
// certificate that is unreadable, near its expiry or no longer what it must be.
func EnsurePKI(l Layout, now time.Time) error {
	issuers := map[string]*tls.Certificate{}
	for _, spec := range certSpecs() {
		issuer := issuers[spec.issuer]
		pair, err := loadPair(l, spec.name)
		if err != nil || renewalReason(spec, pair.Leaf, leafOf(issuer), now) != "" {
			if pair, err = issue(l, spec, issuer, now); err != nil {
				return fmt.Errorf("issuing certificate %q: %w", spec.name, err)
			}
		}
		if spec.issuer == "" {
			issuers[spec.name] = pair
		}
	}
	return ensureServiceAccountKey(l)
}

// renewalReason says why a certificate must be replaced; it is empty where it may stay.
// The issuer is nil for an authority.
func renewalReason(spec certSpec, cert, issuer *x509.Certificate, now time.Time) string {
	if now.Add(renewBefore).After(cert.NotAfter) {
		return "expires soon"
	}
	if now.Before(cert.NotBefore) {
		return "not valid yet"
	}
	if issuer == nil {
		return ""
	}
	if err := cert.CheckSignatureFrom(issuer); err != nil {
		return "another authority has issued it"
	}
	if cert.Subject.String() != spec.subject.String() {
		return "names another subject"
	}
	for _, host := range spec.hosts {
		if cert.VerifyHostname(host) != nil {
			return "does not name host " + host
		}
	}
	return ""
}

func leafOf(pair *tls.Certificate) *x509.Certificate {
	if pair == nil {
		return nil
	}
	return pair.Leaf
}

func loadPair(l Layout, name string) (*tls.Certificate, error) {
	pair, err := tls.LoadX509KeyPair(l.Cert(name), l.Key(name))
	return &pair, err
}

// issue creates a key and a certificate and writes both. Should only the key be written,
// the two do not match and the next start issues them again.
func issue(l Layout, spec certSpec, issuer *tls.Certificate, now time.Time) (*tls.Certificate, error) {
	key, err := newKey(l.Key(spec.name))
	if err != nil {
		return nil, err
	}
	template, err := certTemplate(spec, now)
	if err != nil {
		return nil, err
	}
	parent, signer := template, crypto.PrivateKey(key)
	if issuer != nil {
		parent, signer = issuer.Leaf, issuer.PrivateKey
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	if err != nil {
		return nil, err
	}
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	if err := atomicfile.Write(l.Cert(spec.name), block, 0o600); err != nil {
		return nil, err
	}
	return loadPair(l, spec.name)
}

func certTemplate(spec certSpec, now time.Time) (*x509.Certificate, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, fmt.Errorf("choosing a serial number: %w", err)
	}
	template := &x509.Certificate{
		SerialNumber:          serial,
		Subject:               spec.subject,
		NotBefore:             now.Add(-clockSkew),
		NotAfter:              now.Add(certValidity),
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           spec.usages,
		BasicConstraintsValid: true,
	}
	if spec.issuer == "" {
		template.IsCA = true
		template.KeyUsage |= x509.KeyUsageCertSign
		template.NotAfter = now.Add(caValidity)
	}
	for _, host := range spec.hosts {
		if ip := net.ParseIP(host); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, host)
		}
	}
	return template, nil
}

func ensureServiceAccountKey(l Layout) error {
	_, err := os.Stat(l.Key(serviceAccountKey))
	if errors.Is(err, fs.ErrNotExist) {
		_, err = newKey(l.Key(serviceAccountKey))
	}
	if err != nil {
		return fmt.Errorf("making the key of service account tokens: %w", err)
	}
	return nil
}

func newKey(path string) (*ecdsa.PrivateKey, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("generating a key: %w", err)
	}
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("encoding a key: %w", err)
	}
	return key, atomicfile.Write(path, pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der}), 0o600)
}
