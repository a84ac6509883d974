package gitrepository

import (
	"context"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
	"nopea.io/nopea/pkg/git"
)

// credentials reads what a GitRepository's server and proxy are to see, as its ServiceAccount.
func (i *identity) credentials(ctx context.Context, repository *v1alpha1.GitRepository) (git.Credentials, error) {
	var credentials git.Credentials
	if reference := repository.Spec.SecretRef; reference != nil {
		secret, err := i.secret(ctx, repository, reference.Name, "spec.secretRef", "nopea-git-credentials")
		if err != nil {
			return credentials, err
		}
		if credentials, err = credentialsFrom(secret, repository.Spec.URL); err != nil {
			return credentials, err
		}
	} else if git.SSHAddress(repository.Spec.URL) != "" {
		return credentials, &Failure{Code: CodeSecretInvalid,
			Message: "spec.url is an address of SSH, and spec.secretRef names no Secret with a key for it",
			Hint:    "Name a Secret with the keys identity (the private key) and known_hosts in spec.secretRef. " + keyscan(repository.Spec.URL)}
	}
	if reference := repository.Spec.ProxySecretRef; reference != nil {
		secret, err := i.secret(ctx, repository, reference.Name, "spec.proxySecretRef", "nopea-git-proxy")
		if err != nil {
			return credentials, err
		}
		if credentials.Proxy, err = proxyFrom(secret); err != nil {
			return credentials, err
		}
	}
	return credentials, nil
}

// secret reads a Secret that a field of the spec names. The hint at the right that may be missing calls the Role as role.
func (i *identity) secret(ctx context.Context, repository *v1alpha1.GitRepository, name, field, role string) (*corev1.Secret, error) {
	secret, err := i.core.Secrets(repository.Namespace).Get(ctx, name, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		return nil, &Failure{Code: CodeSecretNotFound,
			Message: fmt.Sprintf("the Secret %q named by %s is not in namespace %q", name, field, repository.Namespace),
			Hint:    fmt.Sprintf("Create it, or correct %s.", field)}
	case apierrors.IsForbidden(err):
		return nil, &Failure{Code: CodePermissionDenied,
			Message: fmt.Sprintf("ServiceAccount %q may not read the Secret %q named by %s", repository.Spec.ServiceAccountName, name, field),
			Hint:    grantRead(repository, "secrets", name, role)}
	case err != nil:
		return nil, fmt.Errorf("read the Secret %s/%s: %w", repository.Namespace, name, err)
	}
	return secret, nil
}

// grantRead says how the ServiceAccount may be given the right to read one object.
func grantRead(repository *v1alpha1.GitRepository, resource, name, role string) string {
	return fmt.Sprintf("Grant it: kubectl create role %[5]s -n %[1]s --verb=get --resource=%[2]s --resource-name=%[3]s; "+
		"kubectl create rolebinding %[5]s -n %[1]s --role=%[5]s --serviceaccount=%[1]s:%[4]s",
		repository.Namespace, resource, name, repository.Spec.ServiceAccountName, role)
}

// The keys of a Secret with Git credentials are those of Flux and of Kubernetes' types basic-auth, ssh-auth and tls.
const (
	keyBearerToken  = "bearerToken"
	keyIdentity     = "identity"
	keyKnownHosts   = "known_hosts"
	keyCA           = "ca.crt"
	keyCAFlux       = "caFile"
	keyCertFlux     = "certFile"
	keyKeyFlux      = "keyFile"
	keyAppID        = "githubAppID"
	keyAppInstall   = "githubAppInstallationID"
	keyAppKey       = "githubAppPrivateKey"
	keyAppBaseURL   = "githubAppBaseURL"
	keyProxyAddress = "address"
)

// valueOf is the value of the first of the keys that has one. Many a Secret is made from a file that ends in a line break.
func valueOf(secret *corev1.Secret, keys ...string) string {
	return strings.TrimRight(textOf(secret, keys...), "\r\n")
}

