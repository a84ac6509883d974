package sandbox

import (
	"context"
	"fmt"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// tokenValidity outlasts any sandbox: each start asks for new tokens.
const tokenValidity = 365 * 24 * time.Hour

// writeKubeconfig writes the kubeconfig by which a server is its ServiceAccount.
func (s *Sandbox) writeKubeconfig(ctx context.Context, kube kubernetes.Interface, account string) error {
	seconds := int64(tokenValidity / time.Second)
	request := &authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{ExpirationSeconds: &seconds}}
	answer, err := kube.CoreV1().ServiceAccounts(Namespace).CreateToken(ctx, account, request, metav1.CreateOptions{})
	if err != nil {
		return fmt.Errorf("make a token for ServiceAccount %s/%s: %w", Namespace, account, err)
	}
	config := clientcmdapi.NewConfig()
	config.Clusters["sandbox"] = &clientcmdapi.Cluster{Server: s.routes[account], CertificateAuthorityData: s.config.CAData}
	config.AuthInfos[account] = &clientcmdapi.AuthInfo{Token: answer.Status.Token}
	config.Contexts["sandbox"] = &clientcmdapi.Context{Cluster: "sandbox", AuthInfo: account}
	config.CurrentContext = "sandbox"
	if err := clientcmd.WriteToFile(*config, s.kubeconfig(account)); err != nil {
		return fmt.Errorf("write the kubeconfig of %s: %w", account, err)
	}
	return nil
}
