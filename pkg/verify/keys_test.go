package verify

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"strings"
	"testing"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"
	"golang.org/x/crypto/ssh"
)

func TestParseKeys(t *testing.T) {
	one, two, secure := pgpKey(t), pgpKey(t), sshSigner(t)
	var binary bytes.Buffer
	if err := one.Serialize(&binary); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		value    string
		pgp, ssh int
	}{
		"armored":         {string(pgpPublic(t, one)), 1, 0},
		"two blocks":      {"Ada's keys:\n" + string(pgpPublic(t, one, two)), 2, 0},
		"binary":          {binary.String(), 1, 0},
		"authorized_keys": {"# team\n" + sshPublic(secure) + " ada\r\n" + sshPublic(sshSigner(t)), 0, 2},
		"allowed_signers": {"ada,eve " + sshPublic(secure), 0, 1},
	} {
		keys, err := ParseKeys(map[string][]byte{name: []byte(c.value)})
		if err != nil || len(keys.openpgp) != c.pgp || len(keys.ssh) != c.ssh {
			t.Errorf("%s: %+v, %v", name, keys, err)
		}
	}
}

// TestParseKeysRefuses names what is wrong, and repeats nothing that might be a secret.
func TestParseKeysRefuses(t *testing.T) {
	secure := sshPublic(sshSigner(t))
	var private bytes.Buffer
	w := must(armor.Encode(&private, openpgp.PrivateKeyType, nil))(t)
	if err := pgpKey(t).SerializePrivate(w, nil); err != nil {
		t.Fatal(err)
	}
	must(0, w.Close())(t)
	small := must(ssh.NewPublicKey(&must(rsa.GenerateKey(rand.Reader, 1024))(t).PublicKey))(t)
	for value, words := range map[string]string{
		"":                                 "empty",
		"hunter2":                          "neither",
		"hunter2 hunter2":                  "neither",
		"ada hunter2=\"\" " + secure:       "neither",
		"password: hunter2\nuser: hunter2": "neither",
		private.String():                   "private key",
		"-----BEGIN OPENSSH PRIVATE KEY-----\nhunter2\n-----END OPENSSH PRIVATE KEY-----": "private key",
		"-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nhunter2\n":                               "OpenPGP",
		"\x99\x01hunter2":                                          "OpenPGP",
		`from="10.0.0.1" ` + secure:                                "the option from",
		"restrict,pty " + secure:                                   "the option restrict",
		"cert-authority " + secure:                                 "the option cert-authority",
		"ada cert-authority " + secure:                             "the option cert-authority",
		`ada namespaces="g*" ` + secure:                            "namespaces",
		`ada valid-before="hunter2" ` + secure:                     "valid-before",
		`ada verify-required ` + secure:                            "neither",
		"ssh-dss AAAA":                                             "ssh-dss",
		"ssh-ed25519-cert-v01@openssh.com AAAA":                    "certificates",
		"ssh-ed25519 hunter2":                                      "can not be read",
		strings.Replace(secure, "ssh-ed25519", "ssh-rsa", 1):       "can not be read",
		strings.TrimSpace(string(ssh.MarshalAuthorizedKey(small))): "1024 bits",
		secure + "\nhunter2":                                       "line 2",
	} {
		_, err := ParseKeys(map[string][]byte{"of-ada": []byte(value)})
		if err == nil || !strings.Contains(err.Error(), words) || !strings.Contains(err.Error(), `"of-ada"`) {
			t.Errorf("%q: %v, want %q", value, err, words)
		} else if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%v tells a secret", err)
		}
	}
	if _, err := ParseKeys(nil); err == nil {
		t.Error("no key at all was taken")
	}
}

func TestDigest(t *testing.T) {
	seen := map[string]bool{}
	for _, values := range []map[string][]byte{nil, {"a": []byte("b")}, {"ab": nil}, {"a": nil, "b": nil}, {"b": []byte("a")}, {"a": []byte("c")}} {
		if d := Digest(values); seen[d] || d != Digest(values) {
			t.Errorf("%v: %s", values, d)
		} else {
			seen[d] = true
		}
	}
}
