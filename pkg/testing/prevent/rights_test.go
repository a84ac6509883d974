package prevent

import (
	"context"
	"fmt"
	"slices"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
	"nopea.io/nopea/pkg/controller/prevent"
)

const (
	controllerSpace = "nopea-system"
	controllerName  = "nopea-controller"
	controllerUser  = "system:serviceaccount:" + controllerSpace + ":" + controllerName
)

// keeperRules are what the Keeper needs. A list and a watch by name are authorized by that name; so is the create that a server-side
// apply implies, because the request names the object.
var keeperRules = []rbacv1.PolicyRule{{
	APIGroups:     []string{"admissionregistration.k8s.io"},
	Resources:     []string{"validatingadmissionpolicies", "validatingadmissionpolicybindings"},
	ResourceNames: []string{prevent.Name},
	Verbs:         []string{"list", "watch", "create", "patch", "delete"},
}}

// markRules are what NOPEA needs to apply as a tenant's ServiceAccount with its mark.
var markRules = []rbacv1.PolicyRule{{
	APIGroups: []string{""},
	Resources: []string{"serviceaccounts"},
	Verbs:     []string{"impersonate"},
}, {
	APIGroups:     []string{"authentication.k8s.io"},
	Resources:     []string{"userextras/" + v1alpha1.ExtraApply},
	ResourceNames: []string{"true"},
	Verbs:         []string{"impersonate"},
}}

// controllerConfig makes nopea-controller's ServiceAccount and returns the configuration of a process that runs as it.
func controllerConfig(ctx context.Context, kube kubernetes.Interface, admin *rest.Config) (*rest.Config, error) {
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: controllerSpace}}
	if _, err := kube.CoreV1().Namespaces().Create(ctx, namespace, metav1.CreateOptions{}); err != nil {
		return nil, fmt.Errorf("make the controller's namespace: %w", err)
	}
	accounts := kube.CoreV1().ServiceAccounts(controllerSpace)
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: controllerName}}
	if _, err := accounts.Create(ctx, account, metav1.CreateOptions{}); err != nil {
		return nil, fmt.Errorf("make the controller's ServiceAccount: %w", err)
	}
	token, err := accounts.CreateToken(ctx, controllerName, &authenticationv1.TokenRequest{}, metav1.CreateOptions{})
	if err != nil {
		return nil, fmt.Errorf("make the controller's token: %w", err)
	}
	subject := rbacv1.Subject{Kind: "ServiceAccount", Namespace: controllerSpace, Name: controllerName}
	if err := grant(ctx, kube, controllerName, subject, slices.Concat(keeperRules, markRules)); err != nil {
		return nil, err
	}
	config := rest.AnonymousClientConfig(admin)
	config.BearerToken = token.Status.Token
	config.QPS = -1
	return config, nil
}

// grant gives rights in the whole cluster.
func grant(ctx context.Context, kube kubernetes.Interface, name string, to rbacv1.Subject, rules []rbacv1.PolicyRule) error {
	role := &rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: name}, Rules: rules}
	if _, err := kube.RbacV1().ClusterRoles().Create(ctx, role, metav1.CreateOptions{}); err != nil {
		return fmt.Errorf("make the ClusterRole %s: %w", name, err)
	}
	binding := &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: name},
		Subjects:   []rbacv1.Subject{to},
	}
	if _, err := kube.RbacV1().ClusterRoleBindings().Create(ctx, binding, metav1.CreateOptions{}); err != nil {
		return fmt.Errorf("bind the ClusterRole %s: %w", name, err)
	}
	return nil
}
