package sops

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"filippo.io/age"
	agearmor "filippo.io/age/armor"
	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
)

var errUnreadable = errors.New("it cannot be read")

// dataKey opens the key of a file's values with one of the keys, or one for each of enough groups.
func (k *Keys) dataKey(meta *metadata) ([]byte, *Error) {
	var parts [][]byte
	var why error
	for _, group := range meta.groups {
		part, err := k.openGroup(group)
		if err != nil {
			why = cmp.Or(why, err)
			continue
		}
		if part != nil {
			parts = append(parts, part)
		}
	}
	needed := 1
	if len(meta.groups) > 1 {
		needed = cmp.Or(meta.threshold, len(meta.groups))
	}
	if len(parts) < needed {
		return nil, k.closed(meta, needed, len(parts), why)
	}
	if len(meta.groups) == 1 {
		return parts[0], nil
	}
	key, err := combine(parts)
	if err != nil {
		return nil, fault(Damaged, encryptAgain, "%v", err)
	}
	return key, nil
}

// openGroup opens a group's part of the data key; nil when no key is for anybody in it. The error is why one that is did not.
func (k *Keys) openGroup(group []recipient) (part []byte, err error) {
	if k == nil {
		return nil, nil
	}
	for _, to := range group {
		if len(to.wrapped) > maxWrapped {
			continue
		}
		var opened []byte
		var failed error
		switch to.kind {
		case kindAge:
			opened, failed = k.openAge(to)
		case kindPGP:
			opened, failed = k.openPGP(to)
		}
		if opened != nil && failed == nil {
			return opened, nil
		}
		err = cmp.Or(err, failed)
	}
	return nil, err
}

func (k *Keys) openAge(to recipient) ([]byte, error) {
	identity, ours := k.identities[strings.TrimSpace(to.name)]
	if !ours {
		return nil, nil
	}
	plain, err := age.Decrypt(agearmor.NewReader(strings.NewReader(to.wrapped)), identity)
	if err != nil {
		return nil, fmt.Errorf("the data key for the age recipient %s cannot be decrypted", printable(to.name))
	}
	return readKey(plain, to)
}

// openPGP goes by the ids of keys in the message, as the fingerprint may be of a primary key or of a subkey. Without a prompt, messages
// for a passphrase are not tried.
func (k *Keys) openPGP(to recipient) ([]byte, error) {
	if len(k.ring) == 0 {
		return nil, nil
	}
	block, err := armor.Decode(strings.NewReader(to.wrapped))
	if err != nil {
		return nil, fmt.Errorf("the data key for the OpenPGP key %s cannot be read", printable(to.name))
	}
	most := int64(maxWrapped)
	message, err := openpgp.ReadMessage(block.Body, k.ring, nil, &packet.Config{MaxDecompressedMessageSize: &most})
	if err != nil {
		if !k.holds(to.name) {
			return nil, nil
		}
		return nil, fmt.Errorf("the data key for the OpenPGP key %s cannot be decrypted", printable(to.name))
	}
	return readKey(message.UnverifiedBody, to)
}

// holds tells whether a fingerprint, or the end of one, is of a key of the ring.
func (k *Keys) holds(fingerprint string) bool {
	wanted := strings.ToUpper(strings.TrimRight(strings.TrimPrefix(strings.ReplaceAll(fingerprint, " ", ""), "0x"), "!"))
	if len(wanted) < 8 {
		return false
	}
	is := func(key *packet.PublicKey) bool { return strings.HasSuffix(fmt.Sprintf("%X", key.Fingerprint), wanted) }
	return slices.ContainsFunc(k.ring, func(entity *openpgp.Entity) bool {
		return is(entity.PrimaryKey) || slices.ContainsFunc(entity.Subkeys, func(subkey openpgp.Subkey) bool { return is(subkey.PublicKey) })
	})
}

// readKey reads to the end, where the message's own integrity is checked.
func readKey(plain io.Reader, to recipient) ([]byte, error) {
	key, err := io.ReadAll(io.LimitReader(plain, maxDataKey+1))
	if err != nil || len(key) == 0 || len(key) > maxDataKey {
		return nil, fmt.Errorf("the data key for %s is damaged", printable(to.name))
	}
	return key, nil
}

// closed says for whom a file is encrypted that the keys do not open.
func (k *Keys) closed(meta *metadata, needed, opened int, why error) *Error {
	all := slices.Concat(meta.groups...)
	var people, called []string
	for _, to := range all {
		switch name := printable(to.name); to.kind {
		case kindAge:
			people = append(people, "age "+name)
		case kindPGP:
			people = append(people, "OpenPGP "+name)
		default:
			called = append(called, services[to.kind])
		}
	}
	slices.Sort(called)
	called = slices.Compact(called)
	if len(people) == 0 {
		return fault(CloudKey, "Encrypt it for an age or OpenPGP key as well, for example: sops rotate --in-place --add-age age1… FILE",
			"it is encrypted with SOPS for %s alone, which NOPEA does not call", strings.Join(called, ", "))
	}
	people = shown(people)
	text := "it is encrypted with SOPS for " + strings.Join(people, ", ")
	if len(called) > 0 {
		text += "; and for " + strings.Join(called, ", ") + ", which NOPEA does not call"
	}
	switch {
	case k == nil:
		return fault(NoKey, "Put one of these private keys into a Secret, under a name that ends in .agekey or .asc, and name it in spec.decryption.secretRef.",
			"%s, and spec.decryption names no Secret with a key", text)
	case why != nil:
		return fault(Damaged, encryptAgain, "%s, and %v", text, why)
	case needed > 1:
		text = fmt.Sprintf("%s, in %d groups of which %d are needed, and the decryption keys open %d", text, len(meta.groups), needed, opened)
	default:
		text += ", and none of the decryption keys is one of these"
	}
	return fault(NoKey, "Add one of these private keys to the Secret that spec.decryption names, or encrypt the file for a key that is in it: sops updatekeys FILE", "%s", text)
}

// shown are the first of many.
func shown(names []string) []string {
	const most = 5
	if len(names) <= most {
		return names
	}
	return append(slices.Clone(names[:most]), fmt.Sprintf("%d more", len(names)-most))
}
