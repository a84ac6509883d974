package gitrepository

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/hiddeco/sshsig"
	"golang.org/x/crypto/ssh"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
	"nopea.io/nopea/pkg/apply"
	"nopea.io/nopea/pkg/controller/drift"
	"nopea.io/nopea/pkg/controller/inventory"
	"nopea.io/nopea/pkg/git"
	"nopea.io/nopea/pkg/testing/githttp"
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
			failure, ok := errors.AsType[*Failure](err)
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

// TestVerifyCached has a commit in the cache that nobody signed: at a start it is not rendered, even if the status says that it was applied.
func TestVerifyCached(t *testing.T) {
	ada := newSigner(t)
	server := githttp.New(t)
	repo := githttp.Must(server.CreateRepo("shop"))(t)
	unsigned := githttp.Must(repo.Commit(map[string]string{"app.yaml": "kind: x"}))(t)
	raw := githttp.Must(repo.Git("cat-file", "commit", unsigned))(t)
	head, message, _ := strings.Cut(raw, "\n\n")
	signedRaw := head + "\ngpgsig " + strings.ReplaceAll(strings.TrimSpace(ada.sign(raw)), "\n", "\n ") + "\n\n" + message
	signed := githttp.Must(repo.GitIn(strings.NewReader(signedRaw), "hash-object", "-t", "commit", "-w", "--stdin"))(t)
	text := "object " + signed + "\ntype commit\ntag v1\ntagger A <a@x> 1 +0000\n\nx\n"
	tag := githttp.Must(repo.GitIn(strings.NewReader(text+ada.sign(text)), "hash-object", "-t", "tag", "-w", "--stdin"))(t)
	if err := errors.Join(repo.SetRef("refs/heads/signed", signed), repo.SetRef("refs/tags/v1", tag)); err != nil {
		t.Fatal(err)
	}
	cache := githttp.Must(git.NewCache(git.CacheOptions{Dir: t.TempDir()}))(t)
	defer cache.Close()
	source := githttp.Must(cache.Source(repo.URL, git.Credentials{}))(t)
	for _, ref := range []git.Ref{{}, {Tag: "v1"}} {
		githttp.Must(source.Fetch(t.Context(), githttp.Must(source.Resolve(t.Context(), ref, time.Time{}))(t)))(t)
	}
	keys := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "team", Name: "signers"}, Data: map[string][]byte{"ada": ssh.MarshalAuthorizedKey(ada.PublicKey())}}
	core := fake.NewClientset(keys).CoreV1()
	for name, test := range map[string]struct {
		mode    v1alpha1.VerifyMode
		applied v1alpha1.Revision
		refused string
	}{
		"signed":                   {v1alpha1.VerifyModeCommit, v1alpha1.Revision{Commit: signed}, ""},
		"not signed":               {v1alpha1.VerifyModeCommit, v1alpha1.Revision{Commit: unsigned}, "it has no signature"},
		"tag":                      {v1alpha1.VerifyModeTag, v1alpha1.Revision{Name: "v1", Commit: signed}, ""},
		"tag of another name":      {v1alpha1.VerifyModeTag, v1alpha1.Revision{Name: "v2", Commit: signed}, `"v2"`},
		"tag that is not in cache": {v1alpha1.VerifyModeTag, v1alpha1.Revision{Name: "v1", Commit: unsigned}, "no annotated tag"},
		"commit not in cache":      {v1alpha1.VerifyModeCommit, v1alpha1.Revision{Commit: strings.Repeat("a", 40)}, "not in the cache"},
	} {
		repository := &v1alpha1.GitRepository{ObjectMeta: metav1.ObjectMeta{Namespace: "team", Name: "shop"}}
		repository.Spec.Verify = &v1alpha1.VerifySpec{Mode: test.mode, SecretRef: v1alpha1.LocalObjectReference{Name: "signers"}}
		r := &run{repository: repository, began: time.Now(), identity: &identity{core: core}, source: source, record: inventory.RecordOf(repository, nil)}
		if test.refused == "" {
			if err := r.verifyCached(t.Context(), githttp.Must(source.Cached(git.Revision{Hash: test.applied.Commit}))(t), &test.applied); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		// Without a Controller whatever came after the refusal would panic.
		err := r.keepApplied(t.Context(), &test.applied, func(context.Context, drift.Repository, []apply.Desired, *apply.Inventory) {
			t.Errorf("%s: it was published", name)
		})
		if err == nil || !strings.Contains(err.Error(), test.refused) {
			t.Errorf("%s: %v, want it to say %q", name, err, test.refused)
		}
	}
}
