package apiserver

import (
	"errors"
	"net"
	"os"
	"strings"

	"github.com/spf13/pflag"
	"k8s.io/apimachinery/pkg/api/resource"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"
)

const (
	defaultMaxBody       = 5 << 20
	mostMaxBody          = 25 << 20 // what GitHub sends at most
	defaultWebhooks      = 2000
	defaultPerRepository = 20
	defaultNamespace     = "nopea-system"
	podNamespaceFile     = "/var/run/secrets/kubernetes.io/serviceaccount/namespace"
)

// WebhookOptions are what the flags of webhooks set.
type WebhookOptions struct {
	// BindAddress of the listener. Empty: there is none, and deliveries come by kube-apiserver alone.
	BindAddress string
	// CertFile and KeyFile make the listener speak HTTPS. They are read again when they change.
	CertFile, KeyFile string
	// Namespace of the installation, which holds the Secret for all GitRepositories.
	Namespace string
	// MaxBody bounds the body of a delivery.
	MaxBody resource.QuantityValue
	// PerSecond bounds the deliveries that are looked at; PerRepository bounds the Syncs that they lead to.
	PerSecond, PerRepository float64

	// secrets and listener take the place of the cluster's and of one on BindAddress, in tests.
	secrets  corev1client.SecretsGetter
	listener net.Listener
}

// newWebhookOptions are the defaults.
func newWebhookOptions() *WebhookOptions {
	return &WebhookOptions{
		Namespace: ownNamespace(),
		MaxBody:   resource.QuantityValue{Quantity: *resource.NewQuantity(defaultMaxBody, resource.BinarySI)},
		PerSecond: defaultWebhooks, PerRepository: defaultPerRepository,
	}
}

// ownNamespace is the Pod's, or the one that NOPEA is installed in unless somebody changes that.
func ownNamespace() string {
	if content, err := os.ReadFile(podNamespaceFile); err == nil {
		if name := strings.TrimSpace(string(content)); name != "" {
			return name
		}
	}
	return defaultNamespace
}

func (o *WebhookOptions) addFlags(flags *pflag.FlagSet) {
	flags.StringVar(&o.BindAddress, "webhook-bind-address", o.BindAddress,
		"Address on which POST /webhook/PROVIDER is served to Git providers, apart from the API, such as :8444. Empty: nowhere.")
	flags.StringVar(&o.CertFile, "webhook-tls-cert-file", "",
		"Certificate for --webhook-bind-address, read again when it changes. Without one plain HTTP is spoken there, which is for behind an Ingress.")
	flags.StringVar(&o.KeyFile, "webhook-tls-private-key-file", "", "Key of --webhook-tls-cert-file.")
	flags.StringVar(&o.Namespace, "webhook-namespace", o.Namespace,
		"Namespace of the Secret nopea-webhook that holds for all GitRepositories, its keys named after providers. Default: the Pod's, or nopea-system.")
	// What --help shows must not depend on where it runs.
	flags.Lookup("webhook-namespace").DefValue = ""
	flags.Var(&o.MaxBody, "webhook-max-body", "The largest body of a delivery that is read, at most 25Mi.")
	flags.Float64Var(&o.PerSecond, "webhook-qps", o.PerSecond,
		"How many deliveries a second are looked at, in the long run. Others are answered 429.")
	flags.Float64Var(&o.PerRepository, "webhook-repository-qps", o.PerRepository,
		"How many Syncs a second deliveries may ask for of one GitRepository, in the long run; ten times as many at once. Others are answered 429.")
}

func (o *WebhookOptions) validate() []error {
	var errs []error
	if (o.CertFile == "") != (o.KeyFile == "") {
		errs = append(errs, errors.New("--webhook-tls-cert-file and --webhook-tls-private-key-file go together"))
	}
	if size := o.MaxBody.Value(); size <= 0 || size > mostMaxBody {
		errs = append(errs, errors.New("--webhook-max-body must be more than 0 and at most 25Mi"))
	}
	if o.PerSecond <= 0 || o.PerRepository <= 0 {
		errs = append(errs, errors.New("--webhook-qps and --webhook-repository-qps must be more than 0"))
	}
	if o.Namespace == "" {
		errs = append(errs, errors.New("--webhook-namespace must not be empty"))
	}
	return errs
}
