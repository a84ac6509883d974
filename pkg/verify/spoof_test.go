package verify

import (
	"encoding/pem"
	"strings"
	"testing"

	"github.com/go-git/go-git/v5/plumbing"
)

// TestCommitsReadTwoWays changes a signed commit so that some reader might see something else signed than another.
func TestCommitsReadTwoWays(t *testing.T) {
	pgp, secure := pgpKey(t), sshSigner(t)
	keys := keysOf(t, string(pgpPublic(t, pgp)), sshPublic(secure))
	good := pgpSign(t, pgp, unsigned)
	other := sshSign(t, secure, "git", unsigned)
	object := withHeader(unsigned, "gpgsig", good)
	if _, err := commit(object, keys, someTime); err != nil {
		t.Fatal(err)
	}
	evil := "tree " + strings.Repeat("e", 40) + "\n"
	head, _, _ := strings.Cut(unsigned, "\n\n")
	block, _ := pem.Decode([]byte(other))
	for name, c := range map[string]struct {
		object string
		reason Reason
	}{
		"two gpgsig headers":         {withHeader(object, "gpgsig", other), Malformed},
		"two signatures in one":      {withHeader(unsigned, "gpgsig", good+other), Malformed},
		"two OpenPGP blocks":         {withHeader(unsigned, "gpgsig", good+good), Malformed},
		"words before the signature": {withHeader(unsigned, "gpgsig", "x\n"+good), Unsupported},
		"words after the signature":  {withHeader(unsigned, "gpgsig", good+"x\n"), Malformed},
		"a SHA-256 signature beside": {withHeader(object, "gpgsig-sha256", good), Unsupported},
		"another tree in front":      {evil + object, Malformed},
		"another tree behind":        {withHeader(object, "tree", strings.Repeat("e", 40)), Malformed},
		"another committer":          {withHeader(object, "committer", "Eve <eve@example.com> 1 +0000"), Malformed},
		"a parent among the others":  {withHeader(object, "parent", strings.Repeat("e", 40)), Malformed},
		"the tree on two lines":      {strings.Replace(object, someTree, someTree[:20]+"\n "+someTree[20:], 1), Malformed},
		"the tree in capitals":       {strings.Replace(object, someTree, strings.ToUpper(someTree), 1), Malformed},
		"a tree of SHA-256":          {strings.Replace(object, someTree, strings.Repeat("e", 64), 1), Malformed},
		"carriage returns":           {strings.ReplaceAll(object, "\n", "\r\n"), Malformed},
		"a NUL":                      {strings.Replace(object, "Ada", "A\x00a", 1), Malformed},
		"no end of the headers":      {strings.TrimSuffix(head, "\n"), Malformed},
		"a header without a value":   {strings.Replace(object, "\n\n", "\nx\n\n", 1), Malformed},
		"a continuation in front":    {" " + object, Malformed},
		"nothing":                    {"", Malformed},
		"no block":                   {withHeader(unsigned, "gpgsig", "x"), Unsupported},
		"X.509":                      {withHeader(unsigned, "gpgsig", "-----BEGIN SIGNED MESSAGE-----\nAAAA\n-----END SIGNED MESSAGE-----"), Unsupported},
		"the signature in the text":  {unsigned + good, NoSignature},
		"a header after the text":    {unsigned + "\ngpgsig " + strings.ReplaceAll(good, "\n", "\n ") + "\n", NoSignature},
		"bytes behind an SSH blob": {withHeader(unsigned, "gpgsig",
			string(pem.EncodeToMemory(&pem.Block{Type: block.Type, Bytes: append(block.Bytes, 1)}))), Malformed},
		"a header of many lines": {withHeader(object, "x", strings.Repeat("\n", maxObjectBytes/4)+"y"), BadSignature},
		"an extra header":        {withHeader(object, "evil", "x"), BadSignature},
		"too long":               {object + strings.Repeat("x", maxObjectBytes), Unsupported},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := commit(c.object, keys, someTime)
			wantReason(t, err, c.reason)
		})
	}
	// Where the signature stands among the headers is not signed, and says nothing.
	moved := strings.Replace(unsigned, "\nauthor", "\ngpgsig "+strings.TrimSuffix(strings.ReplaceAll(good, "\n", "\n "), " ")+"author", 1)
	if _, err := commit(moved, keys, someTime); err == nil {
		t.Error("a signature between tree and author was taken: Git writes it behind the committer")
	}
}

// TestTags holds a tag to the name and the commit that it was signed for.
func TestTags(t *testing.T) {
	pgp, secure := pgpKey(t), sshSigner(t)
	keys := keysOf(t, string(pgpPublic(t, pgp)), sshPublic(secure))
	target, elsewhere := strings.Repeat("a", 40), strings.Repeat("b", 40)
	text := "object " + target + "\ntype commit\ntag v1.0\ntagger Ada <ada@example.com> 1772366400 +0000\n\nRelease\n"
	byPGP, bySSH := text+pgpSign(t, pgp, text), text+sshSign(t, secure, "git", text)
	for _, object := range []string{byPGP, bySSH} {
		if _, err := tagOf(object, "v1.0", target, keys); err != nil {
			t.Error(err)
		}
		_, err := tagOf(object, "v2.0", target, keys)
		wantReason(t, err, Mismatch, `"v1.0"`, `"v2.0"`)
		_, err = tagOf(object, "v1.0", elsewhere, keys)
		wantReason(t, err, Mismatch, target, elsewhere)
		_, err = tagOf(strings.Replace(object, "tag v1.0", "tag v2.0", 1), "v2.0", target, keys)
		wantReason(t, err, BadSignature)
		_, err = Tag(idOf(plumbing.TagObject, text), []byte(object), "v1.0", target, keys, someTime)
		wantReason(t, err, Malformed, "object id")
	}
	nested := strings.Replace(text, "type commit", "type tag", 1)
	tree := strings.Replace(text, "type commit", "type tree", 1)
	for name, c := range map[string]struct {
		object string
		reason Reason
	}{
		"not signed":        {text, NoSignature},
		"nested":            {nested + pgpSign(t, pgp, nested), Unsupported},
		"of a tree":         {tree + pgpSign(t, pgp, tree), Mismatch},
		"two signatures":    {byPGP + bySSH[len(text):], Malformed},
		"text behind":       {byPGP + "More\n", Malformed},
		"two names":         {strings.Replace(byPGP, "tagger", "tag v2.0\ntagger", 1), Malformed},
		"two objects":       {"object " + elsewhere + "\n" + byPGP, Malformed},
		"a header for more": {strings.Replace(byPGP, "\n\n", "\ngpgsig-sha256 x\n\n", 1), Unsupported},
		"a commit":          {unsigned, Malformed},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := tagOf(c.object, "v1.0", target, keys)
			wantReason(t, err, c.reason)
		})
	}
}
