package verify

import (
	"crypto/rsa"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	"golang.org/x/crypto/ssh"
)

const maxPrincipal = 200

// keyTypes are the SSH keys that may sign.
var keyTypes = []string{
	ssh.KeyAlgoED25519, ssh.KeyAlgoECDSA256, ssh.KeyAlgoECDSA384, ssh.KeyAlgoECDSA521, ssh.KeyAlgoRSA,
	ssh.KeyAlgoSKED25519, ssh.KeyAlgoSKECDSA256,
}

// loginOptions are those of sshd(8)'s authorized_keys. They are about logins; a line that has one was meant for something else.
var loginOptions = []string{
	"agent-forwarding", "cert-authority", "command", "environment", "expiry-time", "from", "no-agent-forwarding", "no-port-forwarding",
	"no-pty", "no-touch-required", "no-user-rc", "no-x11-forwarding", "permitlisten", "permitopen", "port-forwarding", "principals", "pty",
	"restrict", "tunnel", "user-rc", "verify-required", "x11-forwarding",
}

func (k *Keys) addSSH(text string) error {
	number := 0
	for line := range strings.SplitSeq(text, "\n") {
		number++
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		key, err := parseKeyLine(line)
		if err != nil {
			return fmt.Errorf("line %d: %w", number, err)
		}
		k.ssh = append(k.ssh, key)
	}
	return nil
}

var errNoKey = errors.New("it is neither an OpenPGP public key nor an SSH public key, nor a line of allowed_signers")

// parseKeyLine reads "type base64 comment", or "principals [options] type base64 comment".
func parseKeyLine(line string) (sshKey, error) {
	var key sshKey
	first, rest := cutWord(line)
	if err := unsupportedType(first); err != nil {
		return key, err
	}
	if slices.Contains(keyTypes, first) {
		encoded, comment := cutWord(rest)
		key.principal = printable(comment)
		return key, key.decode(first, encoded)
	}
	if name, _, _ := strings.Cut(first, "="); slices.Contains(loginOptions, strings.ToLower(strings.Split(name, ",")[0])) {
		return key, fmt.Errorf("the option %s of authorized_keys is not supported here", strings.ToLower(strings.Split(name, ",")[0]))
	}
	if strings.Contains(first, `"`) {
		return key, errNoKey
	}
	key.principal = printable(first)
	kind, rest := cutWord(rest)
	if err := unsupportedType(kind); err != nil {
		return key, err
	}
	if !slices.Contains(keyTypes, kind) {
		if err := key.options(kind); err != nil {
			return key, err
		}
		kind, rest = cutWord(rest)
		if err := unsupportedType(kind); err != nil {
			return key, err
		}
		if !slices.Contains(keyTypes, kind) {
			return key, errNoKey
		}
	}
	encoded, _ := cutWord(rest)
	return key, key.decode(kind, encoded)
}

// cutWord cuts at the first space that is not within quotes.
func cutWord(s string) (word, rest string) {
	s = strings.TrimLeft(s, " \t")
	quoted := false
	for i, c := range s {
		switch {
		case c == '"':
			quoted = !quoted
		case (c == ' ' || c == '\t') && !quoted:
			return s[:i], strings.TrimSpace(s[i:])
		}
	}
	return s, ""
}

func unsupportedType(word string) error {
	if word == "ssh-dss" {
		return errors.New("a key of the type ssh-dss is too weak")
	}
	if strings.HasSuffix(word, "-cert-v01@openssh.com") {
		return errors.New("SSH certificates are not supported")
	}
	return nil
}

func (k *sshKey) decode(kind, encoded string) error {
	raw, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		return errors.New("the SSH public key can not be read")
	}
	key, err := ssh.ParsePublicKey(raw)
	if err != nil || key.Type() != kind {
		return errors.New("the SSH public key can not be read")
	}
	if wrapped, ok := key.(ssh.CryptoPublicKey); ok {
		if public, ok := wrapped.CryptoPublicKey().(*rsa.PublicKey); ok && public.N.BitLen() < minRSABits {
			return fmt.Errorf("an RSA key of %d bits is too weak", public.N.BitLen())
		}
	}
	k.key = key
	return nil
}

// options reads those of allowed_signers. Whatever is not understood is refused: it was meant to limit the key.
func (k *sshKey) options(text string) error {
	for text != "" {
		name, rest, hasValue := strings.Cut(text, "=")
		if flag, _, _ := strings.Cut(name, ","); strings.EqualFold(flag, "cert-authority") {
			return errors.New("the option cert-authority is not supported")
		}
		value, after, ok := unquote(rest)
		if !hasValue || !ok {
			return errNoKey
		}
		if err := k.option(strings.ToLower(name), value); err != nil {
			return err
		}
		text = after
	}
	return nil
}

// unquote takes a quoted value off the front, and the comma after it.
func unquote(s string) (value, rest string, ok bool) {
	if !strings.HasPrefix(s, `"`) {
		return "", "", false
	}
	value, rest, ok = strings.Cut(s[1:], `"`)
	if rest != "" && !strings.HasPrefix(rest, ",") {
		return "", "", false
	}
	return value, strings.TrimPrefix(rest, ","), ok
}

func (k *sshKey) option(name, value string) (err error) {
	switch name {
	case "namespaces":
		if strings.ContainsAny(value, "*?!") {
			return errors.New("the option namespaces with a pattern is not supported: name them one by one")
		}
		k.namespaces = strings.Split(value, ",")
	case "valid-after":
		k.from, err = parseTime(name, value)
	case "valid-before":
		k.until, err = parseTime(name, value)
	default:
		return errNoKey
	}
	return err
}

// parseTime reads a time as ssh-keygen(1) has it, always as UTC: there is no other time zone that a cluster and its users would agree on.
func parseTime(name, value string) (time.Time, error) {
	digits := strings.TrimSuffix(value, "Z")
	for _, layout := range []string{"20060102", "200601021504", "20060102150405"} {
		if len(digits) == len(layout) {
			if t, err := time.ParseInLocation(layout, digits, time.UTC); err == nil {
				return t, nil
			}
		}
	}
	return time.Time{}, fmt.Errorf("the option %s has no time such as 20260131 or 202601311200Z", name)
}

// printable is a name as it may be shown.
func printable(s string) string {
	s = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, ""))
	if len(s) > maxPrincipal {
		s = strings.ToValidUTF8(s[:maxPrincipal], "")
	}
	return s
}
