package apiserver

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	gosync "sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apiserver/pkg/authorization/authorizerfactory"
	endpointsopenapi "k8s.io/apiserver/pkg/endpoints/openapi"
	"k8s.io/apiserver/pkg/registry/rest"
	genericapiserver "k8s.io/apiserver/pkg/server"
	basecompatibility "k8s.io/component-base/compatibility"
	baseversion "k8s.io/component-base/version"
	"k8s.io/klog/v2"
	"k8s.io/utils/clock"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
	"nopea.io/nopea/pkg/apiserver/etcd"
	"nopea.io/nopea/pkg/generated/openapi"
	"nopea.io/nopea/pkg/registry/nopea/gitrepository"
	"nopea.io/nopea/pkg/registry/nopea/inventory"
	"nopea.io/nopea/pkg/registry/nopea/sync"
	"nopea.io/nopea/pkg/registry/nopea/webhook"
)

// watchTerminationPeriod is the time over which watches are ended at the stop, so that clients do not all come back at once.
const watchTerminationPeriod = 2 * time.Second

// Run serves until the context ends: the store first, then the server; and in the other order at the end, so that no request that
// is still being served finds the store gone.
func Run(ctx context.Context, o *Options) error {
	return run(ctx, o, func(*genericapiserver.RecommendedConfig) {}, func(*genericapiserver.GenericAPIServer) {})
}

// run is Run with a look at the configuration before it is used, and at the server before it serves.
func run(ctx context.Context, o *Options, configured func(*genericapiserver.RecommendedConfig), prepared func(*genericapiserver.GenericAPIServer)) (err error) {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	if o.embedded() {
		store, startErr := etcd.Start(ctx, o.DataDir)
		if startErr != nil {
			return startErr
		}
		defer func() { err = errors.Join(err, store.Close()) }()
		go func() {
			if failure := store.Wait(); failure != nil {
				stop(failure)
			}
		}()
		o.Recommended.Etcd.StorageConfig.Transport.ServerList = []string{store.Endpoint()}
	}
	config, err := o.config()
	if err != nil {
		return err
	}
	configured(config)
	loadClientCA(ctx, &config.Config)
	hooks, err := newHooks(ctx, o, config.ClientConfig)
	if err != nil {
		return err
	}
	server, plans, err := newServer(config, o.scheme, hooks)
	if err != nil {
		return err
	}
	prepared(server)
	var parts gosync.WaitGroup
	parts.Go(func() { hooks.run(ctx) })
	parts.Go(func() { plans.Sweep(ctx) })
	defer func() { stop(nil); parts.Wait() }()
	klog.FromContext(ctx).Info("Starting to serve", "group", v1alpha1.SchemeGroupVersion, "address", config.SecureServing.Listener.Addr())
	if err := server.PrepareRun().RunWithContext(ctx); err != nil {
		return fmt.Errorf("serve: %w", err)
	}
	if cause := context.Cause(ctx); !errors.Is(cause, context.Canceled) {
		return cause
	}
	return nil
}

func (o *Options) config() (*genericapiserver.RecommendedConfig, error) {
	if err := o.completeServing(); err != nil {
		return nil, err
	}
	config := genericapiserver.NewRecommendedConfig(newCodecs(o.scheme))
	// The version of the API machinery, which decides about its features; not NOPEA's own.
	config.EffectiveVersion = basecompatibility.NewEffectiveVersionFromString(baseversion.DefaultKubeBinaryVersion, "", "")
	namer := endpointsopenapi.NewDefinitionNamer(o.scheme)
	config.OpenAPIConfig = genericapiserver.DefaultOpenAPIConfig(openapi.GetOpenAPIDefinitions, namer)
	config.OpenAPIConfig.Info.Title, config.OpenAPIConfig.Info.Version = "NOPEA", v1alpha1.SchemeGroupVersion.Version
	config.OpenAPIV3Config = genericapiserver.DefaultOpenAPIV3Config(openapi.GetOpenAPIDefinitions, namer)
	config.OpenAPIV3Config.Info.Title, config.OpenAPIV3Config.Info.Version = "NOPEA", v1alpha1.SchemeGroupVersion.Version
	config.BuildHandlerChainFunc = func(handler http.Handler, c *genericapiserver.Config) http.Handler {
		return genericapiserver.DefaultBuildHandlerChain(withJSONForProtobuf(handler), c)
	}
	config.ShutdownDelayDuration = o.ShutdownDelay
	config.ShutdownWatchTerminationGracePeriod = watchTerminationPeriod
	if err := o.Recommended.ApplyTo(config); err != nil {
		return nil, fmt.Errorf("configure the server: %w", err)
	}
	if config.Authorization.Authorizer != nil {
		config.Authorization.Authorizer = selections{config.Authorization.Authorizer}
	}
	return config, nil
}

func newServer(config *genericapiserver.RecommendedConfig, scheme *runtime.Scheme, hooks *hookParts) (*genericapiserver.GenericAPIServer, *sync.PlanREST, error) {
	completed := config.Complete()
	server, err := completed.New("nopea-apiserver", genericapiserver.NewEmptyDelegate())
	if err != nil {
		return nil, nil, fmt.Errorf("make the server: %w", err)
	}
	resources, plans, err := resources(completed, scheme, hooks)
	if err != nil {
		return nil, nil, err
	}
	group := genericapiserver.NewDefaultAPIGroupInfo(v1alpha1.GroupName, scheme, metav1.ParameterCodec, newCodecs(scheme))
	group.VersionedResourcesStorageMap[v1alpha1.SchemeGroupVersion.Version] = resources
	if err := server.InstallAPIGroup(&group); err != nil {
		return nil, nil, fmt.Errorf("install the API group: %w", err)
	}
	if err := hooks.attach(server); err != nil {
		return nil, nil, err
	}
	return server, plans, nil
}

func resources(config genericapiserver.CompletedConfig, scheme *runtime.Scheme, hooks *hookParts) (map[string]rest.Storage, *sync.PlanREST, error) {
	clock := clock.RealClock{}
	repositories, err := gitrepository.NewStorage(scheme, config.RESTOptionsGetter, clock)
	if err != nil {
		return nil, nil, err
	}
	authorizer := config.Authorization.Authorizer
	if authorizer == nil {
		// Without authorization everybody may do everything, except to pass for NOPEA.
		authorizer = authorizerfactory.NewAlwaysDenyAuthorizer()
	}
	syncs, err := sync.NewStorage(scheme, config.RESTOptionsGetter, repositories.GitRepository, authorizer, clock)
	if err != nil {
		return nil, nil, err
	}
	inventories, err := inventory.NewREST(scheme, config.RESTOptionsGetter, clock)
	if err != nil {
		return nil, nil, err
	}
	return map[string]rest.Storage{
		"gitrepositories":         repositories.GitRepository,
		"gitrepositories/status":  repositories.Status,
		"gitrepositories/syncs":   syncs.ForRepository,
		"gitrepositories/webhook": webhook.NewREST(hooks.receive(repositories, syncs)),
		"syncs":                   syncs.Sync,
		"syncs/status":            syncs.Status,
		"syncs/plan":              syncs.Plan,
		"inventories":             inventories,
	}, syncs.Plan, nil
}
