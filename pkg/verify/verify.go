package verify

import (
	"time"

	"github.com/go-git/go-git/v5/plumbing"
)

// Signer is whose signature an object has.
type Signer struct {
	// Key is "OpenPGP 0x" and the fingerprint of the primary key, or "SSH " and the fingerprint as ssh-keygen shows it.
	Key string
	// Principal is what the keys call its owner: of SSH keys, the principals or the comment. It may be empty.
	Principal string
	// Until is when the key or the signature expires; the zero time if never.
	Until time.Time
}

func (s Signer) String() string {
	if s.Principal == "" {
		return s.Key
	}
	return s.Key + " " + s.Principal
}

// Commit verifies the signature of the commit of that id, whose raw content is data. Errors are of the type Error.
func Commit(id string, data []byte, keys *Keys, now time.Time) (signer Signer, err error) {
	err = guard(func() error {
		if err := identify(plumbing.CommitObject, id, data); err != nil {
			return err
		}
		s, err := parseCommit(data)
		if err != nil {
			return err
		}
		signer, err = s.verify(keys, now)
		return err
	})
	return signer, err
}

// Tag verifies the signature of the annotated tag of that id, whose raw content is data, and that it was made for that commit and under
// that name, as in "v1.2": whoever can push could give another name to a tag that somebody else signed. Errors are of the type Error.
func Tag(id string, data []byte, name, commit string, keys *Keys, now time.Time) (signer Signer, err error) {
	err = guard(func() error {
		if err := identify(plumbing.TagObject, id, data); err != nil {
			return err
		}
		t, err := parseTag(data)
		switch {
		case err != nil:
			return err
		case t.kind == "tag":
			return failf(Unsupported, "it is a tag of another tag")
		case t.kind != "commit" || t.object != commit:
			return failf(Mismatch, "it was made for the %.10s %.40s, not for the commit %s", t.kind, t.object, commit)
		case t.name != name:
			return failf(Mismatch, "it was signed under the name %.100q, not %.100q", t.name, name)
		}
		signer, err = t.verify(keys, now)
		return err
	})
	return signer, err
}

func (s *signed) verify(keys *Keys, now time.Time) (Signer, error) {
	kind, err := checkArmor(s.signature)
	if err != nil {
		return Signer{}, err
	}
	if kind == armorSSH {
		return keys.verifySSH(s.payload, s.signature, now)
	}
	return keys.verifyOpenPGP(s.payload, s.signature, now)
}

// guard turns a panic over what somebody wrote into an error. The words of the panic may hold anything, and are left out.
func guard(fn func() error) (err error) {
	defer func() {
		if recover() != nil {
			err = failf(Malformed, "its signature, or a key, can not be read")
		}
	}()
	return fn()
}

// sooner is the earlier of two times of which zero is never.
func sooner(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
