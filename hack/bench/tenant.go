package main

import (
	"context"
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
)

// tenant is a namespace with GitRepositories and the ServiceAccount that they are applied as.
type tenant struct {
	*world
	namespace string
}

// tenant makes a namespace whose ServiceAccount has a ClusterRole in it, or everywhere.
func (w *world) tenant(ctx context.Context, namespace, role string, everywhere bool) (*tenant, error) {
	named := metav1.ObjectMeta{Name: namespace}
	_, err := w.kube.CoreV1().Namespaces().Create(ctx, &corev1.Namespace{ObjectMeta: named}, metav1.CreateOptions{})
	if err != nil {
		return nil, fmt.Errorf("make a tenant: %w", err)
	}
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: "nopea"}}
	_, err = w.kube.CoreV1().ServiceAccounts(namespace).Create(ctx, account, metav1.CreateOptions{})
	subjects := []rbacv1.Subject{{Kind: "ServiceAccount", Namespace: namespace, Name: account.Name}}
	ref := rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: role}
	var bindErr error
	if everywhere {
		_, bindErr = w.kube.RbacV1().ClusterRoleBindings().Create(ctx,
			&rbacv1.ClusterRoleBinding{ObjectMeta: named, Subjects: subjects, RoleRef: ref}, metav1.CreateOptions{})
	} else {
		_, bindErr = w.kube.RbacV1().RoleBindings(namespace).Create(ctx,
			&rbacv1.RoleBinding{ObjectMeta: named, Subjects: subjects, RoleRef: ref}, metav1.CreateOptions{})
	}
	if err := errors.Join(err, bindErr); err != nil {
		return nil, fmt.Errorf("make a tenant: %w", err)
	}
	return &tenant{w, namespace}, nil
}

// declare creates a GitRepository that polls at an interval; everything else is as by default.
func (t *tenant) declare(ctx context.Context, name, interval string) error {
	return t.create(ctx, name, v1alpha1.GitRepositorySpec{URL: t.git.url(name), Interval: interval})
}

func (t *tenant) create(ctx context.Context, name string, spec v1alpha1.GitRepositorySpec) error {
	repository := &v1alpha1.GitRepository{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: t.namespace}, Spec: spec}
	if _, err := t.api.GitRepositories(t.namespace).Create(ctx, repository, metav1.CreateOptions{}); err != nil {
		return fmt.Errorf("create GitRepository %s: %w", name, err)
	}
	return nil
}

// establish makes a Git repository of files and a GitRepository for it, and waits until that is Ready.
func (t *tenant) establish(ctx context.Context, name string, files map[string]string) error {
	if _, err := t.git.commit(ctx, name, files); err != nil {
		return err
	}
	events, err := t.watchRepositories(ctx)
	if err != nil {
		return err
	}
	defer events.Stop()
	// The polls stay out of the way of what is measured.
	if err := t.declare(ctx, name, "1h"); err != nil {
		return err
	}
	return untilReady(ctx, events, []string{name})
}

// post asks for a sync, and returns the Sync's name.
func (t *tenant) post(ctx context.Context, repository string) (string, error) {
	sync, err := t.api.GitRepositories(t.namespace).CreateSync(ctx, repository, &v1alpha1.Sync{}, metav1.CreateOptions{})
	if err != nil {
		return "", fmt.Errorf("ask for a sync of %s: %w", repository, err)
	}
	return sync.Name, nil
}

// configMapFiles are manifests of ConfigMaps that all have the same value, a file each.
func configMapFiles(prefix string, n int, value string) map[string]string {
	files := make(map[string]string, n)
	for i, name := range configMapNames(prefix, n) {
		files[fmt.Sprintf("apps/%02d/%s.yaml", i%25, name)] = configMapManifest(name, value)
	}
	return files
}

func configMapNames(prefix string, n int) []string {
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("%s-%04d", prefix, i)
	}
	return names
}

func configMapManifest(name, value string) string {
	return fmt.Sprintf("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: %s\ndata:\n  key: %q\n", name, value)
}
