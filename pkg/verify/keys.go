package verify

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"
)

const (
	maxKeys     = 1000
	maxKeyBytes = 2 << 20

	beginPublic = "-----BEGIN PGP PUBLIC KEY BLOCK-----"
	endPublic   = "-----END PGP PUBLIC KEY BLOCK-----"
)

// Keys are the public keys whose signatures count.
type Keys struct {
	openpgp openpgp.EntityList
	ssh     []sshKey
}

// ParseKeys reads public keys from values, each under a name of its own: OpenPGP keys, armored or not, any number in a row; or SSH keys, one
// on a line, as in authorized_keys or allowed_signers (ssh-keygen(1)). What a value is shows from its content. Errors name the value and
// never repeat of it what might be a secret.
func ParseKeys(values map[string][]byte) (*Keys, error) {
	keys, total := &Keys{}, 0
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if total += len(values[name]); total > maxKeyBytes {
			return nil, fmt.Errorf("the keys together have more than %d bytes", maxKeyBytes)
		}
		err := errors.New("it can not be read")
		panicked := guard(func() error {
			err = keys.add(values[name])
			return nil
		})
		if panicked != nil || err != nil {
			return nil, fmt.Errorf("the key %.253q: %w", name, err)
		}
	}
	switch count := len(keys.openpgp) + len(keys.ssh); {
	case count == 0:
		return nil, errors.New("there is no key")
	case count > maxKeys:
		return nil, fmt.Errorf("there are %d keys, more than %d", count, maxKeys)
	}
	return keys, nil
}

// Digest is a digest of keys as ParseKeys takes them. It differs whenever any of them does.
func Digest(values map[string][]byte) string {
	h := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(values)) {
		fmt.Fprintf(h, "%d %s %d ", len(name), name, len(values[name]))
		h.Write(values[name])
	}
	return hex.EncodeToString(h.Sum(nil))
}

func (k *Keys) add(value []byte) error {
	text := strings.TrimSpace(string(value))
	switch {
	case text == "":
		return errors.New("it is empty")
	case strings.Contains(text, "-----BEGIN ") && strings.Contains(text, "PRIVATE KEY"):
		return errors.New("it is a private key; only the public one belongs here")
	case value[0]&0x80 != 0: // the first byte of an OpenPGP packet, RFC 9580, section 4.2
		return k.addOpenPGP(bytes.NewReader(value))
	case strings.Contains(text, beginPublic):
		return k.addArmored(text)
	}
	return k.addSSH(text)
}

func (k *Keys) addOpenPGP(r io.Reader) error {
	entities, err := openpgp.ReadKeyRing(r)
	if err != nil || len(entities) == 0 {
		return errors.New("it is not an OpenPGP public key, or one of a kind that is not supported")
	}
	for _, entity := range entities {
		if entity.PrivateKey != nil {
			return errors.New("it is a private key; only the public one belongs here")
		}
	}
	k.openpgp = append(k.openpgp, entities...)
	return nil
}

// addArmored reads blocks, which may have words between them.
func (k *Keys) addArmored(text string) error {
	for {
		start := strings.Index(text, beginPublic)
		if start < 0 {
			return nil
		}
		text = text[start:]
		length := len(text)
		if i := strings.Index(text, endPublic); i >= 0 {
			length = i + len(endPublic)
		}
		// A reader of the whole text would read ahead into the next block.
		block, err := armor.Decode(strings.NewReader(text[:length]))
		if err != nil {
			return errors.New("it holds an armored OpenPGP block that can not be read")
		}
		if err := k.addOpenPGP(block.Body); err != nil {
			return err
		}
		text = text[length:]
	}
}
