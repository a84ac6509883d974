package apiserver

import (
	"context"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"
	genericapiserver "k8s.io/apiserver/pkg/server"
	"k8s.io/apiserver/pkg/server/dynamiccertificates"
	"k8s.io/klog/v2"
)

// clientCAWithin bounds the wait for the certificate authorities of clients.
const clientCAWithin = 10 * time.Second

// loadClientCA loads the certificate authorities of clients, kube-apiserver's as a front proxy among them, before the server listens.
//
// Left to itself the generic server reads them from the cluster only once it serves. Whoever kube-apiserver forwards in the first tenth
// of a second is then taken for anonymous, and gets 403: users would see that after each restart. If they cannot be had, the server
// starts all the same, and takes nobody's word until they come.
func loadClientCA(ctx context.Context, config *genericapiserver.Config) {
	serving, proxy := config.SecureServing, config.Authentication.RequestHeaderConfig
	if serving == nil || proxy == nil {
		return
	}
	runner, ok := serving.ClientCA.(dynamiccertificates.ControllerRunner)
	if !ok {
		return
	}
	go runner.Run(ctx, 1)
	if err := wait.PollUntilContextTimeout(ctx, 5*time.Millisecond, clientCAWithin, true, func(context.Context) (bool, error) {
		_, loaded := proxy.CAContentProvider.VerifyOptions()
		return loaded, nil
	}); err != nil {
		klog.FromContext(ctx).Error(err, "The certificate authorities of clients are not loaded yet; until they are, every request is anonymous")
	}
	// The server must not run it a second time.
	serving.ClientCA = contentOnly{serving.ClientCA}
}

// contentOnly hides that a provider also runs.
type contentOnly struct {
	dynamiccertificates.CAContentProvider
}
