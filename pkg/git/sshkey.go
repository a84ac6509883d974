package git

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"strings"

	"golang.org/x/crypto/ssh"
)

const maxKeyBytes = 64 << 10

// parseKey opens a private key. The errors say which key of the Secret is to be changed, and nothing of its content.
func parseKey(text, passphrase string) (ssh.Signer, error) {
	block, _ := pem.Decode([]byte(text))
	switch {
	case len(text) > maxKeyBytes:
		return nil, failf(InvalidCredentials, "the SSH key is longer than %d bytes", maxKeyBytes)
	case strings.HasPrefix(text, "PuTTY-User-Key-File"):
		return nil, failf(InvalidCredentials, "the SSH key is in PuTTY's format").
			advise("Convert it with puttygen KEY.ppk -O private-openssh-new -o KEY, and put that into the key identity of the Secret.")
	case strings.HasPrefix(text, "ssh-") || strings.HasPrefix(text, "ecdsa-"):
		return nil, failf(InvalidCredentials, "the SSH key is a public key").advise("Put the private key into the key identity of the Secret.")
	case block == nil:
		return nil, failf(InvalidCredentials, "the SSH key is not in PEM").
			advise("Put the whole file of the private key (-----BEGIN OPENSSH PRIVATE KEY-----) into the key identity of the Secret, with its line break at the end.")
	case block.Type == "ENCRYPTED PRIVATE KEY":
		return nil, failf(InvalidCredentials, "the SSH key is encrypted as PKCS #8, which is not supported").
			advise("Convert it with ssh-keygen -p -f KEY, and put that into the key identity of the Secret.")
	}
	signer, err := ssh.ParsePrivateKey([]byte(text))
	if _, encrypted := errors.AsType[*ssh.PassphraseMissingError](err); encrypted {
		if passphrase == "" {
			return nil, failf(InvalidCredentials, "the SSH key is encrypted, and there is no password for it").
				advise("Put its passphrase into the key password of the Secret.")
		}
		signer, err = ssh.ParsePrivateKeyWithPassphrase([]byte(text), []byte(passphrase))
	}
	switch {
	case errors.Is(err, x509.IncorrectPasswordError):
		return nil, failf(InvalidCredentials, "the password does not open the SSH key").advise("Put the key's passphrase into the key password of the Secret.")
	case err != nil:
		return nil, failf(InvalidCredentials, "the SSH key can not be read: %w", err).advise(keyTypes)
	}
	switch signer.PublicKey().Type() {
	case ssh.KeyAlgoED25519, ssh.KeyAlgoRSA, ssh.KeyAlgoECDSA256, ssh.KeyAlgoECDSA384, ssh.KeyAlgoECDSA521:
		return signer, nil
	}
	return nil, failf(InvalidCredentials, "the SSH key is of the type %s, which is not supported", signer.PublicKey().Type()).advise(keyTypes)
}

const keyTypes = "Make an Ed25519, ECDSA or RSA key, for example with ssh-keygen -t ed25519 -f KEY, and put it into the key identity of the Secret."
