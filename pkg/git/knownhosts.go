package git

import (
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"
)

const (
	maxKnownHostsBytes = 256 << 10
	// Each * in a pattern multiplies what it costs to match it.
	maxStarsPerHost = 2
	maxStars        = 1000

	knownHostsMark = "known-hosts-"
)

// hostKeys are the keys of one host that known_hosts has.
type hostKeys struct {
	address string
	check   ssh.HostKeyCallback
	// algorithms to ask the server for. It must be asked for those alone: of several host keys it would else show whichever comes first
	// by the client's liking, one that known_hosts may not have.
	algorithms []string
	types      []string
}

// KeyscanHint says how the lines of known_hosts are made for a host, with or without a port.
func KeyscanHint(address string) string {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		host = address
	}
	command := "ssh-keyscan " + host
	if port != "" && port != defaultPort("ssh") {
		command = "ssh-keyscan -p " + port + " " + host
	}
	return "Put the lines that " + command + " prints into the key known_hosts of the Secret, after you compared them with what the host's owner publishes."
}

// readKnownHosts reads lines of known_hosts for one host. The folder is for a file that is gone when it returns: the parser reads only files.
func readKnownHosts(folder, text, address string) (*hostKeys, error) {
	if err := checkKnownHosts(text); err != nil {
		return nil, err
	}
	check, err := parseKnownHosts(folder, text)
	if err != nil {
		return nil, err
	}
	k := &hostKeys{address: address, check: check}
	// No host has a key that was made just now: the answer is which it has.
	stranger, err := strangersKey()
	if err != nil {
		return nil, err
	}
	known, ok := errors.AsType[*knownhosts.KeyError](check(address, noAddr{}, stranger))
	if !ok {
		return nil, failf(InvalidCredentials, "known_hosts can not be read for %s", address).advise(KeyscanHint(address))
	}
	lines, certified := strings.Split(text, "\n"), false
	for _, want := range known.Want {
		// The key of an authority is not the host's.
		if want.Line <= len(lines) && strings.HasPrefix(strings.TrimSpace(lines[want.Line-1]), "@cert-authority") {
			certified = true
		} else {
			k.add(want.Key.Type())
		}
	}
	if certified {
		k.types = append(k.types, "certificate")
		k.algorithms = append(k.algorithms, ssh.CertAlgoED25519v01, ssh.CertAlgoECDSA256v01, ssh.CertAlgoECDSA384v01, ssh.CertAlgoECDSA521v01,
			ssh.CertAlgoRSASHA512v01, ssh.CertAlgoRSASHA256v01)
	}
	if len(k.algorithms) == 0 {
		return nil, failf(HostKeyUnknown, "known_hosts has no key of the host %s", knownhosts.Normalize(address)).advise(KeyscanHint(address))
	}
	return k, nil
}

func checkKnownHosts(text string) error {
	if len(text) > maxKnownHostsBytes {
		return failf(InvalidCredentials, "known_hosts is longer than %d bytes", maxKnownHostsBytes).advise("Keep only the lines of the hosts that are used.")
	}
	stars := strings.Count(text, "*")
	for field := range strings.FieldsFuncSeq(text, func(r rune) bool { return r == ',' || r <= ' ' }) {
		if stars > maxStars || strings.Count(field, "*") > maxStarsPerHost {
			return failf(InvalidCredentials, "known_hosts has more than %d * in a pattern, or more than %d in all", maxStarsPerHost, maxStars).
				advise("Name the hosts in known_hosts by their whole names.")
		}
	}
	return nil
}

func parseKnownHosts(folder, text string) (_ ssh.HostKeyCallback, err error) {
	file, err := os.CreateTemp(folder, knownHostsMark)
	if err != nil {
		return nil, storageError(err)
	}
	defer func() {
		if removeErr := os.Remove(file.Name()); removeErr != nil && err == nil {
			err = storageError(removeErr)
		}
	}()
	_, err = file.WriteString(text)
	if closeErr := file.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return nil, storageError(err)
	}
	var check ssh.HostKeyCallback
	if err := guard(func() (err error) {
		check, err = knownhosts.New(file.Name())
		return err
	}); err != nil {
		// The name of the file says nothing to a user.
		reason := strings.ReplaceAll(strings.TrimPrefix(err.Error(), "knownhosts: "), file.Name()+":", "line ")
		return nil, failf(InvalidCredentials, "known_hosts can not be read: %s", printable(reason)).
			advise("Write each line of known_hosts in the Secret as ssh-keyscan HOST prints it.")
	}
	return check, nil
}

// clearKnownHosts removes what a process that was killed left.
func clearKnownHosts(folder string) error {
	left, err := filepath.Glob(filepath.Join(folder, knownHostsMark+"*"))
	if err != nil {
		return storageError(err)
	}
	for _, path := range left {
		if err := os.Remove(path); err != nil {
			return storageError(err)
		}
	}
	return nil
}

// add a type of key, with the algorithms that sign with it. SHA-1 is not among them.
func (k *hostKeys) add(keyType string) {
	if slices.Contains(k.types, keyType) {
		return
	}
	k.types = append(k.types, keyType)
	if keyType == ssh.KeyAlgoRSA {
		k.algorithms = append(k.algorithms, ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256)
		return
	}
	k.algorithms = append(k.algorithms, keyType)
}

// verify is the callback that judges the key that a server shows.
func (k *hostKeys) verify(_ string, _ net.Addr, key ssh.PublicKey) error {
	var err error
	if problem := guard(func() error {
		err = k.check(k.address, noAddr{}, key)
		return nil
	}); problem != nil {
		return problem
	}
	shown := fmt.Sprintf("the host %s shows the %s key %s", knownhosts.Normalize(k.address), key.Type(), ssh.FingerprintSHA256(key))
	if err == nil {
		return nil
	}
	if _, revoked := errors.AsType[*knownhosts.RevokedError](err); revoked {
		return failf(HostKeyMismatch, "%s, which known_hosts marks as @revoked", shown)
	}
	known, ok := errors.AsType[*knownhosts.KeyError](err)
	switch {
	case !ok:
		return failf(HostKeyMismatch, "%s, which is not accepted: %s", shown, printable(err.Error()))
	case len(known.Want) == 0:
		return failf(HostKeyUnknown, "%s, and known_hosts has none of it", shown).advise(KeyscanHint(k.address))
	}
	return failf(HostKeyMismatch, "%s, and known_hosts has another of it", shown)
}

// notOffered says that a server has no host key of the types that known_hosts has for it.
func (k *hostKeys) notOffered(offered []string) error {
	return failf(HostKeyMismatch, "the host %s has no key of the types that known_hosts has for it (%s), but %s", knownhosts.Normalize(k.address),
		strings.Join(k.types, ", "), printable(strings.Join(offered, ", "))).advise(KeyscanHint(k.address))
}

func strangersKey() (ssh.PublicKey, error) {
	public, _, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	return ssh.NewPublicKey(public)
}

// noAddr stands for the address that a connection has got: keys are known by the name that was asked for.
type noAddr struct{}

func (noAddr) Network() string { return "tcp" }
func (noAddr) String() string  { return "0.0.0.0:0" }
