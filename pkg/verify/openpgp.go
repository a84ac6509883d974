package verify

import (
	"bytes"
	"crypto"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"
	pgperrors "github.com/ProtonMail/go-crypto/openpgp/errors"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
)

const (
	minRSABits = 2048
	// clockSkew is how far ahead the clock of whoever signs may be.
	clockSkew = 24 * time.Hour
)

// hashes that a signature may be over. SHA-1 is not among them: collisions are made for money.
var hashes = map[crypto.Hash]bool{
	crypto.SHA256: true, crypto.SHA384: true, crypto.SHA512: true, crypto.SHA3_256: true, crypto.SHA3_512: true,
}

func (k *Keys) verifyOpenPGP(payload []byte, armored string, now time.Time) (Signer, error) {
	sig, raw, err := readOpenPGP(armored)
	if err != nil {
		return Signer{}, err
	}
	if sig.CreationTime.After(now) && sig.CreationTime.Before(now.Add(clockSkew)) {
		now = sig.CreationTime
	}
	var found *Signer
	refused := failf(UnknownKey, "it is signed with the OpenPGP key %s, which is not among the keys that count", issuer(sig))
	for _, entity := range k.openpgp {
		if len((openpgp.EntityList{entity}).KeysById(*sig.IssuerKeyId)) == 0 {
			continue
		}
		signer, problem := verifyBy(entity, sig, payload, raw, now)
		switch {
		case problem == nil:
			found = &signer
		case problem.Reason == RevokedKey:
			// Another copy of the key may not tell yet that it was revoked.
			return Signer{}, problem
		default:
			refused = problem
		}
	}
	if found == nil {
		return Signer{}, refused
	}
	return *found, nil
}

// readOpenPGP reads a block that holds one signature over bytes, and nothing else.
func readOpenPGP(armored string) (*packet.Signature, []byte, error) {
	block, err := armor.Decode(strings.NewReader(armored))
	if err != nil || block.Type != openpgp.SignatureType {
		return nil, nil, failf(Malformed, "its OpenPGP signature can not be read")
	}
	raw, err := io.ReadAll(io.LimitReader(block.Body, maxSignatureBytes))
	if err != nil {
		return nil, nil, failf(Malformed, "its OpenPGP signature can not be read")
	}
	packets := packet.NewReader(bytes.NewReader(raw))
	first, err := packets.Next()
	if err != nil {
		return nil, nil, failf(Malformed, "its OpenPGP signature can not be read")
	}
	sig, ok := first.(*packet.Signature)
	if !ok || sig.IssuerKeyId == nil {
		return nil, nil, failf(Malformed, "its OpenPGP signature names no key")
	}
	if _, err := packets.Next(); !errors.Is(err, io.EOF) {
		return nil, nil, failf(Malformed, "it has several signatures")
	}
	if sig.SigType != packet.SigTypeBinary {
		return nil, nil, failf(Unsupported, "its OpenPGP signature is not one over a file's bytes")
	}
	if !hashes[sig.Hash] {
		return nil, nil, failf(Unsupported, "its OpenPGP signature is over a %s digest, which is too weak", sig.Hash)
	}
	return sig, raw, nil
}

// issuer is the key that a signature says it was made with.
func issuer(sig *packet.Signature) string {
	if len(sig.IssuerFingerprint) > 0 {
		return fmt.Sprintf("0x%X", sig.IssuerFingerprint)
	}
	return fmt.Sprintf("0x%016X", *sig.IssuerKeyId)
}

// verifyBy verifies a signature with one key, or one of its subkeys.
func verifyBy(entity *openpgp.Entity, sig *packet.Signature, payload, raw []byte, now time.Time) (Signer, *Error) {
	name := fmt.Sprintf("OpenPGP 0x%X", entity.PrimaryKey.Fingerprint)
	list := openpgp.EntityList{entity}
	keys := list.KeysByIdUsage(*sig.IssuerKeyId, packet.KeyFlagSign)
	if len(keys) == 0 {
		return Signer{}, failf(Unsupported, "it is signed with a key of %s that is not meant for signing", name)
	}
	signer := Signer{Key: name}
	for i := range keys {
		if problem := weak(keys[i].PublicKey); problem != "" {
			return Signer{}, failf(Unsupported, "it is signed with a key of %s that is %s, which is too weak", name, problem)
		}
		signer.Until = sooner(signer.Until, keyEnd(keys[i].PublicKey, keys[i].SelfSignature))
	}
	self, _ := entity.PrimarySelfSignature()
	signer.Until = sooner(signer.Until, keyEnd(entity.PrimaryKey, self))
	signer.Until = sooner(signer.Until, end(sig.CreationTime, sig.SigLifetimeSecs))
	config := &packet.Config{Time: func() time.Time { return now }}
	_, _, err := openpgp.VerifyDetachedSignature(list, bytes.NewReader(payload), bytes.NewReader(raw), config)
	switch {
	case err == nil:
		return signer, nil
	case errors.Is(err, pgperrors.ErrKeyRevoked):
		return Signer{}, failf(RevokedKey, "it is signed with the key %s, which was revoked", name)
	case errors.Is(err, pgperrors.ErrKeyExpired) && now.Before(entity.PrimaryKey.CreationTime):
		return Signer{}, failf(ExpiredKey, "it is signed with the key %s, which was made in the future", name)
	case errors.Is(err, pgperrors.ErrKeyExpired):
		return Signer{}, failf(ExpiredKey, "it is signed with the key %s, which has expired%s", name, since(signer.Until))
	case errors.Is(err, pgperrors.ErrSignatureExpired):
		return Signer{}, failf(ExpiredKey, "its signature by %s has expired, or was made in the future", name)
	}
	return Signer{}, failf(BadSignature, "its signature is not one of the key %s over this content", name)
}

func since(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return " on " + t.UTC().Format(time.DateOnly)
}

func weak(key *packet.PublicKey) string {
	switch key.PubKeyAlgo {
	case packet.PubKeyAlgoDSA, packet.PubKeyAlgoElGamal:
		return "a DSA key"
	case packet.PubKeyAlgoRSA, packet.PubKeyAlgoRSASignOnly:
		if bits, err := key.BitLength(); err != nil || bits < minRSABits {
			return fmt.Sprintf("an RSA key of %d bits", bits)
		}
	}
	return ""
}

func keyEnd(key *packet.PublicKey, self *packet.Signature) time.Time {
	if self == nil {
		return time.Time{}
	}
	return sooner(end(key.CreationTime, self.KeyLifetimeSecs), end(self.CreationTime, self.SigLifetimeSecs))
}

func end(from time.Time, seconds *uint32) time.Time {
	if seconds == nil || *seconds == 0 {
		return time.Time{}
	}
	return from.Add(time.Duration(*seconds) * time.Second)
}
