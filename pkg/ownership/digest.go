package ownership

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
)

// Digest is a short hash of a field set. The zero Digest stands for none.
type Digest [16]byte

// String is the digest in hexadecimal, empty for none.
func (d Digest) String() string {
	if d == (Digest{}) {
		return ""
	}
	return hex.EncodeToString(d[:])
}

// ParseDigest reads what String wrote.
func ParseDigest(text string) (Digest, error) {
	var d Digest
	if text == "" {
		return d, nil
	}
	if len(text) != hex.EncodedLen(len(d)) {
		return Digest{}, fmt.Errorf("a digest has %d hexadecimal digits, not %d characters", hex.EncodedLen(len(d)), len(text))
	}
	if _, err := hex.Decode(d[:], []byte(text)); err != nil {
		return Digest{}, fmt.Errorf("read a digest: %w", err)
	}
	return d, nil
}

// digest hashes the parts one after the other.
func digest(parts ...[]byte) Digest {
	hash := sha256.New()
	for _, part := range parts {
		hash.Write(part)
	}
	var sum [sha256.Size]byte
	return Digest(hash.Sum(sum[:0])[:len(Digest{})])
}
