package integration

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"nopea.io/nopea/pkg/testing/githttp"
	"nopea.io/nopea/pkg/testing/localcluster"
)

// kubectl runs kubectl as the administrator, and returns everything that it wrote.
func (v *tenant) kubectl(input string, args ...string) (string, error) {
	v.t.Helper()
	path := githttp.Must(localcluster.Binary("kubectl"))(v.t)
	cmd := exec.CommandContext(v.t.Context(), path, append([]string{"--kubeconfig", v.on.Cluster.Kubeconfig(), "-n", v.namespace}, args...)...)
	cmd.Stdin = strings.NewReader(input)
	cmd.Env = append(os.Environ(), "HOME="+v.t.TempDir())
	output, err := cmd.CombinedOutput()
	return string(output), err
}

func (v *tenant) kubectlOK(input string, args ...string) string {
	v.t.Helper()
	output, err := v.kubectl(input, args...)
	if err != nil {
		v.t.Fatalf("kubectl %s: %v\n%s", strings.Join(args, " "), err, output)
	}
	return output
}

func (v *tenant) kubectlFails(input string, args ...string) string {
	v.t.Helper()
	output, err := v.kubectl(input, args...)
	if err == nil {
		v.t.Fatalf("kubectl %s succeeded:\n%s", strings.Join(args, " "), output)
	}
	return output
}

func TestKubectl(t *testing.T) {
	t.Parallel()
	v := newTenant(t)
	repo := v.repo("shop", map[string]string{"app.yaml": configMapYAML("settings", "one")})
	manifest := fmt.Sprintf("apiVersion: nopea.io/v1alpha1\nkind: GitRepository\nmetadata:\n  name: shop\nspec:\n  url: %s\n  interval: 1h\n", repo.URL)
	v.kubectlOK(manifest, "apply", "-f", "-")
	v.kubectlOK("", "wait", "--for=condition=Ready", "--timeout=60s", "gr/shop")
	contains(t, v.kubectlOK("", "get", "gitrepositories.nopea.io"), "NAME", "READY", "STATUS", "REVISION", "RESOURCES", "shop", "True", "applied, 1 of 1 changed", "main@", "1/1")
	contains(t, v.kubectlOK("", "get", "gr", "-o", "wide"), repo.URL)
	contains(t, v.kubectlOK("", "get", "gitops"), "shop")
	// kube-apiserver takes the OpenAPI documents of aggregated APIs over by itself, some time after it has discovered them.
	v.eventually("kubectl explain knows the kind", func(context.Context) error {
		_, err := v.kubectl("", "explain", "gr")
		return err
	})
	contains(t, v.kubectlOK("", "explain", "gr.spec.interval"), "FIELD: interval", "at least 1s")
	contains(t, v.kubectlOK("", "describe", "gr", "shop"), "Ready", "applied, 1 of 1 changed", "Events")

	raw := "/apis/nopea.io/v1alpha1/namespaces/" + v.namespace + "/gitrepositories/shop/syncs"
	created := v.kubectlOK("{}", "create", "-f", "-", "--raw", raw)
	contains(t, created, `"requestedBy":["`, `"trigger":"Manual"`, `"repository":"shop"`, `"name":"shop-`)
	out := v.kubectlOK("apiVersion: nopea.io/v1alpha1\nkind: Sync\nmetadata: {name: by-hand}\nspec: {repository: shop}\n", "create", "-f", "-")
	contains(t, out, "sync.nopea.io/by-hand created")
	v.kubectlOK("", "wait", "--for=condition=Complete", "--timeout=60s", "sync/by-hand")
	v.kubectlOK("", "wait", "--for=condition=Finished", "--timeout=60s", "sync/by-hand")
	contains(t, v.kubectlOK("", "get", "syncs"), "REPOSITORY", "TRIGGER", "BY", "PHASE", "by-hand", "Manual", "Succeeded", "Startup")
	contains(t, v.kubectlOK("", "get", "syncs", "--field-selector", "spec.repository=shop"), "by-hand")

	// What is wrong is said with its place, and stores nothing.
	contains(t, v.kubectlFails("{}", "create", "-f", "-", "--raw", strings.Replace(raw, "/shop/", "/nothing/", 1)), `gitrepositories.nopea.io "nothing" not found`)
	contains(t, v.kubectlFails(`{"spec":`, "create", "-f", "-", "--raw", raw), "error")
	contains(t, v.kubectlFails(`{"spec":{"revision":"main"}}`, "create", "-f", "-", "--raw", raw), "spec.revision")
	contains(t, v.kubectlFails(strings.Replace(manifest, "1h", "often", 1), "apply", "-f", "-"), "spec.interval", "often")
	contains(t, v.kubectlFails(strings.Replace(manifest, "http://", "http://user:password@", 1), "apply", "-f", "-"), "spec.url", "secretRef")
	contains(t, v.kubectlFails(strings.Replace(manifest, "interval", "intervall", 1), "apply", "-f", "-"), "unknown field", "intervall")
	if out := v.kubectlOK("", "create", "--dry-run=server", "-o", "name", "-f", writeFile(t, "apiVersion: nopea.io/v1alpha1\nkind: Sync\nmetadata: {name: dry}\nspec: {repository: shop}\n")); !strings.Contains(out, "dry") {
		t.Error(out)
	}
	contains(t, v.kubectlFails("", "get", "sync", "dry"), "not found")

	// A user's server-side apply and the controller's status never fight.
	v.kubectlOK(manifest, "apply", "--server-side", "--force-conflicts", "-f", "-")
	v.kubectlOK("{}", "create", "-f", "-", "--raw", raw)
	contains(t, v.kubectlOK(strings.Replace(manifest, "1h", "2h", 1), "apply", "--server-side", "-f", "-"), "serverside-applied")
	v.kubectlOK("", "delete", "gr", "shop", "--timeout=30s")
	contains(t, v.kubectlOK("", "get", "configmap", "settings"), "settings")
}

