package sops

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"filippo.io/age"
	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
)

func TestParseKeysRefuses(t *testing.T) {
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	secret := identity.String()
	for name, test := range map[string]struct {
		data map[string][]byte
		says string
	}{
		"nothing":       {nil, "no decryption key"},
		"other names":   {map[string][]byte{"identity": []byte(secret)}, "no decryption key"},
		"empty":         {map[string][]byte{"a.agekey": []byte("# none\n")}, "no decryption key"},
		"no identity":   {map[string][]byte{"a.agekey": []byte("# x\nhunter2\n")}, `line 2 of its key "a.agekey" is no age identity`},
		"broken":        {map[string][]byte{"a.agekey": []byte(secret[:len(secret)-1])}, "broken age identity"},
		"broken hybrid": {map[string][]byte{"a.agekey": []byte("AGE-SECRET-KEY-PQ-1hunter2")}, "broken age identity"},
		"no armor":      {map[string][]byte{"a.asc": []byte("hunter2")}, "no armored OpenPGP private key"},
		"public key":    {map[string][]byte{"a.asc": armored(t, false, "")}, "public key without its private key"},
		"passphrase":    {map[string][]byte{"a.asc": armored(t, true, "hunter2")}, "has a passphrase"},
		"too many":      {map[string][]byte{"a.agekey": manyIdentities(t, maxKeys+1)}, "more than 200"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ParseKeys(test.data)
			var fault *Error
			if !errors.As(err, &fault) || fault.Code != InvalidKey || fault.Hint == "" || !strings.Contains(fault.Message, test.says) {
				t.Fatalf("error %v", err)
			}
			if text := fault.Message + fault.Hint; strings.Contains(text, "hunter2") || strings.Contains(text, secret[:len(secret)-1]) {
				t.Errorf("the error quotes a key: %s", text)
			}
		})
	}
}

func TestDigestChangesWithKeys(t *testing.T) {
	digest := func(names ...string) string { return string(keysOf(t, names...).Digest()) }
	if again := digest("keys.agekey"); again != digest("keys.agekey") {
		t.Error("the same keys have two digests")
	}
	if digest("keys.agekey") == digest("keys.agekey", "quantum.agekey") {
		t.Error("other keys have the same digest")
	}
	if (*Keys)(nil).Digest() != nil {
		t.Error("no keys have a digest")
	}
}

// A key that has expired still opens what was encrypted for it.
func TestExpiredKeysDecrypt(t *testing.T) {
	then := &packet.Config{Time: func() time.Time { return time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC) }, KeyLifetimeSecs: 3600}
	entity, err := openpgp.NewEntity("Nobody", "", "nobody@example.com", then)
	if err != nil {
		t.Fatal(err)
	}
	var wrapped bytes.Buffer
	text, err := armor.Encode(&wrapped, "PGP MESSAGE", nil)
	if err != nil {
		t.Fatal(err)
	}
	plain, err := openpgp.Encrypt(text, []*openpgp.Entity{entity}, nil, nil, then)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := plain.Write([]byte("data key")); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(plain.Close(), text.Close()); err != nil {
		t.Fatal(err)
	}
	keys := &Keys{ring: openpgp.EntityList{entity}}
	if got, err := keys.openPGP(recipient{kind: kindPGP, wrapped: wrapped.String()}); err != nil || string(got) != "data key" {
		t.Errorf("%q, %v", got, err)
	}
}

// armored is an OpenPGP key, made for the test.
func armored(t *testing.T, private bool, passphrase string) []byte {
	t.Helper()
	entity, err := openpgp.NewEntity("Nobody", "", "nobody@example.com", nil)
	if err != nil {
		t.Fatal(err)
	}
	kind := openpgp.PublicKeyType
	if private {
		kind = openpgp.PrivateKeyType
	}
	var text bytes.Buffer
	writer, err := armor.Encode(&text, kind, nil)
	if err != nil {
		t.Fatal(err)
	}
	switch {
	case passphrase != "":
		if err = entity.EncryptPrivateKeys([]byte(passphrase), nil); err == nil {
			err = entity.SerializePrivateWithoutSigning(writer, nil)
		}
	case private:
		err = entity.SerializePrivate(writer, nil)
	default:
		err = entity.Serialize(writer)
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := writer.Close(); err != nil {
		t.Fatal(err)
	}
	return text.Bytes()
}

func manyIdentities(t *testing.T, count int) []byte {
	t.Helper()
	var lines bytes.Buffer
	for range count {
		identity, err := age.GenerateX25519Identity()
		if err != nil {
			t.Fatal(err)
		}
		lines.WriteString(identity.String() + "\n")
	}
	return lines.Bytes()
}
