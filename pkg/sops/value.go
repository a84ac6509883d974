package sops

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"strconv"
	"strings"
	"time"
)

const (
	valuePrefix = "ENC[AES256_GCM,"
	nonceSize   = 32
	tagSize     = 16
	keySize     = 32
)

// comment is a comment that was encrypted.
type comment string

var errValue = errors.New("not as SOPS writes an encrypted value")

// opener decrypts the values of one file, in their order, and keeps the sum over them.
type opener struct {
	aead cipher.AEAD
	sum  hash.Hash
	// onlyEncrypted: the sum is over encrypted values alone.
	onlyEncrypted bool
}

// onlyEncryptedStart begins a sum over encrypted values alone, so that it never equals one over all: the SHA-256 of "sops".
const onlyEncryptedStart = "\x8a\x3f\xd2\xad\x54\xce\x66\x52\x7b\x10\x34\xf3\xd1\x47\xbe\x0b\x0b\x97\x5b\x3b\xf4\x4f\x72\xc6\xfd\xad\xec\x81\x76\xf2\x7d\x69"

func newOpener(key []byte, onlyEncrypted bool) (*opener, error) {
	if len(key) != keySize {
		return nil, fmt.Errorf("the data key has %d bytes instead of %d", len(key), keySize)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("use the data key: %w", err)
	}
	aead, err := cipher.NewGCMWithNonceSize(block, nonceSize)
	if err != nil {
		return nil, fmt.Errorf("use the data key: %w", err)
	}
	o := &opener{aead: aead, sum: sha512.New(), onlyEncrypted: onlyEncrypted}
	if onlyEncrypted {
		o.sum.Write([]byte(onlyEncryptedStart))
	}
	return o, nil
}

func isEncrypted(text string) bool { return strings.HasPrefix(text, valuePrefix) }

// take decrypts the next value of the file, if it is encrypted, and counts it in.
func (o *opener) take(value any, path []string) (plain any, changed bool, err error) {
	text, ok := value.(string)
	if !ok || !isEncrypted(text) {
		if o.onlyEncrypted {
			return value, false, nil
		}
		counted, err := sumBytes(value)
		o.sum.Write(counted)
		return value, false, err
	}
	plain, err = o.open(text, additional(path))
	if err != nil {
		return nil, false, err
	}
	if _, is := plain.(comment); is {
		return plain, true, nil
	}
	counted, err := sumBytes(plain)
	o.sum.Write(counted)
	return plain, true, err
}

// additional is the data to which a value is bound: the keys on the way to it. Places in lists are not part of it.
func additional(path []string) string { return strings.Join(path, ":") + ":" }

// open decrypts one value: ENC[AES256_GCM,data:…,iv:…,tag:…,type:…].
func (o *opener) open(text, additional string) (any, error) {
	body, prefixed := strings.CutPrefix(text, valuePrefix)
	body, closed := strings.CutSuffix(body, "]")
	fields := strings.Split(body, ",")
	if !prefixed || !closed || len(fields) != 4 {
		return nil, errValue
	}
	var parts [4]string
	for i, name := range []string{"data:", "iv:", "tag:", "type:"} {
		part, named := strings.CutPrefix(fields[i], name)
		if !named {
			return nil, errValue
		}
		parts[i] = part
	}
	sealed, errSealed := base64.StdEncoding.DecodeString(parts[0])
	nonce, errNonce := base64.StdEncoding.DecodeString(parts[1])
	tag, errTag := base64.StdEncoding.DecodeString(parts[2])
	if errSealed != nil || errNonce != nil || errTag != nil || len(nonce) != nonceSize || len(tag) != tagSize {
		return nil, errValue
	}
	plain, err := o.aead.Open(nil, nonce, append(sealed, tag...), []byte(additional))
	if err != nil {
		return nil, fmt.Errorf("it was changed, moved or encrypted with another key")
	}
	return typed(string(plain), parts[3])
}

// typed reads a value by its type. Errors of strconv are not passed on: they quote the value.
func typed(text, kind string) (value any, err error) {
	switch kind {
	case "str", "bytes":
		return text, nil
	case "comment":
		return comment(text), nil
	case "int":
		value, err = strconv.Atoi(text)
	case "float":
		value, err = strconv.ParseFloat(text, 64)
	case "bool":
		value, err = strconv.ParseBool(text)
	case "time":
		value, err = time.Parse(time.RFC3339Nano, text)
	default:
		return nil, fmt.Errorf("its type is unknown")
	}
	if err != nil {
		return nil, fmt.Errorf("it is not of its type")
	}
	return value, nil
}

// sumBytes is how a value counts in the sum.
func sumBytes(value any) ([]byte, error) {
	switch value := value.(type) {
	case nil:
		return nil, nil
	case time.Time:
		text, err := value.MarshalText()
		if err != nil {
			return nil, fmt.Errorf("its time is out of range")
		}
		return text, nil
	}
	text, err := textOf(value)
	return []byte(text), err
}

// textOf is a value as text.
func textOf(value any) (string, error) {
	switch value := value.(type) {
	case string:
		return value, nil
	case int:
		return strconv.Itoa(value), nil
	case int64:
		return strconv.FormatInt(value, 10), nil
	case uint64:
		return strconv.FormatFloat(float64(value), 'f', -1, 64), nil
	case float64:
		return strconv.FormatFloat(value, 'f', -1, 64), nil
	case bool:
		if value {
			return "True", nil
		}
		return "False", nil
	case time.Time:
		return value.Format(time.RFC3339), nil
	}
	return "", fmt.Errorf("its type is unknown")
}

// check compares the sum with the file's own, which is encrypted and bound to the time of the last change.
func (o *opener) check(meta *metadata) *Error {
	if meta.mac == "" {
		return fault(Damaged, encryptAgain, "its MAC is missing, so nothing tells whether it is whole")
	}
	modified, err := time.Parse(time.RFC3339, meta.lastModified)
	if err != nil {
		return malformed("sops.lastmodified is no time")
	}
	written, err := o.open(meta.mac, modified.Format(time.RFC3339))
	if err != nil {
		return fault(Damaged, encryptAgain, "its MAC cannot be decrypted: %v", err)
	}
	text, _ := written.(string)
	if !hmac.Equal([]byte(strings.ToUpper(hex.EncodeToString(o.sum.Sum(nil)))), []byte(text)) {
		return fault(Damaged, "Change encrypted files with sops alone: "+encryptAgain,
			"it was changed after it was encrypted: its MAC does not fit its values")
	}
	return nil
}
