package integration

import (
	"context"
	"fmt"
	"strings"
	"testing"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
	"nopea.io/nopea/pkg/testing/githttp"
)

// TestBadInput breaks one thing at a time and reads what a user would: the Ready condition, which says what failed, why, and what to
// do next.
func TestBadInput(t *testing.T) {
	t.Parallel()
	good := map[string]string{"deploy/app.yaml": configMapYAML("settings", "one")}
	type change = func(*v1alpha1.GitRepositorySpec)
	for _, test := range []struct {
		name string
		// files of the repository; nil makes it empty.
		files   map[string]string
		prepare func(*tenant, *githttp.Repo)
		change  change
		reason  string
		words   []string
		stalled bool
	}{
		{name: "no-such-host", files: good, change: func(s *v1alpha1.GitRepositorySpec) { s.URL = "http://git.invalid/shop.git" },
			reason: "HostNotFound", words: []string{"git.invalid"}},
		{name: "nothing-listens", files: good, change: func(s *v1alpha1.GitRepositorySpec) { s.URL = "http://127.0.0.1:1/shop.git" },
			reason: "Unreachable", words: []string{"127.0.0.1:1", "refused"}},
		{name: "credentials-missing", files: good, prepare: func(v *tenant, r *githttp.Repo) {
			v.git.Protect(r.Name, githttp.Credentials{Username: "u", Password: "p"})
		}, reason: "Unauthorized", words: []string{"spec.secretRef"}},
		{name: "no-such-repository", files: good, change: func(s *v1alpha1.GitRepositorySpec) { s.URL = strings.Replace(s.URL, "no-such", "never-such", 1) },
			reason: "RepositoryNotFound", words: []string{"never-such-repository"}},
		{name: "empty-repository", reason: "EmptyRepository", words: []string{"no commit"}, stalled: true},
		{name: "missing-branch", files: good, change: func(s *v1alpha1.GitRepositorySpec) { s.Ref = &v1alpha1.GitRef{Branch: "release"} },
			reason: "RefNotFound", words: []string{"release"}, stalled: true},
		{name: "missing-tag", files: good, change: func(s *v1alpha1.GitRepositorySpec) { s.Ref = &v1alpha1.GitRef{Tag: "v9"} },
			reason: "RefNotFound", words: []string{"v9"}, stalled: true},
		{name: "missing-commit", files: good, change: func(s *v1alpha1.GitRepositorySpec) { s.Ref = &v1alpha1.GitRef{Commit: strings.Repeat("a", 40)} },
			reason: "CommitNotFound", words: []string{"aaaaaaa"}, stalled: true},
		{name: "missing-path", files: good, change: func(s *v1alpha1.GitRepositorySpec) { s.Path = "kubernetes" },
			reason: "PathNotFound", words: []string{"kubernetes"}, stalled: true},
		{name: "no-manifests", files: map[string]string{"README.md": "hello"},
			reason: "SourceEmpty", words: []string{"no manifest", "spec.path", "spec.allowEmpty"}, stalled: true},
		{name: "yaml-error", files: map[string]string{"a.yaml": configMapYAML("a", "x"), "b.yaml": "apiVersion: v1\nkind: ConfigMap\n  metadata:\n"},
			reason: "ManifestInvalid", words: []string{"b.yaml:3"}, stalled: true},
		{name: "no-kind", files: map[string]string{"a.yaml": configMapYAML("a", "x") + "---\nreplicaCount: 3\n"},
			reason: "ManifestInvalid", words: []string{"a.yaml", "document 2", "kind"}, stalled: true},
		{name: "twice", files: map[string]string{"a.yaml": configMapYAML("same", "x"), "b.yaml": configMapYAML("same", "y")},
			reason: "ManifestInvalid", words: []string{"a.yaml", "b.yaml", "same"}, stalled: true},
		{name: "unknown-kind", files: map[string]string{"w.yaml": "apiVersion: example.com/v1\nkind: Widget\nmetadata:\n  name: w\n"},
			reason: "UnknownKind", words: []string{"w.yaml", "Widget", "example.com/v1"}},
		{name: "unknown-field", files: map[string]string{"d.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: c\ndatta:\n  a: b\n"},
			reason: "ManifestInvalid", words: []string{"d.yaml", "datta"}},
		{name: "invalid-value", files: map[string]string{"s.yaml": "apiVersion: v1\nkind: Service\nmetadata:\n  name: s\nspec:\n  ports: [{port: 99999}]\n"},
			reason: "ManifestInvalid", words: []string{"s.yaml", "spec.ports[0].port", "99999"}},
		{name: "admission", files: map[string]string{"f.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: forbidden\n  labels: {deny: please}\n"},
			reason: "AdmissionDenied", words: []string{"f.yaml", "policy says no"}},
		{name: "no-account", files: good, change: func(s *v1alpha1.GitRepositorySpec) { s.ServiceAccountName = "deployer" },
			reason: "ServiceAccountNotFound", words: []string{"deployer", "kubectl create serviceaccount deployer", "kubectl create rolebinding"}},
		{name: "no-permission", files: good, change: func(s *v1alpha1.GitRepositorySpec) { s.ServiceAccountName = "weak" },
			prepare: func(v *tenant, _ *githttp.Repo) {
				v.must(v.kube.CoreV1().ServiceAccounts(v.namespace).Create(background(), &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: "weak"}}, metav1.CreateOptions{}))
			}, reason: "PermissionDenied", words: []string{"weak", "kubectl create rolebinding", "--clusterrole=admin"}},
		{name: "cluster-scoped", files: map[string]string{"r.yaml": "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata:\n  name: tenant-escape\nrules: []\n"},
			reason: "PermissionDenied", words: []string{"tenant-escape", "kubectl create clusterrolebinding"}},
		{name: "no-secret", files: good, change: func(s *v1alpha1.GitRepositorySpec) { s.SecretRef = &v1alpha1.LocalObjectReference{Name: "git"} },
			reason: "SecretNotFound", words: []string{`"git"`}},
		{name: "too-large", files: map[string]string{"big.yaml": configMapYAML("big", strings.Repeat("x", 9<<20))},
			reason: "TooLarge", words: []string{"big.yaml"}, stalled: true},
		{name: "symlink", files: good, prepare: func(v *tenant, r *githttp.Repo) { commitSymlink(v.t, r, "deploy/link.yaml", "/etc/passwd") },
			reason: "Unsupported", words: []string{"deploy/link.yaml", "symbolic link"}, stalled: true},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			v := newTenant(t)
			if test.name == "admission" {
				denyLabelled(v)
			}
			repo := v.repo(test.name, test.files)
			if test.prepare != nil {
				test.prepare(v, repo)
			}
			v.declare("shop", repo.URL, func(s *v1alpha1.GitRepositorySpec) {
				if test.change != nil {
					test.change(s)
				}
			})
			repository := v.condition("shop", v1alpha1.ConditionReady, metav1.ConditionFalse, test.reason)
			ready := apimeta.FindStatusCondition(repository.Status.Conditions, v1alpha1.ConditionReady)
			contains(t, ready.Message, test.words...)
			if got := apimeta.IsStatusConditionTrue(repository.Status.Conditions, v1alpha1.ConditionStalled); got != test.stalled {
				t.Errorf("stalled is %v", got)
			}
			if got := apimeta.IsStatusConditionTrue(repository.Status.Conditions, v1alpha1.ConditionReconciling); got == test.stalled {
				t.Errorf("reconciling is %v", got)
			}
			if repository.Status.LastError == nil || repository.Status.LastError.Code != test.reason {
				t.Errorf("last error is %+v", repository.Status.LastError)
			}
			v.eventually("an Event says so", func(ctx context.Context) error {
				events, err := v.kube.EventsV1().Events(v.namespace).List(ctx, metav1.ListOptions{FieldSelector: "reason=" + test.reason})
				if err == nil && len(events.Items) == 0 {
					return fmt.Errorf("no Event with reason %s", test.reason)
				}
				return err
			})
			t.Logf("%s", ready.Message)
		})
	}
}

