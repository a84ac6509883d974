package verify

import (
	"strings"
	"testing"

	"github.com/go-git/go-git/v5/plumbing"
)

// FuzzObject takes apart whatever it is given. What comes out has to be what went in: the payload and the signature, nothing lost.
func FuzzObject(f *testing.F) {
	pgp, secure := pgpKey(f), sshSigner(f)
	keys := keysOf(f, string(pgpPublic(f, pgp)), sshPublic(secure))
	f.Add([]byte(withHeader(unsigned, "gpgsig", pgpSign(f, pgp, unsigned))))
	f.Add([]byte(withHeader(unsigned, "gpgsig", sshSign(f, secure, "git", unsigned))))
	text := "object " + someTree + "\ntype commit\ntag v1.0\ntagger Ada <ada@example.com> 1772366400 +0000\n\nRelease\n"
	f.Add([]byte(text + pgpSign(f, pgp, text)))
	f.Add([]byte(text + sshSign(f, secure, "git", text)))
	f.Add([]byte("tree " + someTree + "\n\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if s, err := parseCommit(data); err == nil {
			if len(s.payload)+len(s.signature) > len(data) || !strings.HasPrefix(string(s.payload), "tree ") {
				t.Errorf("%q came out of %q", s.payload, data)
			}
			if strings.Contains(strings.SplitN(string(s.payload), "\n\n", 2)[0], "\ngpgsig") {
				t.Errorf("a signature is left in %q", s.payload)
			}
		}
		if parsed, err := parseTag(data); err == nil && string(parsed.payload)+parsed.signature != string(data) {
			t.Errorf("%q and %q came out of %q", parsed.payload, parsed.signature, data)
		}
		object := string(data)
		if signer, err := commit(object, keys, someTime); err == nil {
			if !strings.HasSuffix(object, "A change\n") || signer.Key == "" {
				t.Errorf("%q was verified", data)
			}
		}
		if _, err := Tag(idOf(plumbing.TagObject, object), data, "v1.0", someTree, keys, someTime); err == nil && !strings.Contains(object, "\ntag v1.0\n") {
			t.Errorf("%q was verified", data)
		}
	})
}

// FuzzSignature reads signatures of all kinds without end or panic.
func FuzzSignature(f *testing.F) {
	pgp, secure := pgpKey(f), sshSigner(f)
	keys := keysOf(f, string(pgpPublic(f, pgp)), sshPublic(secure))
	f.Add(pgpSign(f, pgp, unsigned))
	f.Add(sshSign(f, secure, "git", unsigned))
	f.Fuzz(func(t *testing.T, armored string) {
		if _, err := commit(withHeader("tree "+someTree+"\nauthor a\ncommitter b\n\nOther words\n", "gpgsig", armored), keys, someTime); err == nil {
			t.Errorf("%q was taken for another commit", armored)
		}
	})
}

// FuzzKeys reads keys.
func FuzzKeys(f *testing.F) {
	secure := sshPublic(sshSigner(f))
	f.Add(pgpPublic(f, pgpKey(f)))
	f.Add([]byte(`ada namespaces="git",valid-after="20260101" ` + secure))
	f.Add([]byte(secure + " comment"))
	f.Fuzz(func(t *testing.T, value []byte) {
		keys, err := ParseKeys(map[string][]byte{"x": value})
		if err == nil && len(keys.openpgp)+len(keys.ssh) == 0 {
			t.Error("nothing came out, and no error")
		}
	})
}
