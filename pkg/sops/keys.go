package sops

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"maps"
	"slices"
	"strings"

	"filippo.io/age"
	"github.com/ProtonMail/go-crypto/openpgp"
)

// Keys are the private keys that may open files.
type Keys struct {
	// identities of age, by their recipient.
	identities map[string]age.Identity
	ring       openpgp.EntityList
	digest     [sha256.Size]byte
}

// ParseKeys takes private keys out of the data of a Secret, as Flux names them: under names that end in .agekey, age identities (the
// native ones and the post-quantum ones; no plugins and no SSH keys); under names that end in .asc, armored OpenPGP private keys without
// a passphrase. Other names are passed over.
func ParseKeys(data map[string][]byte) (*Keys, error) {
	keys := &Keys{identities: map[string]age.Identity{}}
	sum := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(data)) {
		var err *Error
		switch {
		case strings.HasSuffix(name, ".agekey"):
			err = keys.addAge(name, data[name])
		case strings.HasSuffix(name, ".asc"):
			err = keys.addPGP(name, data[name])
		default:
			continue
		}
		if err != nil {
			return nil, err
		}
		// Each part with its length, so that nothing of one can pass for a part of the other.
		for _, part := range [][]byte{[]byte(name), data[name]} {
			sum.Write(binary.BigEndian.AppendUint64(nil, uint64(len(part))))
			sum.Write(part)
		}
	}
	switch count := len(keys.identities) + len(keys.ring); {
	case count == 0:
		return nil, fault(InvalidKey, "Give it an age identity under a key that ends in .agekey, or an armored OpenPGP private key under one that ends in .asc.",
			"it holds no decryption key: no key of its data ends in .agekey or .asc")
	case count > maxKeys:
		return nil, fault(InvalidKey, "Keep only those that are in use.", "it holds %d decryption keys and only %d are allowed", count, maxKeys)
	}
	sum.Sum(keys.digest[:0])
	return keys, nil
}

// Digest is a hash of all keys: another one when any of them changed. Whoever has it cannot find out a key, but it is not public either.
func (k *Keys) Digest() []byte {
	if k == nil {
		return nil
	}
	return k.digest[:]
}

// addAge reads an identity file: a line each, and comments. The library's own reader quotes a line that it does not understand.
func (k *Keys) addAge(name string, data []byte) *Error {
	number := 0
	for line := range bytes.Lines(data) {
		number++
		text := string(bytes.TrimSpace(line))
		var err error
		switch {
		case text == "" || text[0] == '#':
		case strings.HasPrefix(text, "AGE-SECRET-KEY-PQ-1"):
			var identity *age.HybridIdentity
			if identity, err = age.ParseHybridIdentity(text); err == nil {
				k.identities[identity.Recipient().String()] = identity
			}
		case strings.HasPrefix(text, "AGE-SECRET-KEY-1"):
			var identity *age.X25519Identity
			if identity, err = age.ParseX25519Identity(text); err == nil {
				k.identities[identity.Recipient().String()] = identity
			}
		default:
			return fault(InvalidKey, "Only age's own keys are read, which begin with AGE-SECRET-KEY-; no SSH keys, plugins or passphrases.",
				"line %d of its key %q is no age identity", number, name)
		}
		if err != nil {
			return fault(InvalidKey, "Copy it again from where it was made.", "line %d of its key %q is a broken age identity", number, name)
		}
		if len(k.identities) > maxKeys {
			return fault(InvalidKey, "Keep only those that are in use.", "it holds more than %d age identities", maxKeys)
		}
	}
	return nil
}

func (k *Keys) addPGP(name string, data []byte) *Error {
	ring, err := readRing(data)
	if err != nil {
		return fault(InvalidKey, "Export it with: gpg --export-secret-keys --armor FINGERPRINT", "its key %q is no armored OpenPGP private key", name)
	}
	for _, entity := range ring {
		if entity.PrivateKey == nil {
			return fault(InvalidKey, "Export it with: gpg --export-secret-keys --armor FINGERPRINT", "its key %q holds an OpenPGP public key without its private key", name)
		}
		encrypted := entity.PrivateKey.Encrypted
		for _, subkey := range entity.Subkeys {
			encrypted = encrypted || subkey.PrivateKey != nil && subkey.PrivateKey.Encrypted
		}
		if encrypted {
			return fault(InvalidKey, "Take the passphrase off with: gpg --edit-key FINGERPRINT passwd; then export it again.",
				"the OpenPGP private key in its key %q has a passphrase", name)
		}
	}
	k.ring = append(k.ring, ring...)
	return nil
}

// readRing reads an armored key ring. A panic of the parser is an error, whose text would quote the key.
func readRing(data []byte) (ring openpgp.EntityList, err error) {
	defer func() {
		if recover() != nil {
			ring, err = nil, errUnreadable
		}
	}()
	return openpgp.ReadArmoredKeyRing(bytes.NewReader(data))
}
