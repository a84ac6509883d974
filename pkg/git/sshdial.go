package git

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"
)

const (
	// maxHandshake bounds how long a connection may take to be made, whatever time the caller has.
	maxHandshake = 30 * time.Second
	// maxSessions is how many conversations go on over one connection. OpenSSH's server allows ten by default.
	maxSessions = 8
)

// sshConn is a connection of SSH, over which several conversations may go on. The pool that keeps it guards its fields.
type sshConn struct {
	client ssh.Conn
	dead   chan struct{} // closed when the connection is

	limit    int // of sessions
	sessions int
	lastUsed time.Time
}

// dialSSH connects and authenticates. Nothing but the Secret decides: no agent, no file of a home folder, no environment. When the
// context ends the connection is closed, which ends every step of it.
func dialSSH(ctx context.Context, at place, cred *Credentials, folder string) (*sshConn, error) {
	signer, err := parseKey(cred.SSHKey, cred.SSHPassphrase)
	if err != nil {
		return nil, err
	}
	address := at.address()
	keys, err := readKnownHosts(folder, cred.KnownHosts, address)
	if err != nil {
		return nil, err
	}
	limited, cancel := context.WithTimeout(ctx, maxHandshake)
	defer cancel()
	conn, err := cred.Proxy.dial(limited, address)
	if err != nil {
		return nil, err
	}
	return handshake(limited, conn, at.User.Username(), signer, keys)
}

func handshake(ctx context.Context, conn net.Conn, user string, signer ssh.Signer, keys *hostKeys) (*sshConn, error) {
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	var verdict verdict
	client, channels, requests, err := ssh.NewClientConn(conn, keys.address, &ssh.ClientConfig{
		User: user, Auth: []ssh.AuthMethod{ssh.PublicKeys(signer)},
		HostKeyAlgorithms: keys.algorithms,
		HostKeyCallback: func(name string, remote net.Addr, key ssh.PublicKey) error {
			return verdict.note(keys.verify(name, remote, key))
		},
	})
	if !stop() && err == nil {
		_ = client.Close()
		err = ctx.Err()
	}
	if err != nil {
		_ = conn.Close()
		return nil, verdict.explain(ctx, err, signer, user, keys)
	}
	c := &sshConn{client: client, dead: make(chan struct{}), limit: maxSessions, lastUsed: time.Now()}
	go ssh.DiscardRequests(requests)
	go refuseChannels(channels)
	go func() {
		defer close(c.dead)
		_ = client.Wait() // why it ended shows to whoever uses it
	}()
	return c, nil
}

// refuseChannels lets a server open nothing. It ends with the connection.
func refuseChannels(channels <-chan ssh.NewChannel) {
	for channel := range channels {
		_ = channel.Reject(ssh.Prohibited, "")
	}
}

// verdict is what became of the host key. The callback may still run when the handshake was broken off.
type verdict struct {
	mu      sync.Mutex
	reached bool
	err     error
}

func (v *verdict) note(err error) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.reached, v.err = true, err
	return err
}

// explain says why a handshake failed.
func (v *verdict) explain(ctx context.Context, err error, signer ssh.Signer, user string, keys *hostKeys) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	verified := v.reached && v.err == nil
	negotiation, disagree := errors.AsType[*ssh.AlgorithmNegotiationError](err)
	switch {
	case ctx.Err() != nil:
		step := "greeting and key exchange"
		if verified {
			step = "authentication"
		}
		return fmt.Errorf("connect by SSH, %s: %w", step, ctx.Err())
	case v.err != nil:
		return v.err
	case disagree && negotiation.What == "host key":
		return keys.notOffered(negotiation.RequestedAlgorithms)
	case disagree:
		return failf(Unsupported, "the server and NOPEA have no algorithm of SSH in common: %s", printable(err.Error())).
			advise("Bring the SSH server up to date, or allow it an algorithm of today.")
	case verified && strings.Contains(err.Error(), "unable to authenticate"):
		return failf(Unauthorized, "the server does not accept the %s key %s for the user %s", signer.PublicKey().Type(),
			ssh.FingerprintSHA256(signer.PublicKey()), user).
			advise("Add the public key to the repository as a deploy key that may read it, and check the user name in the URL.")
	}
	if _, isNet := errors.AsType[net.Error](err); isNet || isHangup(err) {
		return fmt.Errorf("connect by SSH: %w", err)
	}
	return failf(Unreachable, "connect by SSH: %s", printable(err.Error())).advise("Check that an SSH server listens at that host and port.")
}

// open opens a session and runs a command in it. The caller has taken the session from the pool.
func (c *sshConn) open(command string) (ssh.Channel, error) {
	channel, requests, err := c.client.OpenChannel("session", nil)
	if err != nil {
		return nil, err
	}
	go ssh.DiscardRequests(requests)
	// A server that does not take it speaks version 0, which is fine: no answer is asked for.
	_, err = channel.SendRequest("env", false, ssh.Marshal(struct{ Name, Value string }{"GIT_PROTOCOL", "version=2"}))
	if err == nil {
		var ran bool
		if ran, err = channel.SendRequest("exec", true, ssh.Marshal(struct{ Command string }{command})); err == nil && !ran {
			err = failf(NotAGitServer, "the SSH server refuses to run %s", uploadPack).advise("Check that the URL is the one to clone from.")
		}
	}
	if err != nil {
		_ = channel.Close()
		return nil, err
	}
	return channel, nil
}

// alive tells whether the other end answers.
func (c *sshConn) alive(patience time.Duration) bool {
	answered := make(chan error, 1)
	go func() {
		_, _, err := c.client.SendRequest("keepalive@openssh.com", true, nil)
		answered <- err
	}()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case err := <-answered:
		return err == nil
	case <-timer.C:
		return false // whoever asks closes the connection, which ends the goroutine
	}
}
