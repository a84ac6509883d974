package webhook

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"hash"
	"strings"
)

// anyOf is nil when a secret fits. All are tried, so that the time does not tell which one it was. An empty secret is none.
func anyOf(secrets []Secret, fits func(Secret) bool) error {
	tried, found := false, false
	for _, s := range secrets {
		if len(s) == 0 {
			continue
		}
		tried = true
		if fits(s) {
			found = true
		}
	}
	switch {
	case found:
		return nil
	case tried:
		return ErrSignature
	}
	return ErrUnsigned
}

// verifyHex checks an HMAC that is written as hexadecimal digits after a prefix, such as "sha256=".
func verifyHex(header, prefix string, newHash func() hash.Hash, content []byte, secrets []Secret) error {
	if header == "" {
		return ErrUnsigned
	}
	digits, ok := strings.CutPrefix(header, prefix)
	sum, err := hex.DecodeString(digits)
	if !ok || err != nil {
		return ErrSignature
	}
	return anyOf(secrets, func(s Secret) bool {
		return hmac.Equal(sum, mac(newHash, s, content))
	})
}

func mac(newHash func() hash.Hash, key []byte, content ...[]byte) []byte {
	h := hmac.New(newHash, key)
	for _, c := range content {
		h.Write(c)
	}
	return h.Sum(nil)
}

// verifyToken checks a secret that is sent as it is. The hashes are compared, so that the time tells nothing of the length either.
func verifyToken(token string, secrets []Secret) error {
	if token == "" {
		return ErrUnsigned
	}
	sent := sha256.Sum256([]byte(token))
	return anyOf(secrets, func(s Secret) bool {
		known := sha256.Sum256(s)
		return subtle.ConstantTimeCompare(sent[:], known[:]) == 1
	})
}