// textOf is valueOf for what has several lines, and whose last one may have to end.
func textOf(secret *corev1.Secret, keys ...string) string {
	for _, key := range keys {
		if value := secret.Data[key]; len(value) > 0 {
			return string(value)
		}
	}
	return ""
}

// credentialsFrom takes out of a Secret what a URL of that kind needs, and nothing else.
func credentialsFrom(secret *corev1.Secret, address string) (git.Credentials, error) {
	if git.SSHAddress(address) != "" {
		return sshFrom(secret, address)
	}
	credentials := git.Credentials{
		GitHubApp: git.GitHubApp{
			ID:             valueOf(secret, keyAppID),
			InstallationID: valueOf(secret, keyAppInstall),
			PrivateKey:     textOf(secret, keyAppKey),
			BaseURL:        valueOf(secret, keyAppBaseURL),
		},
		BearerToken:       valueOf(secret, keyBearerToken),
		Username:          valueOf(secret, corev1.BasicAuthUsernameKey),
		Password:          valueOf(secret, corev1.BasicAuthPasswordKey),
		CABundle:          textOf(secret, keyCA, keyCAFlux),
		ClientCertificate: textOf(secret, corev1.TLSCertKey, keyCertFlux),
		ClientKey:         textOf(secret, corev1.TLSPrivateKeyKey, keyKeyFlux),
	}
	if credentials == (git.Credentials{}) {
		failure := &Failure{Code: CodeSecretInvalid,
			Message: fmt.Sprintf("the Secret %q named by spec.secretRef holds no Git credentials", secret.Name),
			Hint:    "Give it the keys username and password, or bearerToken, or those of a GitHub App (githubAppID, githubAppInstallationID, githubAppPrivateKey)."}
		if textOf(secret, keyIdentity, corev1.SSHAuthPrivateKey) != "" {
			failure.Message += " for an address of HTTP: its key is for SSH"
			failure.Hint = "Use an address of SSH in spec.url, or give the Secret the keys username and password, or bearerToken."
		}
		return git.Credentials{}, failure
	}
	return credentials, nil
}

func sshFrom(secret *corev1.Secret, address string) (git.Credentials, error) {
	credentials := git.Credentials{
		SSHKey:        textOf(secret, keyIdentity, corev1.SSHAuthPrivateKey),
		SSHPassphrase: valueOf(secret, corev1.BasicAuthPasswordKey),
		KnownHosts:    textOf(secret, keyKnownHosts),
	}
	switch {
	case credentials.SSHKey == "":
		return git.Credentials{}, &Failure{Code: CodeSecretInvalid,
			Message: fmt.Sprintf("the Secret %q named by spec.secretRef holds no SSH key", secret.Name),
			Hint:    "Give it the key identity (or ssh-privatekey) with a private key, and known_hosts. " + keyscan(address)}
	case strings.TrimSpace(credentials.KnownHosts) == "":
		return git.Credentials{}, &Failure{Code: CodeSecretInvalid,
			Message: fmt.Sprintf("the Secret %q named by spec.secretRef holds no known_hosts, without which the host's key can not be checked", secret.Name),
			Hint:    keyscan(address)}
	}
	return credentials, nil
}

func proxyFrom(secret *corev1.Secret) (git.Proxy, error) {
	proxy := git.Proxy{
		Address:  valueOf(secret, keyProxyAddress),
		Username: valueOf(secret, corev1.BasicAuthUsernameKey),
		Password: valueOf(secret, corev1.BasicAuthPasswordKey),
	}
	if proxy.Address == "" {
		return proxy, &Failure{Code: CodeSecretInvalid,
			Message: fmt.Sprintf("the Secret %q named by spec.proxySecretRef holds no address", secret.Name),
			Hint:    "Give it the key address, such as http://proxy.example.com:3128, and if the proxy asks for them username and password."}
	}
	return proxy, nil
}

// keyscan says how known_hosts is made for the host of an address of SSH.
func keyscan(address string) string {
	return git.KeyscanHint(git.SSHAddress(address))
}
