package cluster

import (
	"bytes"
	"crypto/x509"
	"os"
	"testing"
	"time"
)

var now = time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)

func readAll(t *testing.T, l Layout) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	for _, spec := range certSpecs() {
		data, err := os.ReadFile(l.Cert(spec.name))
		if err != nil {
			t.Fatal(err)
		}
		files[spec.name] = data
	}
	return files
}

func TestEnsurePKIRenews(t *testing.T) {
	isCA := map[string]bool{ClusterCA: true, EtcdCA: true, frontProxyCA: true}
	tests := []struct {
		name    string
		damage  func(Layout) error
		later   time.Duration
		renewed func(certSpec) bool
	}{
		{"nothing to do", nil, 24 * time.Hour, func(certSpec) bool { return false }},
		{"near the expiry of the certificates", nil, certValidity - renewBefore + time.Hour, func(s certSpec) bool { return !isCA[s.name] }},
		{"near the expiry of the authorities", nil, caValidity - renewBefore + time.Hour, func(certSpec) bool { return true }},
		{"certificate lost", func(l Layout) error { return os.Remove(l.Cert(AdminCert)) }, 0, func(s certSpec) bool { return s.name == AdminCert }},
		{"key lost", func(l Layout) error { return os.Remove(l.Key(AdminCert)) }, 0, func(s certSpec) bool { return s.name == AdminCert }},
		{"certificate damaged", func(l Layout) error { return os.WriteFile(l.Cert(etcdCert), []byte("x"), 0o600) }, 0,
			func(s certSpec) bool { return s.name == etcdCert }},
		{"authority lost", func(l Layout) error { return os.Remove(l.Key(EtcdCA)) }, 0,
			func(s certSpec) bool { return s.name == EtcdCA || s.issuer == EtcdCA }},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			layout := testLayout(t)
			if err := EnsurePKI(layout, now); err != nil {
				t.Fatal(err)
			}
			before := readAll(t, layout)
			if test.damage != nil {
				if err := test.damage(layout); err != nil {
					t.Fatal(err)
				}
			}
			if err := EnsurePKI(layout, now.Add(test.later)); err != nil {
				t.Fatal(err)
			}
			after := readAll(t, layout)
			for _, spec := range certSpecs() {
				if got, want := !bytes.Equal(before[spec.name], after[spec.name]), test.renewed(spec); got != want {
					t.Errorf("certificate %q renewed: %t, want %t", spec.name, got, want)
				}
			}
		})
	}
}

func TestRenewalReason(t *testing.T) {
	layout := testLayout(t)
	if err := EnsurePKI(layout, now); err != nil {
		t.Fatal(err)
	}
	load := func(name string) *x509.Certificate {
		pair, err := loadPair(layout, name)
		if err != nil {
			t.Fatal(err)
		}
		return pair.Leaf
	}
	var spec certSpec
	for _, s := range certSpecs() {
		if s.name == apiServerCert {
			spec = s
		}
	}
	cert, issuer := load(spec.name), load(spec.issuer)
	otherHost, otherUser := spec, spec
	otherHost.hosts = append([]string{"elsewhere"}, spec.hosts...)
	otherUser.subject.CommonName = "somebody"
	tests := []struct {
		name   string
		spec   certSpec
		issuer *x509.Certificate
		now    time.Time
		want   string
	}{
		{"good", spec, issuer, now, ""},
		{"just before its renewal", spec, issuer, cert.NotAfter.Add(-renewBefore), ""},
		{"just after", spec, issuer, cert.NotAfter.Add(-renewBefore + time.Second), "expires soon"},
		{"clock set back", spec, issuer, now.Add(-2 * clockSkew), "not valid yet"},
		{"other authority", spec, load(EtcdCA), now, "another authority has issued it"},
		{"host added", otherHost, issuer, now, "does not name host elsewhere"},
		{"user changed", otherUser, issuer, now, "names another subject"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := renewalReason(test.spec, cert, test.issuer, test.now); got != test.want {
				t.Errorf("renewalReason = %q, want %q", got, test.want)
			}
		})
	}
}

func TestServiceAccountKeyStays(t *testing.T) {
	layout := testLayout(t)
	var keys [2][]byte
	for i := range keys {
		if err := EnsurePKI(layout, now.Add(time.Duration(i)*2*caValidity)); err != nil {
			t.Fatal(err)
		}
		var err error
		if keys[i], err = os.ReadFile(layout.Key(serviceAccountKey)); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(keys[0], keys[1]) {
		t.Error("the key has changed: all tokens are void")
	}
}
