package verify

import "fmt"

// Reason is why an object is not verified.
type Reason string

// The reasons of an Error.
const (
	// NoSignature: the object has none.
	NoSignature Reason = "NoSignature"
	// UnknownKey: it is signed with a key that is not among those that count.
	UnknownKey Reason = "UnknownKey"
	// BadSignature: the signature does not fit the object.
	BadSignature Reason = "BadSignature"
	// ExpiredKey: the key, or the signature, does not count any more, or not yet.
	ExpiredKey Reason = "ExpiredKey"
	// RevokedKey: the key was revoked.
	RevokedKey Reason = "RevokedKey"
	// Unsupported: a kind of signature that is not taken, or that is too weak.
	Unsupported Reason = "Unsupported"
	// Malformed: the object or its signature could be read in more than one way.
	Malformed Reason = "Malformed"
	// Mismatch: a tag that is signed, but was made for another name or another commit.
	Mismatch Reason = "Mismatch"
)

// Error says why an object is not verified: it completes the sentence "the commit is not verified: …".
type Error struct {
	Reason Reason
	Text   string
}

func (e *Error) Error() string { return e.Text }

// Hint says what to do about it.
func (e *Error) Hint() string { return hints[e.Reason] }

var hints = map[Reason]string{
	NoSignature:  "Sign it (git commit -S, git tag -s) and push again.",
	UnknownKey:   "If its owner is to be trusted, add the public key to the Secret; otherwise find out who pushed it.",
	BadSignature: "It was changed after it was signed, or the signature was taken from elsewhere. Find out who pushed it; sign and push again.",
	ExpiredKey:   "Put the renewed public key into the Secret, or sign with another key and push again.",
	RevokedKey:   "Sign with another key and push again.",
	Unsupported:  "Sign with OpenPGP or SSH, with a key and a hash of today, and push again.",
	Malformed:    "Make it anew with git, sign and push again.",
	Mismatch:     "Make and sign the tag anew under the name it is to have, and push it.",
}

func failf(reason Reason, format string, args ...any) *Error {
	return &Error{Reason: reason, Text: fmt.Sprintf(format, args...)}
}
