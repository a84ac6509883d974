package citizen

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"testing"
	"time"

	"nopea.io/nopea/pkg/testing/githttp"
)

// TestCertificateRotation replaces the serving certificate and its authority in the order that docs/operations.md gives: nopea-apiserver
// takes up the new files without a restart, and is served all the time.
func TestCertificateRotation(t *testing.T) {
	t.Parallel()
	own, dir := ownWorld(t)
	v := newTenant(t, own)
	file := func(name string) string { return filepath.Join(dir, name) }
	authority, serving, key := certificates(t)
	served := func() {
		t.Helper()
		v.get("/apis/nopea.io/v1alpha1/gitrepositories")
	}
	trust := func(bundle []byte) {
		t.Helper()
		v.kubectl("", "patch", "apiservice", "v1alpha1.nopea.io", "--type=merge", "-p", `{"spec":{"caBundle":"`+base64.StdEncoding.EncodeToString(bundle)+`"}}`)
	}
	old := githttp.Must(os.ReadFile(file("ca.crt")))(t)
	both := append(append([]byte{}, old...), authority...)
	trust(both)
	served()
	for name, data := range map[string][]byte{"ca.crt": both, "serving.crt": serving, "serving.key": key} {
		if err := os.WriteFile(file(name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	began := time.Now()
	// Alone, the new authority vouches for nothing but the new certificate.
	trust(authority)
	v.eventually("the new certificate is served", func(context.Context) error {
		if got := v.request("GET", "/apis/nopea.io/v1alpha1/gitrepositories", ""); got.status != 200 {
			return fmt.Errorf("%d: %s", got.status, got.body)
		}
		return nil
	})
	t.Logf("the new certificate is served after %s", time.Since(began).Round(10*time.Millisecond))
}

// certificates are an authority and a serving certificate of it, in PEM.
func certificates(t *testing.T) (authority, serving, key []byte) {
	t.Helper()
	authorityKey := githttp.Must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))(t)
	servingKey := githttp.Must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))(t)
	template := func(serial int64, name string) *x509.Certificate {
		return &x509.Certificate{SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	}
	root := template(1, "citizen-ca")
	root.IsCA, root.BasicConstraintsValid, root.KeyUsage = true, true, x509.KeyUsageCertSign
	rootDER := githttp.Must(x509.CreateCertificate(rand.Reader, root, root, authorityKey.Public(), authorityKey))(t)
	leaf := template(2, "nopea-apiserver")
	leaf.KeyUsage, leaf.ExtKeyUsage = x509.KeyUsageDigitalSignature, []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	leaf.DNSNames = []string{"localhost", "nopea-apiserver.nopea-system.svc"}
	leafDER := githttp.Must(x509.CreateCertificate(rand.Reader, leaf, root, servingKey.Public(), authorityKey))(t)
	keyDER := githttp.Must(x509.MarshalPKCS8PrivateKey(servingKey))(t)
	encode := func(kind string, der []byte) []byte { return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}) }
	return encode("CERTIFICATE", rootDER), encode("CERTIFICATE", leafDER), encode("PRIVATE KEY", keyDER)
}
