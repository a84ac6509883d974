package apiserver

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/apiserver/pkg/admission"
	"k8s.io/apiserver/pkg/authentication/authenticator"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/authorization/authorizer"
	genericapiserver "k8s.io/apiserver/pkg/server"
	"k8s.io/client-go/rest"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
	"nopea.io/nopea/pkg/generated/clientset/versioned"
	nopeaclient "nopea.io/nopea/pkg/generated/clientset/versioned/typed/nopea/v1alpha1"
)

const (
	namespace = "team-a"
	commit    = "5f2c1e9aa0b1c2d3e4f5061728394a5b6c7d8e9f"
	commit2   = "00000000000000000000000000000000000000ff"
	// controllerUser is the one user that may update the status of GitRepositories.
	controllerUser = "controller"
	deadline       = 30 * time.Second
)

// server is a whole API server in this process. Who a caller is, is what its bearer token says.
type server struct {
	config  *rest.Config
	options *Options
	stop    func() error
}

// startServer runs a server on a data directory until the test ends.
func startServer(t testing.TB, dataDir string, admit admission.Interface, changes ...func(*Options)) *server {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	o := testOptions(dataDir, listener)
	for _, change := range changes {
		change(o)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended, ready := make(chan error, 1), make(chan *rest.Config, 1)
	go func() {
		ended <- run(ctx, o, func(config *genericapiserver.RecommendedConfig) {
			config.Authentication.Authenticator = authenticator.RequestFunc(userInToken)
			config.Authorization.Authorizer = authorizer.AuthorizerFunc(mayDo)
			config.AdmissionControl = admit
		}, func(s *genericapiserver.GenericAPIServer) { ready <- s.LoopbackClientConfig })
	}()
	s := &server{options: o}
	stopped := false
	s.stop = func() error {
		if stopped {
			return nil
		}
		stopped = true
		cancel()
		select {
		case err := <-ended:
			return err
		case <-time.After(deadline):
			return fmt.Errorf("the server did not stop within %s", deadline)
		}
	}
	t.Cleanup(func() {
		if err := s.stop(); err != nil {
			t.Errorf("stop: %v", err)
		}
	})
	select {
	case s.config = <-ready:
	case err := <-ended:
		stopped = true
		cancel()
		t.Fatalf("the server ended: %v", err)
	case <-time.After(deadline):
		t.Fatal("the server did not start")
	}
	s.config.QPS, s.config.Burst = -1, -1
	eventually(t, "the server is ready", func(ctx context.Context) (bool, error) {
		err := s.client(t, "root").RESTClient().Get().AbsPath("/readyz").Do(ctx).Error()
		return err == nil, nil
	})
	return s
}

func testOptions(dataDir string, listener net.Listener) *Options {
	o := NewOptions()
	o.DataDir, o.ShutdownDelay = dataDir, 0
	o.Recommended.SecureServing.Listener = listener
	o.Recommended.SecureServing.BindPort = listener.Addr().(*net.TCPAddr).Port
	o.Recommended.SecureServing.BindAddress = net.IPv4(127, 0, 0, 1)
	// There is no kube-apiserver to delegate to.
	o.Recommended.Authentication, o.Recommended.Authorization = nil, nil
	o.Recommended.CoreAPI, o.Recommended.Admission = nil, nil
	return o
}

func userInToken(r *http.Request) (*authenticator.Response, bool, error) {
	name, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	return &authenticator.Response{User: &user.DefaultInfo{Name: name}}, ok, nil
}

// mayDo allows everything but one thing.
func mayDo(_ context.Context, a authorizer.Attributes) (authorizer.Decision, string, error) {
	if a.GetResource() == "gitrepositories" && a.GetSubresource() == "status" && a.GetUser().GetName() != controllerUser {
		return authorizer.DecisionDeny, "for the controller only", nil
	}
	return authorizer.DecisionAllow, "", nil
}

func (s *server) as(user string) *rest.Config {
	config := rest.CopyConfig(s.config)
	config.BearerToken = user
	return config
}

func (s *server) client(t testing.TB, user string) nopeaclient.NopeaV1alpha1Interface {
	t.Helper()
	client, err := versioned.NewForConfig(s.as(user))
	if err != nil {
		t.Fatal(err)
	}
	return client.NopeaV1alpha1()
}

func newRepository(name string) *v1alpha1.GitRepository {
	return &v1alpha1.GitRepository{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: namespace},
		Spec:       v1alpha1.GitRepositorySpec{URL: "https://git.example.com/" + name + ".git"},
	}
}

func (s *server) createRepository(t testing.TB, name string) *v1alpha1.GitRepository {
	t.Helper()
	repository, err := s.client(t, "root").GitRepositories(namespace).Create(t.Context(), newRepository(name), metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return repository
}

func eventually(t testing.TB, what string, condition wait.ConditionWithContextFunc) {
	t.Helper()
	if err := wait.PollUntilContextTimeout(t.Context(), 10*time.Millisecond, deadline, true, condition); err != nil {
		t.Fatalf("waiting until %s: %v", what, err)
	}
}
