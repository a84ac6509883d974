package integration

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
	"nopea.io/nopea/pkg/testing/githttp"
)

// signingKey makes a key as people sign with, and returns its file and its public part.
func (v *tenant) signingKey(owner string) (file, public string) {
	v.t.Helper()
	file = filepath.Join(v.t.TempDir(), "id")
	if out, err := exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", owner, "-f", file).CombinedOutput(); err != nil {
		v.t.Fatalf("ssh-keygen: %v: %s", err, out)
	}
	return file, string(githttp.Must(os.ReadFile(file + ".pub"))(v.t))
}

// signers keeps, in the Secret "signers", whose signatures count.
func (v *tenant) signers(public ...string) {
	v.t.Helper()
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "signers"}, StringData: map[string]string{}}
	for i, key := range public {
		secret.StringData[fmt.Sprintf("key-%d.pub", i)] = key
	}
	_, err := v.kube.CoreV1().Secrets(v.namespace).Create(background(), secret, metav1.CreateOptions{})
	if apierrors.IsAlreadyExists(err) {
		v.must(nil, v.kube.CoreV1().Secrets(v.namespace).Delete(background(), "signers", metav1.DeleteOptions{}))
		_, err = v.kube.CoreV1().Secrets(v.namespace).Create(background(), secret, metav1.CreateOptions{})
	}
	v.must(nil, err)
}

// signedGit runs a git command that signs with a key.
func (v *tenant) signedGit(repo *githttp.Repo, key string, args ...string) string {
	v.t.Helper()
	return githttp.Must(repo.Git(append([]string{"-c", "gpg.format=ssh", "-c", "user.signingKey=" + key}, args...)...))(v.t)
}

// signedCommit makes the newest commit of main anew, signed, on top of it with the given files.
func (v *tenant) signedCommit(repo *githttp.Repo, key string, files map[string]string) string {
	v.t.Helper()
	commit := githttp.Must(repo.CommitTo("unsigned", "Not signed", files))(v.t)
	args := []string{"commit-tree", "-S", "-m", "Signed"}
	if parent, err := repo.Resolve("refs/heads/main"); err == nil {
		args = append(args, "-p", parent)
	}
	signed := v.signedGit(repo, key, append(args, commit+"^{tree}")...)
	v.must(nil, repo.SetRef("refs/heads/main", signed))
	return signed
}

func verifiedBy(mode v1alpha1.VerifyMode, ref *v1alpha1.GitRef) func(*v1alpha1.GitRepositorySpec) {
	return func(s *v1alpha1.GitRepositorySpec) {
		s.Interval, s.Ref = "1s", ref
		s.Verify = &v1alpha1.VerifySpec{Mode: mode, SecretRef: v1alpha1.LocalObjectReference{Name: "signers"}}
	}
}

