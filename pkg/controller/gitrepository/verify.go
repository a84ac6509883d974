package gitrepository

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
	"nopea.io/nopea/pkg/git"
	"nopea.io/nopea/pkg/verify"
)

// evidence is what a verification went by, beside the commit. While it is the same, another would come to the same.
type evidence struct {
	// keys is the digest of the keys; empty when they could not be read.
	keys string
	// tag is the id of the annotated tag, which may be signed anew for the same commit.
	tag string
	// until is when a key or a signature expires; zero when none does.
	until time.Time
}

// revisionObjects are the raw objects that are signed.
type revisionObjects struct {
	commit    string // id
	rawCommit []byte
	tag       string // id of the annotated tag; empty without one
	rawTag    []byte
	tagName   string // short name; empty when it is no tag that is looked at
}

// verify fails unless the revision is signed as the spec wants it. It comes before anything of the commit's tree is read: what is rendered
// is read under the tenant's identity, so a dry run of a commit that nobody signed is refused as well.
func (r *run) verify(ctx context.Context, snapshot *git.Snapshot) error {
	spec := r.repository.Spec.Verify
	if spec == nil {
		return nil
	}
	objects := revisionObjects{commit: r.resolved.Hash}
	if name, isTag := strings.CutPrefix(r.resolved.Ref, "refs/tags/"); isTag {
		objects.tagName = name
	}
	if spec.Mode != v1alpha1.VerifyModeCommit && r.resolved.Tag != "" {
		var err error
		if objects.rawTag, err = r.source.Tag(ctx, *r.resolved); err != nil {
			return err
		}
		objects.tag = r.resolved.Tag
	}
	by, found, err := r.verifyObjects(ctx, snapshot, &objects)
	found.tag = r.resolved.Tag
	r.evidence = &found
	if failure, ok := errors.AsType[*Failure](err); ok && failure.Code == CodeVerificationFailed {
		if applied := r.repository.Status.Applied; applied != nil && applied.Commit == r.resolved.Hash {
			failure.Message += ". It was applied before; the objects stay, and edits of them are put back"
		} else {
			failure.Message += ". Nothing of it is applied"
		}
	}
	if err != nil {
		return err
	}
	r.revision.VerifiedBy = by
	return nil
}

// verifyCached is verify for the commit that was applied last, by what the cache of Git objects has: of what lies on a disk only that is
// rendered whose signature counts now.
func (r *run) verifyCached(ctx context.Context, snapshot *git.Snapshot, applied *v1alpha1.Revision) error {
	spec := r.repository.Spec.Verify
	if spec == nil {
		return nil
	}
	objects := revisionObjects{commit: applied.Commit}
	if spec.Mode != v1alpha1.VerifyModeCommit {
		objects.tagName = applied.Name
		var err error
		if objects.tag, objects.rawTag, err = r.source.CachedTag(applied.Commit); err != nil {
			return err
		}
	}
	_, _, err := r.verifyObjects(ctx, snapshot, &objects)
	return err
}

func (r *run) verifyObjects(ctx context.Context, snapshot *git.Snapshot, objects *revisionObjects) (by string, found evidence, err error) {
	values, err := r.identity.verificationKeys(ctx, r.repository)
	if err != nil {
		return "", found, err
	}
	found.keys = verify.Digest(values)
	keys, err := verify.ParseKeys(values)
	if err != nil {
		return "", found, &Failure{Code: CodeSecretInvalid,
			Message: fmt.Sprintf("the Secret %q named by spec.verify.secretRef does not hold public keys alone: %v", r.repository.Spec.Verify.SecretRef.Name, err),
			Hint:    "Each of its values is to be OpenPGP public keys, or SSH public keys as in authorized_keys or allowed_signers."}
	}
	if objects.rawCommit, err = snapshot.Raw(ctx); err != nil {
		return "", found, err
	}
	by, found.until, err = signedBy(r.repository.Spec.Verify.Mode, objects, keys, r.began)
	return by, found, err
}