// TestMended goes from an error to Ready without anybody asking, once its cause is gone.
func TestMended(t *testing.T) {
	t.Parallel()
	v := newTenant(t)
	repo := v.repo("shop", map[string]string{"app.yaml": configMapYAML("settings", "one")})
	v.git.Protect(repo.Name, githttp.Credentials{Username: "robot", Password: "secret-word"})
	v.declare("shop", repo.URL, func(s *v1alpha1.GitRepositorySpec) { s.SecretRef = &v1alpha1.LocalObjectReference{Name: "git"} })
	v.condition("shop", v1alpha1.ConditionReady, metav1.ConditionFalse, "SecretNotFound")
	v.must(v.kube.CoreV1().Secrets(v.namespace).Create(background(), &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "git"},
		Type: corev1.SecretTypeBasicAuth, StringData: map[string]string{"username": "robot", "password": "wrong-word"}}, metav1.CreateOptions{}))
	repository := v.condition("shop", v1alpha1.ConditionReady, metav1.ConditionFalse, "Unauthorized")
	if text := fmt.Sprint(repository.Status); strings.Contains(text, "wrong-word") {
		t.Errorf("the status holds the password: %s", text)
	}
	secret := githttp.Must(v.kube.CoreV1().Secrets(v.namespace).Get(background(), "git", metav1.GetOptions{}))(t)
	secret.Data["password"] = []byte("secret-word\n")
	v.must(v.kube.CoreV1().Secrets(v.namespace).Update(background(), secret, metav1.UpdateOptions{}))
	v.ready("shop")
}