// TestSyncByName gives a user the right to ask for syncs of one GitRepository, and no more.
func TestSyncByName(t *testing.T) {
	t.Parallel()
	v := newTenant(t)
	repo := v.repo("shop", map[string]string{"app.yaml": configMapYAML("settings", "one")})
	v.declare("shop", repo.URL)
	v.declare("bank", repo.URL)
	v.must(v.kube.CoreV1().ServiceAccounts(v.namespace).Create(background(), &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: "ci"}}, metav1.CreateOptions{}))
	v.must(v.kube.RbacV1().Roles(v.namespace).Create(background(), &rbacv1.Role{ObjectMeta: metav1.ObjectMeta{Name: "sync-shop"}, Rules: []rbacv1.PolicyRule{
		{APIGroups: []string{"nopea.io"}, Resources: []string{"gitrepositories/syncs"}, ResourceNames: []string{"shop"}, Verbs: []string{"create"}}}}, metav1.CreateOptions{}))
	v.must(v.kube.RbacV1().RoleBindings(v.namespace).Create(background(), &rbacv1.RoleBinding{ObjectMeta: metav1.ObjectMeta{Name: "sync-shop"},
		RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: "sync-shop"}, Subjects: []rbacv1.Subject{{Kind: "ServiceAccount", Name: "ci", Namespace: v.namespace}}}, metav1.CreateOptions{}))
	token := githttp.Must(v.kube.CoreV1().ServiceAccounts(v.namespace).CreateToken(background(), "ci", &authenticationv1.TokenRequest{}, metav1.CreateOptions{}))(t).Status.Token
	server := v.on.Config().Host
	ca := writeFile(t, string(v.on.Config().CAData))
	as := func(input, path string) (string, error) {
		kubectl := githttp.Must(localcluster.Binary("kubectl"))(t)
		cmd := exec.CommandContext(t.Context(), kubectl, "--kubeconfig", "/dev/null", "--server", server, "--certificate-authority", ca, "--token", token, "create", "-f", "-", "--raw", path)
		cmd.Stdin = strings.NewReader(input)
		output, err := cmd.CombinedOutput()
		return string(output), err
	}
	base := "/apis/nopea.io/v1alpha1/namespaces/" + v.namespace
	output, err := as(`{"spec":{"requestedBy":["somebody-else"]}}`, base+"/gitrepositories/shop/syncs")
	if err != nil {
		t.Fatalf("%v: %s", err, output)
	}
	contains(t, output, `"requestedBy":["system:serviceaccount:`+v.namespace+`:ci"]`)
	for path, body := range map[string]string{
		base + "/gitrepositories/bank/syncs": "{}",
		base + "/syncs":                      `{"apiVersion":"nopea.io/v1alpha1","kind":"Sync","metadata":{"name":"x"},"spec":{"repository":"shop"}}`,
	} {
		if output, err := as(body, path); err == nil || !strings.Contains(output, "forbidden") && !strings.Contains(output, "Forbidden") {
			t.Errorf("%s: %v: %s", path, err, output)
		}
	}
	if output, err := as(`{"spec":{"trigger":"Webhook"}}`, base+"/gitrepositories/shop/syncs"); err == nil {
		t.Errorf("a user chose the trigger: %s", output)
	}
}

func writeFile(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file.yaml")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
