package verify

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/hiddeco/sshsig"
	"golang.org/x/crypto/ssh"
)

const someTree = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"

var (
	someTime = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	unsigned = "tree " + someTree + "\nauthor Ada <ada@example.com> 1772366400 +0000\ncommitter Ada <ada@example.com> 1772366400 +0000\n\nA change\n"
)

func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// pgpKey makes an OpenPGP key at someTime.
func pgpKey(t testing.TB, change ...func(*packet.Config)) *openpgp.Entity {
	t.Helper()
	config := &packet.Config{Time: func() time.Time { return someTime }, Algorithm: packet.PubKeyAlgoEdDSA}
	for _, c := range change {
		c(config)
	}
	return must(openpgp.NewEntity("Ada", "", "ada@example.com", config))(t)
}

func pgpPublic(t testing.TB, entities ...*openpgp.Entity) []byte {
	t.Helper()
	var out bytes.Buffer
	for _, entity := range entities {
		w := must(armor.Encode(&out, openpgp.PublicKeyType, nil))(t)
		if err := errors.Join(entity.Serialize(w), w.Close()); err != nil {
			t.Fatal(err)
		}
		out.WriteString("\n")
	}
	return out.Bytes()
}

func pgpSign(t testing.TB, entity *openpgp.Entity, payload string, change ...func(*packet.Config)) string {
	t.Helper()
	config := &packet.Config{Time: func() time.Time { return someTime }}
	for _, c := range change {
		c(config)
	}
	var out bytes.Buffer
	if err := openpgp.ArmoredDetachSign(&out, entity, strings.NewReader(payload), config); err != nil {
		t.Fatal(err)
	}
	return out.String() + "\n"
}

func sshSigner(t testing.TB) ssh.Signer {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return must(ssh.NewSignerFromKey(private))(t)
}

func sshPublic(signer ssh.Signer) string {
	return strings.TrimSpace(string(ssh.MarshalAuthorizedKey(signer.PublicKey())))
}

func sshSign(t testing.TB, signer ssh.Signer, namespace, payload string) string {
	t.Helper()
	return string(sshsig.Armor(must(sshsig.Sign(strings.NewReader(payload), signer, sshsig.HashSHA512, namespace))(t)))
}

// withHeader puts a header, whose value may have many lines, at the end of a commit's.
func withHeader(object, key, value string) string {
	head, message, _ := strings.Cut(object, "\n\n")
	return head + "\n" + key + " " + strings.ReplaceAll(strings.TrimSuffix(value, "\n"), "\n", "\n ") + "\n\n" + message
}

func keysOf(t testing.TB, values ...string) *Keys {
	t.Helper()
	named := map[string][]byte{}
	for i, value := range values {
		named[fmt.Sprint("key", i)] = []byte(value)
	}
	return must(ParseKeys(named))(t)
}

func idOf(kind plumbing.ObjectType, object string) string {
	return plumbing.ComputeHash(kind, []byte(object)).String()
}

func commit(object string, keys *Keys, now time.Time) (Signer, error) {
	return Commit(idOf(plumbing.CommitObject, object), []byte(object), keys, now)
}

func tagOf(object, name, commit string, keys *Keys) (Signer, error) {
	return Tag(idOf(plumbing.TagObject, object), []byte(object), name, commit, keys, someTime)
}

// wantReason fails unless an object was refused for that reason, in those words.
func wantReason(t testing.TB, err error, reason Reason, words ...string) {
	t.Helper()
	refused, ok := errors.AsType[*Error](err)
	if !ok || refused.Reason != reason {
		t.Errorf("got %v, want it refused as %s", err, reason)
		return
	}
	t.Log(err)
	for _, word := range words {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("%q does not say %q", err, word)
		}
	}
	if refused.Hint() == "" {
		t.Error("there is no hint")
	}
}