// signedBy tells who signed what the mode wants signed, and until when that counts. Errors are Failures.
func signedBy(mode v1alpha1.VerifyMode, objects *revisionObjects, keys *verify.Keys, now time.Time) (by string, until time.Time, err error) {
	var tagger, author verify.Signer
	if mode != v1alpha1.VerifyModeCommit {
		switch {
		case objects.tagName == "":
			return "", until, unverified("commit "+objects.commit, errors.New("it was not named by a tag, and spec.verify wants a signed one"))
		case objects.tag == "":
			return "", until, unverified(fmt.Sprintf("tag %s at commit %s", objects.tagName, objects.commit),
				&verify.Error{Reason: verify.NoSignature, Text: "it is a lightweight tag, which has no signature"})
		}
		if tagger, err = verify.Tag(objects.tag, objects.rawTag, objects.tagName, objects.commit, keys, now); err != nil {
			return "", until, unverified(fmt.Sprintf("tag %s (%s) at commit %s", objects.tagName, objects.tag, objects.commit), err)
		}
	}
	if mode != v1alpha1.VerifyModeTag {
		if author, err = verify.Commit(objects.commit, objects.rawCommit, keys, now); err != nil {
			return "", until, unverified("commit "+objects.commit, err)
		}
	}
	until = tagger.Until
	if until.IsZero() || !author.Until.IsZero() && author.Until.Before(until) {
		until = author.Until
	}
	switch {
	case mode == v1alpha1.VerifyModeTag || tagger.String() == author.String():
		return tagger.String(), until, nil
	case mode == v1alpha1.VerifyModeCommit:
		return author.String(), until, nil
	}
	return fmt.Sprintf("%s (tag), %s (commit)", tagger, author), until, nil
}

// unverified is the failure of a revision that was not verified. Only another commit, other keys or another spec can mend it.
func unverified(what string, err error) *Failure {
	failure := &Failure{Code: CodeVerificationFailed, Stalled: true, Message: fmt.Sprintf("%s is not verified: %v", what, err),
		Hint: "Name a tag in spec.ref, or set spec.verify.mode to Commit."}
	if refused, ok := errors.AsType[*verify.Error](err); ok {
		failure.Hint = refused.Hint()
	}
	return failure
}

// verificationKeys reads the public keys that spec.verify names, as the ServiceAccount.
func (i *identity) verificationKeys(ctx context.Context, repository *v1alpha1.GitRepository) (map[string][]byte, error) {
	secret, err := i.secret(ctx, repository, repository.Spec.Verify.SecretRef.Name, "spec.verify.secretRef", "nopea-verification-keys")
	if failure, ok := errors.AsType[*Failure](err); ok && failure.Code == CodeSecretNotFound {
		failure.Hint = "Create it with the public keys of those who may sign, or correct spec.verify.secretRef."
	}
	if err != nil {
		return nil, err
	}
	return secret.Data, nil
}

// evidenceMoved tells whether the newest verification has to be repeated although the ref did not move: other keys, or one that expired.
// What cannot be read is for a whole run to judge, once.
func (c *Controller) evidenceMoved(ctx context.Context, repository *v1alpha1.GitRepository, before evidence, now time.Time) bool {
	if repository.Spec.Verify == nil {
		return false
	}
	if !before.until.IsZero() && !now.Before(before.until) {
		return true
	}
	keys := ""
	if acting, err := c.identityOf(ctx, repository); err == nil {
		if values, err := acting.verificationKeys(ctx, repository); err == nil {
			keys = verify.Digest(values)
		}
	}
	return keys != before.keys
}

// wantsTag tells whether it is an annotated tag that has to be signed.
func wantsTag(repository *v1alpha1.GitRepository) bool {
	spec := repository.Spec.Verify
	return spec != nil && spec.Mode != v1alpha1.VerifyModeCommit
}