// TestVerifiedCommits applies what is signed with a key that counts, and nothing else. Keys come and go without a push.
func TestVerifiedCommits(t *testing.T) {
	t.Parallel()
	v := newTenant(t)
	ada, adaPublic := v.signingKey("ada@example.com")
	bob, bobPublic := v.signingKey("bob@example.com")
	v.signers(adaPublic)
	repo := v.repo("shop", nil)
	first := v.signedCommit(repo, ada, map[string]string{"app.yaml": configMapYAML("settings", "one")})
	v.declare("shop", repo.URL, verifiedBy("", nil))
	applied := v.ready("shop").Status.Applied
	if applied.Commit != first || !strings.HasPrefix(applied.VerifiedBy, "SSH SHA256:") || !strings.HasSuffix(applied.VerifiedBy, " ada@example.com") {
		t.Fatalf("applied %+v", applied)
	}

	unsigned := githttp.Must(repo.Commit(map[string]string{"app.yaml": configMapYAML("settings", "two")}))(t)
	refused := v.condition("shop", v1alpha1.ConditionStalled, metav1.ConditionTrue, "VerificationFailed")
	contains(t, refused.Status.LastError.Message, unsigned, "no signature", "Nothing of it is applied")
	contains(t, refused.Status.LastError.Hint, "git commit -S")
	if refused.Status.Applied.Commit != first || v.configMap("settings").Data["key"] != "one" {
		t.Fatalf("applied %+v", refused.Status.Applied)
	}
	v.failed("shop", "VerificationFailed", v1alpha1.SyncSpec{DryRun: true})
	settings := v.configMap("settings")
	settings.Data["key"] = "by hand"
	v.must(v.kube.CoreV1().ConfigMaps(v.namespace).Update(background(), settings, metav1.UpdateOptions{}))
	v.eventually("the edit is put back", func(context.Context) error {
		if value := v.configMap("settings").Data["key"]; value != "one" {
			return fmt.Errorf("it is %q", value)
		}
		return nil
	})

	v.must(nil, repo.SetRef("refs/heads/main", first))
	second := v.signedCommit(repo, bob, map[string]string{"app.yaml": configMapYAML("settings", "three")})
	v.eventually("the commit of an unknown key is refused", func(context.Context) error {
		if last := v.get("shop").Status.LastError; last == nil || !strings.Contains(last.Message, second) || !strings.Contains(last.Message, "not among the keys") {
			return fmt.Errorf("the error is %+v", last)
		}
		return nil
	})
	v.signers(adaPublic, "bob@example.com "+bobPublic)
	v.eventually("another key is enough", func(context.Context) error {
		if status := v.get("shop").Status; status.Applied.Commit != second || status.LastError != nil || !strings.Contains(status.Applied.VerifiedBy, "bob@example.com") {
			return fmt.Errorf("applied %+v, error %+v", status.Applied, status.LastError)
		}
		return nil
	})
	v.signers(adaPublic)
	v.condition("shop", v1alpha1.ConditionReady, metav1.ConditionFalse, "VerificationFailed")
	contains(t, v.get("shop").Status.LastError.Message, "It was applied before")
	if v.configMap("settings").Data["key"] != "three" {
		t.Error("what was applied did not stay")
	}
	v.must(nil, v.kube.CoreV1().Secrets(v.namespace).Delete(background(), "signers", metav1.DeleteOptions{}))
	v.condition("shop", v1alpha1.ConditionReady, metav1.ConditionFalse, "SecretNotFound")
	v.signers(adaPublic, bobPublic)
	v.ready("shop")
}

// TestVerifiedTags wants the tag signed, for the name that it has.
func TestVerifiedTags(t *testing.T) {
	t.Parallel()
	v := newTenant(t)
	ada, public := v.signingKey("ada@example.com")
	v.signers(public)
	repo := v.repo("shop", map[string]string{"app.yaml": configMapYAML("settings", "one")})
	v.signedGit(repo, ada, "tag", "-s", "-m", "Release", "v1.0.0", "main")
	v.declare("shop", repo.URL, verifiedBy(v1alpha1.VerifyModeTag, &v1alpha1.GitRef{Semver: "*"}))
	if applied := v.ready("shop").Status.Applied; applied.Name != "v1.0.0" || !strings.HasSuffix(applied.VerifiedBy, "ada@example.com") {
		t.Fatalf("applied %+v", applied)
	}
	v.must(nil, repo.SetRef("refs/tags/v2.0.0", githttp.Must(repo.Resolve("refs/tags/v1.0.0"))(t)))
	v.refusedTag("shop", `signed under the name "v1.0.0"`)
	githttp.Must(repo.Commit(map[string]string{"app.yaml": configMapYAML("settings", "two")}))(t)
	v.must(nil, repo.SetRef("refs/tags/v3.0.0", githttp.Must(repo.Resolve("main"))(t)))
	v.refusedTag("shop", "lightweight tag")
	v.signedGit(repo, ada, "tag", "-s", "-m", "Release", "v3.0.1", "main")
	v.succeeded("shop")
	if applied := v.get("shop").Status.Applied; applied.Name != "v3.0.1" || v.configMap("settings").Data["key"] != "two" {
		t.Fatalf("applied %+v", applied)
	}

	bad := &v1alpha1.GitRepository{ObjectMeta: metav1.ObjectMeta{Name: "bad"}, Spec: v1alpha1.GitRepositorySpec{URL: repo.URL, Ref: &v1alpha1.GitRef{Branch: "main", Semver: "one"}}}
	verifiedBy(v1alpha1.VerifyModeTag, &v1alpha1.GitRef{Branch: "main"})(&bad.Spec)
	_, err := v.api.GitRepositories(v.namespace).Create(background(), bad, metav1.CreateOptions{})
	contains(t, fmt.Sprint(err), "spec.verify.mode", "needs a tag")
	bad.Spec.Ref = &v1alpha1.GitRef{Semver: "one"}
	_, err = v.api.GitRepositories(v.namespace).Create(background(), bad, metav1.CreateOptions{})
	contains(t, fmt.Sprint(err), "spec.ref.semver", "a range of versions")
}

