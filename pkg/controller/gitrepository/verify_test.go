package gitrepository

import (
	"crypto/ed25519"
	"crypto/rand"
	"strings"
	"testing"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/hiddeco/sshsig"
	"golang.org/x/crypto/ssh"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
	"nopea.io/nopea/pkg/git"
	"nopea.io/nopea/pkg/verify"
)

// signer signs with an SSH key, and knows its public part.
type signer struct {
	ssh.Signer
	t *testing.T
}

func newSigner(t *testing.T) signer {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	s, err := ssh.NewSignerFromKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return signer{s, t}
}

func (s signer) name() string { return "SSH " + ssh.FingerprintSHA256(s.PublicKey()) }

func (s signer) sign(payload string) string {
	s.t.Helper()
	sig, err := sshsig.Sign(strings.NewReader(payload), s.Signer, sshsig.HashSHA512, "git")
	if err != nil {
		s.t.Fatal(err)
	}
	return string(sshsig.Armor(sig))
}

func TestSignedBy(t *testing.T) {
	ada, eve := newSigner(t), newSigner(t)
	keys, err := verify.ParseKeys(map[string][]byte{"ada": ssh.MarshalAuthorizedKey(ada.PublicKey()), "eve": []byte(
		`eve valid-before="20270101" ` + string(ssh.MarshalAuthorizedKey(eve.PublicKey())))})
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	head := "tree " + strings.Repeat("a", 40) + "\nauthor A <a@x> 1 +0000\ncommitter A <a@x> 1 +0000\n"
	unsigned := head + "\nx\n"
	signed := head + "gpgsig " + strings.ReplaceAll(strings.TrimSpace(ada.sign(unsigned)), "\n", "\n ") + "\n\nx\n"
	tagOf := func(commit string, s signer) string {
		text := "object " + plumbing.ComputeHash(plumbing.CommitObject, []byte(commit)).String() + "\ntype commit\ntag v1\ntagger A <a@x> 1 +0000\n\nx\n"
		return text + s.sign(text)
	}
	const commitMode, tagMode, both = v1alpha1.VerifyModeCommit, v1alpha1.VerifyModeTag, v1alpha1.VerifyModeTagAndCommit
	for name, test := range map[string]struct {
		mode               v1alpha1.VerifyMode
		commit, tag, under string
		by, refused        string
	}{
		"commit":                      {commitMode, signed, "", "", ada.name(), ""},
		"commit, not signed":          {commitMode, unsigned, "", "", "", "it has no signature"},
		"commit, only the tag signed": {commitMode, unsigned, tagOf(unsigned, ada), "v1", "", "it has no signature"},
		"tag":                         {tagMode, unsigned, tagOf(unsigned, eve), "v1", eve.name() + " eve", ""},
		"tag under another name":      {tagMode, unsigned, tagOf(unsigned, eve), "v2", "", `"v2"`},
		"tag of another commit":       {tagMode, unsigned, tagOf(signed, eve), "v1", "", "not for the commit"},
		"lightweight tag":             {tagMode, signed, "", "v1", "", "lightweight"},
		"branch":                      {tagMode, signed, "", "", "", "not named by a tag"},
		"both":                        {both, signed, tagOf(signed, eve), "v1", eve.name() + " eve (tag), " + ada.name() + " (commit)", ""},
		"both by the same":            {both, signed, tagOf(signed, ada), "v1", ada.name(), ""},
		"both, the commit not signed": {both, unsigned, tagOf(unsigned, eve), "v1", "", "it has no signature"},
		"both, a lightweight tag":     {both, signed, "", "v1", "", "lightweight"},
	} {
		objects := &revisionObjects{commit: plumbing.ComputeHash(plumbing.CommitObject, []byte(test.commit)).String(), rawCommit: []byte(test.commit), tagName: test.under}
		if test.tag != "" {
			objects.tag, objects.rawTag = plumbing.ComputeHash(plumbing.TagObject, []byte(test.tag)).String(), []byte(test.tag)
		}
		by, until, err := signedBy(test.mode, objects, keys, now)
		if test.refused != "" {
			failure, ok := err.(*Failure)
			if !ok || failure.Code != CodeVerificationFailed || !failure.Stalled || failure.Hint == "" ||
				!strings.Contains(failure.Message, test.refused) || !strings.Contains(failure.Message, objects.commit) {
				t.Errorf("%s: %+v, want it to say %q", name, err, test.refused)
			}
			continue
		}
		if err != nil || by != test.by {
			t.Errorf("%s: %q, %v, want %q", name, by, err, test.by)
		}
		if limited := strings.Contains(test.by, "eve"); limited == until.IsZero() {
			t.Errorf("%s: counts until %v", name, until)
		}
	}
}

func TestMovedTag(t *testing.T) {
	one, two := strings.Repeat("1", 40), strings.Repeat("2", 40)
	at := func(name, commit string) *v1alpha1.Revision { return &v1alpha1.Revision{Name: name, Commit: commit} }
	for name, test := range map[string]struct {
		applied, attempted *v1alpha1.Revision
		found              git.Revision
		moved              bool
	}{
		"moved":          {at("v1", one), at("v1", one), git.Revision{Ref: "refs/tags/v1", Hash: two}, true},
		"first":          {nil, nil, git.Revision{Ref: "refs/tags/v1", Hash: two}, false},
		"same":           {at("v1", one), at("v1", one), git.Revision{Ref: "refs/tags/v1", Hash: one}, false},
		"told":           {at("v1", one), at("v1", two), git.Revision{Ref: "refs/tags/v1", Hash: two}, false},
		"moved again":    {at("v1", one), at("v1", two), git.Revision{Ref: "refs/tags/v1", Hash: strings.Repeat("3", 40)}, true},
		"higher version": {at("v1", one), at("v1", one), git.Revision{Ref: "refs/tags/v2", Hash: two}, false},
		"branch":         {at("main", one), at("main", one), git.Revision{Ref: "refs/heads/main", Hash: two}, false},
	} {
		note := movedTag(&v1alpha1.GitRepositoryStatus{Applied: test.applied, Attempted: test.attempted}, test.found)
		if (note != "") != test.moved || test.moved && (!strings.Contains(note, one) || !strings.Contains(note, test.found.Hash)) {
			t.Errorf("%s: %q", name, note)
		}
	}
}
