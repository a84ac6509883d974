package apiserver

import (
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/spf13/pflag"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	utilerrors "k8s.io/apimachinery/pkg/util/errors"
	genericoptions "k8s.io/apiserver/pkg/server/options"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
	"nopea.io/nopea/pkg/apiserver/etcd"
)

const (
	// DefaultDataDir holds the embedded etcd.
	DefaultDataDir = "/var/lib/nopea"

	storagePrefix           = "/registry/nopea.io"
	defaultSecurePort       = 8443
	defaultShutdownDelay    = time.Second
	deleteCollectionWorkers = 4
)

// Options are what the flags of nopea-apiserver set.
type Options struct {
	// Recommended are the options that every extension API server has. Parts of it may be nil, for tests.
	Recommended *genericoptions.RecommendedOptions
	// DataDir holds the embedded etcd, which is used unless servers of another one are named.
	DataDir string
	// ShutdownDelay is how long requests are still served after the signal to stop, while /readyz says no.
	ShutdownDelay time.Duration
	// Webhook is about deliveries of Git providers.
	Webhook *WebhookOptions

	scheme *runtime.Scheme
}

// NewOptions are the defaults.
func NewOptions() *Options {
	scheme := newScheme()
	recommended := genericoptions.NewRecommendedOptions(storagePrefix, newCodecs(scheme).LegacyCodec(v1alpha1.SchemeGroupVersion))
	recommended.Etcd.StorageConfig.EncodeVersioner = runtime.NewMultiGroupVersioner(v1alpha1.SchemeGroupVersion, schema.GroupKind{Group: v1alpha1.GroupName})
	recommended.Etcd.DeleteCollectionWorkers = deleteCollectionWorkers
	recommended.SecureServing.BindPort = defaultSecurePort
	// A generated certificate stays in memory: the root file system of a container is read-only.
	recommended.SecureServing.ServerCert.CertDirectory = ""
	// kube-apiserver applies priority and fairness to a request before it proxies it here; doing it again would need rights on flow
	// schemas and guard little. The fixed limits on requests in flight (400 reads, 200 writes) guard against all else.
	recommended.Features.EnablePriorityAndFairness = false
	recommended.ExtraAdmissionInitializers = quietSchemaPolls
	// Discovery and OpenAPI of this API hold no secret, and kube-apiserver has authorised who asks through it. To ask it again would be a
	// request each time that one of its controllers looks which kinds there are.
	recommended.Authorization.WithAlwaysAllowPaths("/openapi/v2", "/openapi/v3", "/openapi/v3/*", "/apis", "/apis/"+v1alpha1.GroupName,
		"/apis/"+v1alpha1.SchemeGroupVersion.String())
	return &Options{Recommended: recommended, DataDir: DefaultDataDir, ShutdownDelay: defaultShutdownDelay, Webhook: newWebhookOptions(), scheme: scheme}
}

// AddFlags binds the options to flags.
func (o *Options) AddFlags(flags *pflag.FlagSet) {
	flags.StringVar(&o.DataDir, "data-dir", o.DataDir,
		"Directory of the embedded etcd, which holds everything unless --etcd-servers is given. One process at a time can use it.")
	flags.DurationVar(&o.ShutdownDelay, "shutdown-delay-duration", o.ShutdownDelay,
		"How long requests are still served after the signal to stop, while /readyz fails. With several replicas, longer than it takes until no more requests are sent here.")
	o.addEtcdFlags(flags)
	o.Webhook.addFlags(flags)
	o.Recommended.SecureServing.AddFlags(flags)
	o.Recommended.Authentication.AddFlags(flags)
	o.Recommended.Authorization.AddFlags(flags)
	o.Recommended.CoreAPI.AddFlags(flags)
	o.Recommended.Admission.AddFlags(flags)
	o.Recommended.Features.AddFlags(flags)
	o.Recommended.Audit.AddFlags(flags)
	o.Recommended.EgressSelector.AddFlags(flags)
	o.Recommended.Traces.AddFlags(flags)
}

// addEtcdFlags binds those of the library's etcd options that mean something here.
func (o *Options) addEtcdFlags(flags *pflag.FlagSet) {
	storage := &o.Recommended.Etcd.StorageConfig
	flags.StringSliceVar(&storage.Transport.ServerList, "etcd-servers", nil,
		"URLs of an etcd to use in place of the embedded one, which several replicas can share. Never that of the cluster itself.")
	flags.StringVar(&storage.Prefix, "etcd-prefix", storage.Prefix, "Prefix of all keys in etcd.")
	flags.StringVar(&storage.Transport.CertFile, "etcd-certfile", "", "Client certificate for --etcd-servers.")
	flags.StringVar(&storage.Transport.KeyFile, "etcd-keyfile", "", "Key of --etcd-certfile.")
	flags.StringVar(&storage.Transport.TrustedCAFile, "etcd-cafile", "", "Certificate authority of --etcd-servers.")
	flags.DurationVar(&storage.CompactionInterval, "etcd-compaction-interval", storage.CompactionInterval,
		"How often old revisions are removed from etcd. 0 leaves that to somebody else.")
}

// Validate names what is wrong with the options.
func (o *Options) Validate() error {
	var errs []error
	if o.ShutdownDelay < 0 {
		errs = append(errs, errors.New("--shutdown-delay-duration must not be negative"))
	}
	if o.embedded() {
		errs = append(errs, etcd.ValidateDir(o.DataDir))
	} else {
		errs = append(errs, o.Recommended.Etcd.Validate()...)
	}
	errs = append(errs, o.Webhook.validate()...)
	r := o.Recommended
	errs = append(errs, r.SecureServing.Validate()...)
	errs = append(errs, r.Authentication.Validate()...)
	errs = append(errs, r.Authorization.Validate()...)
	errs = append(errs, r.CoreAPI.Validate()...)
	errs = append(errs, r.Admission.Validate()...)
	errs = append(errs, r.Features.Validate()...)
	errs = append(errs, r.Audit.Validate()...)
	errs = append(errs, r.EgressSelector.Validate()...)
	errs = append(errs, r.Traces.Validate()...)
	return utilerrors.NewAggregate(errs)
}

// embedded says whether the server brings its own etcd.
func (o *Options) embedded() bool {
	return len(o.Recommended.Etcd.StorageConfig.Transport.ServerList) == 0
}

// completeServing makes a certificate where none is given. Nobody can check it: it is for trying things out.
func (o *Options) completeServing() error {
	if err := o.Recommended.SecureServing.MaybeDefaultWithSelfSignedCerts("localhost",
		[]string{"nopea-apiserver.nopea-system.svc"}, []net.IP{net.IPv4(127, 0, 0, 1)}); err != nil {
		return fmt.Errorf("make a serving certificate: %w", err)
	}
	return nil
}