// refusedTag asks for a sync and wants it refused in those words.
func (v *tenant) refusedTag(name, words string) {
	v.t.Helper()
	contains(v.t, v.failed(name, "VerificationFailed").Status.Error.Message, words)
}

// TestSemver follows the highest version in a range, and tells of a tag that was moved.
func TestSemver(t *testing.T) {
	t.Parallel()
	v := newTenant(t)
	repo := v.repo("shop", map[string]string{"app.yaml": configMapYAML("settings", "one")})
	tag := func(name string) string {
		commit := githttp.Must(repo.Resolve("main"))(t)
		v.must(nil, repo.SetRef("refs/tags/"+name, commit))
		return commit
	}
	v.declare("shop", repo.URL, func(s *v1alpha1.GitRepositorySpec) {
		s.Interval, s.Ref = "1s", &v1alpha1.GitRef{Semver: "1.x", Branch: "main"}
	})
	v.condition("shop", v1alpha1.ConditionStalled, metav1.ConditionTrue, "RefNotFound")
	tag("v0.9.0")
	contains(t, v.failed("shop", "RefNotFound").Status.Error.Message, "range 1.x", "v0.9.0")
	tag("v1.0.0")
	applied := func(name, value string) {
		t.Helper()
		v.eventually(name+" is applied", func(context.Context) error {
			repository := v.get("shop")
			if got := repository.Status.Applied; got == nil || got.Name != name || v.configMap("settings").Data["key"] != value {
				return fmt.Errorf("applied %+v", got)
			}
			return nil
		})
	}
	applied("v1.0.0", "one")
	githttp.Must(repo.Commit(map[string]string{"app.yaml": configMapYAML("settings", "two")}))(t)
	tag("v2.0.0")
	tag("v1.3.0-rc.1")
	was := tag("v1.2.0")
	applied("v1.2.0", "two")
	githttp.Must(repo.Commit(map[string]string{"app.yaml": configMapYAML("settings", "three")}))(t)
	is := tag("v1.2.0")
	applied("v1.2.0", "three")
	v.succeeded("shop")
	v.eventually("the moved tag is told", func(ctx context.Context) error {
		events, err := v.kube.EventsV1().Events(v.namespace).List(ctx, metav1.ListOptions{FieldSelector: "reason=TagMoved"})
		if err != nil {
			return err
		}
		if len(events.Items) != 1 || events.Items[0].Type != corev1.EventTypeWarning || events.Items[0].Series != nil {
			return fmt.Errorf("events: %+v", events.Items)
		}
		contains(t, events.Items[0].Note, "v1.2.0", was, is)
		return nil
	})
}

// TestSubmodulesAndLFS refuses by name what is not fetched, and only where it would be read.
func TestSubmodulesAndLFS(t *testing.T) {
	t.Parallel()
	v := newTenant(t)
	repo := v.repo("shop", map[string]string{"app/app.yaml": configMapYAML("settings", "one")})
	commit := githttp.Must(repo.Resolve("main"))(t)
	change := fmt.Sprintf("commit refs/heads/main\ncommitter Ada <ada@example.com> 1 +0000\ndata 1\nx\nfrom %s\nM 160000 %s vendor/sub\nM 160000 %s other/sub\ndone\n", commit, commit, commit)
	githttp.Must(repo.GitIn(strings.NewReader(change), "fast-import", "--quiet", "--done"))(t)
	v.declare("shop", repo.URL, func(s *v1alpha1.GitRepositorySpec) { s.Path = "app" })
	v.ready("shop")
	v.respec("shop", func(s *v1alpha1.GitRepositorySpec) { s.Path = "other" })
	message := v.condition("shop", v1alpha1.ConditionStalled, metav1.ConditionTrue, "Unsupported").Status.LastError.Message
	contains(t, message, "other/sub", "submodule")
	githttp.Must(repo.Commit(map[string]string{"app/big.yaml": "version https://git-lfs.github.com/spec/v1\noid sha256:" + strings.Repeat("0", 64) + "\nsize 1\n"}))(t)
	v.respec("shop", func(s *v1alpha1.GitRepositorySpec) { s.Path = "app" })
	v.eventually("the LFS pointer is refused", func(context.Context) error {
		if last := v.get("shop").Status.LastError; last == nil || !strings.Contains(last.Message, "app/big.yaml") || !strings.Contains(last.Message, "LFS") {
			return fmt.Errorf("the error is %+v", last)
		}
		return nil
	})
}
