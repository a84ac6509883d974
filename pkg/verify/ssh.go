package verify

import (
	"bytes"
	"slices"
	"time"

	"github.com/hiddeco/sshsig"
	"golang.org/x/crypto/ssh"
)

// sshNamespace keeps signatures for Git apart from those for other purposes.
const sshNamespace = "git"

// sshKey is a key that counts, within limits.
type sshKey struct {
	key         ssh.PublicKey
	principal   string
	from, until time.Time // zero: no limit
	namespaces  []string  // none: any
}

func (k *Keys) verifySSH(payload []byte, armored string, now time.Time) (Signer, error) {
	sig, err := sshsig.Unarmor([]byte(armored))
	if err != nil {
		return Signer{}, failf(Malformed, "its SSH signature can not be read, or is of a kind that is not supported")
	}
	if sig.Namespace != sshNamespace {
		return Signer{}, failf(BadSignature, "its SSH signature was made for %.40q, not for Git", sig.Namespace)
	}
	name := "SSH " + ssh.FingerprintSHA256(sig.PublicKey)
	problem := failf(UnknownKey, "it is signed with the %.50s key %s, which is not among the keys that count", sig.PublicKey.Type(), name)
	wire, checked := sig.PublicKey.Marshal(), false
	for i := range k.ssh {
		allowed := &k.ssh[i]
		if !bytes.Equal(allowed.key.Marshal(), wire) {
			continue
		}
		if !checked {
			if sshsig.Verify(bytes.NewReader(payload), sig, allowed.key, sig.HashAlgorithm, sshNamespace) != nil {
				return Signer{}, failf(BadSignature, "its signature is not one of the key %s over this content", name)
			}
			checked = true
		}
		if problem = allowed.limits(name, now); problem == nil {
			return Signer{Key: name, Principal: allowed.principal, Until: allowed.until}, nil
		}
	}
	return Signer{}, problem
}

// limits says why a key does not count now. A commit tells itself when it was made, and whoever has an old key can write what they like
// there: so it is the time now that counts.
func (k *sshKey) limits(name string, now time.Time) *Error {
	switch {
	case len(k.namespaces) > 0 && !slices.Contains(k.namespaces, sshNamespace):
		return failf(Unsupported, "it is signed with the key %s, whose namespaces do not hold %q", name, sshNamespace)
	case !k.from.IsZero() && now.Before(k.from):
		return failf(ExpiredKey, "it is signed with the key %s, which is valid only from %s on", name, k.from.Format(time.RFC3339))
	case !k.until.IsZero() && !now.Before(k.until):
		return failf(ExpiredKey, "it is signed with the key %s, which has been valid only until %s", name, k.until.Format(time.RFC3339))
	}
	return nil
}
