package verify

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/packet"
	"github.com/go-git/go-git/v5/plumbing"
	"golang.org/x/crypto/ssh"
)

func TestCommit(t *testing.T) {
	pgp, secure := pgpKey(t), sshSigner(t)
	otherPGP, otherSSH := pgpKey(t), sshSigner(t)
	keys := keysOf(t, string(pgpPublic(t, otherPGP, pgp)), sshPublic(secure)+" ada@laptop")
	byPGP := withHeader(unsigned, "gpgsig", pgpSign(t, pgp, unsigned))
	bySSH := withHeader(unsigned, "gpgsig", sshSign(t, secure, "git", unsigned))

	signer, err := commit(byPGP, keys, someTime)
	if want := fmt.Sprintf("OpenPGP 0x%X", pgp.PrimaryKey.Fingerprint); err != nil || signer.String() != want {
		t.Errorf("%q, %v, want %q", signer, err, want)
	}
	signer, err = commit(bySSH, keys, someTime)
	if want := "SSH " + ssh.FingerprintSHA256(secure.PublicKey()) + " ada@laptop"; err != nil || signer.String() != want {
		t.Errorf("%q, %v, want %q", signer, err, want)
	}

	_, err = commit(unsigned, keys, someTime)
	wantReason(t, err, NoSignature)
	few := keysOf(t, string(pgpPublic(t, otherPGP)), sshPublic(otherSSH))
	_, err = commit(byPGP, few, someTime)
	wantReason(t, err, UnknownKey, fmt.Sprintf("0x%X", pgp.PrimaryKey.Fingerprint))
	_, err = commit(bySSH, few, someTime)
	wantReason(t, err, UnknownKey, ssh.FingerprintSHA256(secure.PublicKey()), "ssh-ed25519")
	for _, object := range []string{byPGP, bySSH} {
		_, err = commit(strings.Replace(object, "A change", "A chance", 1), keys, someTime)
		wantReason(t, err, BadSignature)
		_, err = Commit(idOf(plumbing.CommitObject, unsigned), []byte(object), keys, someTime)
		wantReason(t, err, Malformed, "object id")
	}
	_, err = commit(withHeader(unsigned, "gpgsig", sshSign(t, secure, "file", unsigned)), keys, someTime)
	wantReason(t, err, BadSignature, `"file"`)
}

// TestOpenPGPKeys looks at keys that do not count any more, and at signatures that are too weak.
func TestOpenPGPKeys(t *testing.T) {
	lives := func(c *packet.Config) { c.KeyLifetimeSecs = 3600 }
	pgp := pgpKey(t, lives)
	public := string(pgpPublic(t, pgp))
	object := withHeader(unsigned, "gpgsig", pgpSign(t, pgp, unsigned))
	signer, err := commit(object, keysOf(t, public), someTime)
	if end := someTime.Add(time.Hour); err != nil || !signer.Until.Equal(end) {
		t.Errorf("%+v, %v", signer, err)
	}
	_, err = commit(object, keysOf(t, public), someTime.Add(2*time.Hour))
	wantReason(t, err, ExpiredKey, "2026-03-01")
	if _, err = commit(object, keysOf(t, public), someTime.Add(-time.Hour)); err != nil {
		t.Errorf("a clock that is an hour ahead: %v", err)
	}
	_, err = commit(object, keysOf(t, public), someTime.Add(-48*time.Hour))
	wantReason(t, err, ExpiredKey, "future")

	old := pgpKey(t)
	before := string(pgpPublic(t, old))
	signed := withHeader(unsigned, "gpgsig", pgpSign(t, old, unsigned))
	if err := old.RevokeKey(packet.KeySuperseded, "old", &packet.Config{Time: func() time.Time { return someTime }}); err != nil {
		t.Fatal(err)
	}
	revoked := string(pgpPublic(t, old))
	for _, keys := range []*Keys{keysOf(t, revoked), keysOf(t, before, revoked), keysOf(t, revoked, before)} {
		_, err = commit(signed, keys, someTime)
		wantReason(t, err, RevokedKey)
	}

	small := pgpKey(t, func(c *packet.Config) { c.Algorithm, c.RSABits = packet.PubKeyAlgoRSA, 1024 })
	_, err = commit(withHeader(unsigned, "gpgsig", pgpSign(t, small, unsigned)), keysOf(t, string(pgpPublic(t, small))), someTime)
	wantReason(t, err, Unsupported, "RSA key of 1024 bits")
}

// TestAllowedSigners holds SSH keys to what their line says.
func TestAllowedSigners(t *testing.T) {
	secure := sshSigner(t)
	object := withHeader(unsigned, "gpgsig", sshSign(t, secure, "git", unsigned))
	public := sshPublic(secure)
	for options, reason := range map[string]Reason{
		``:                              "",
		`namespaces="git"`:              "",
		`namespaces="file,git"`:         "",
		`namespaces="file"`:             Unsupported,
		`valid-after="20260301"`:        "",
		`valid-after="20260301130000Z"`: ExpiredKey,
		`valid-before="202603011200"`:   ExpiredKey,
		`valid-after="20260101",valid-before="20260302Z",namespaces="git"`: "",
	} {
		signer, err := commit(object, keysOf(t, "# of the team\n\nada@example.com,ada@home "+options+" "+public+" a laptop\n"), someTime)
		if reason != "" {
			wantReason(t, err, reason)
		} else if err != nil || signer.Principal != "ada@example.com,ada@home" {
			t.Errorf("%s: %q, %v", options, signer, err)
		}
	}
	// A line that does not count any more does not stand in the way of another.
	both := "ada valid-before=\"2025010100Z0\" "
	if _, err := ParseKeys(map[string][]byte{"keys": []byte(both + public)}); err == nil {
		t.Error("a time that is none was taken")
	}
	keys := keysOf(t, `ada valid-before="20250101" `+public+"\n"+`ada valid-after="20250101" `+public)
	if _, err := commit(object, keys, someTime); err != nil {
		t.Error(err)
	}
}