// TestQuietRetries fails again and again and rewrites nothing.
func TestQuietRetries(t *testing.T) {
	t.Parallel()
	v := newTenant(t)
	repo := v.repo("shop", map[string]string{"app.yaml": configMapYAML("settings", "one"), "bad.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: c\ndatta: {}\n"})
	v.declare("shop", repo.URL)
	before := v.condition("shop", v1alpha1.ConditionReady, metav1.ConditionFalse, "ManifestInvalid")
	if v.configMap("settings").Data["key"] != "one" {
		t.Error("one bad object stopped another of its stage")
	}
	mark := githttp.Must(v.on.Cluster.AuditLog().Mark())(t)
	v.eventually("two more tries", func(context.Context) error {
		tries := 0
		for _, event := range v.tenantRequests(mark) {
			if event.Verb == "patch" && event.Name == "c" {
				tries++
			}
		}
		if tries < 2 {
			return fmt.Errorf("%d tries", tries)
		}
		return nil
	})
	if after := v.get("shop"); after.ResourceVersion != before.ResourceVersion {
		t.Errorf("the status was rewritten:\n%+v\n%+v", before.Status, after.Status)
	}
	if list := githttp.Must(v.api.Syncs(v.namespace).List(background(), metav1.ListOptions{}))(t); len(list.Items) != 1 {
		t.Errorf("%d Syncs are stored", len(list.Items))
	}
}

func commitSymlink(t *testing.T, repo *githttp.Repo, path, target string) {
	t.Helper()
	blob := githttp.Must(repo.GitIn(strings.NewReader(target), "hash-object", "-w", "--stdin"))(t)
	folder, name, _ := strings.Cut(path, "/")
	list := githttp.Must(repo.Git("ls-tree", "main:"+folder))(t)
	tree := githttp.Must(repo.GitIn(strings.NewReader(strings.TrimSpace(list)+"\n120000 blob "+strings.TrimSpace(blob)+"\t"+name+"\n"), "mktree"))(t)
	root := githttp.Must(repo.GitIn(strings.NewReader("040000 tree "+strings.TrimSpace(tree)+"\t"+folder+"\n"), "mktree"))(t)
	commit := githttp.Must(repo.Git("-c", "user.name=t", "-c", "user.email=t@example.com", "commit-tree", strings.TrimSpace(root), "-p", "main", "-m", "link"))(t)
	if err := repo.SetRef("refs/heads/main", strings.TrimSpace(commit)); err != nil {
		t.Fatal(err)
	}
}

// denyLabelled has admission refuse what is labelled deny=please.
func denyLabelled(v *tenant) {
	v.t.Helper()
	fail := admissionv1.Fail
	name := metav1.ObjectMeta{Name: "deny-" + v.namespace}
	match := &admissionv1.MatchResources{NamespaceSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"kubernetes.io/metadata.name": v.namespace}}}
	v.must(v.kube.AdmissionregistrationV1().ValidatingAdmissionPolicies().Create(background(), &admissionv1.ValidatingAdmissionPolicy{
		ObjectMeta: name, Spec: admissionv1.ValidatingAdmissionPolicySpec{
			FailurePolicy: &fail,
			MatchConstraints: &admissionv1.MatchResources{ResourceRules: []admissionv1.NamedRuleWithOperations{{RuleWithOperations: admissionv1.RuleWithOperations{
				Operations: []admissionv1.OperationType{"CREATE", "UPDATE"},
				Rule:       admissionv1.Rule{APIGroups: []string{""}, APIVersions: []string{"v1"}, Resources: []string{"configmaps"}},
			}}}},
			Validations: []admissionv1.Validation{{Expression: "!has(object.metadata.labels) || !('deny' in object.metadata.labels)", Message: "policy says no"}},
		}}, metav1.CreateOptions{}))
	v.must(v.kube.AdmissionregistrationV1().ValidatingAdmissionPolicyBindings().Create(background(), &admissionv1.ValidatingAdmissionPolicyBinding{
		ObjectMeta: name, Spec: admissionv1.ValidatingAdmissionPolicyBindingSpec{PolicyName: name.Name, MatchResources: match,
			ValidationActions: []admissionv1.ValidationAction{admissionv1.Deny}}}, metav1.CreateOptions{}))
	// A policy is in force a moment after it is stored.
	v.eventually("the policy is in force", func(ctx context.Context) error {
		_, err := v.kube.CoreV1().ConfigMaps(v.namespace).Create(ctx, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{GenerateName: "probe-", Labels: map[string]string{"deny": "x"}}},
			metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
		if err == nil {
			return fmt.Errorf("it let a ConfigMap pass")
		}
		return nil
	})
}
