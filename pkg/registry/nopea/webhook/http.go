package webhook

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apiserver/pkg/endpoints/request"
	"k8s.io/apiserver/pkg/registry/rest"

	"nopea.io/nopea/pkg/apis/nopea"
	"nopea.io/nopea/pkg/webhook"
)

// read reads a body, as it came. What it takes up is given back by release.
func (r *Receiver) read(w http.ResponseWriter, req *http.Request) (d *webhook.Delivery, release func(), err error) {
	if req.ContentLength > r.MaxBody {
		return nil, func() {}, &http.MaxBytesError{Limit: r.MaxBody}
	}
	source := &reader{source: http.MaxBytesReader(w, req.Body, r.MaxBody), memory: r.memory}
	content, err := io.ReadAll(source)
	if err != nil {
		return nil, source.release, fmt.Errorf("read the body: %w", err)
	}
	return &webhook.Delivery{Header: req.Header, Body: content}, source.release, nil
}

func unread(err error) answer {
	if tooLong := (*http.MaxBytesError)(nil); errors.As(err, &tooLong) {
		return tooLarge()
	}
	if errors.Is(err, errMemory) {
		return unavailable()
	}
	return say(http.StatusBadRequest, resultMalformed, "The body did not come to its end")
}

// Handler serves POST /webhook/PROVIDER, for the GitRepositories that a body names. It is for a listener of its own.
func (r *Receiver) Handler() http.Handler {
	mux := http.NewServeMux()
	for _, provider := range webhook.Providers() {
		mux.HandleFunc("POST /webhook/"+provider.Name(), func(w http.ResponseWriter, req *http.Request) {
			r.receive(w, req, entrance{func(*webhook.Delivery) (webhook.Provider, bool) { return provider, true }, r.forNamed})
		})
	}
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, req *http.Request) {
		if err := r.Ready(req); err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(w, "ok")
	})
	return mux
}

// REST serves gitrepositories/webhook: a POST there is a delivery for that GitRepository. It is no typed object, because a signature is of
// the bytes as they came.
type REST struct {
	receiver *Receiver
}

var _ rest.Connecter = &REST{}

// NewREST makes the subresource of a Receiver.
func NewREST(receiver *Receiver) *REST { return &REST{receiver} }

// New is an empty object of the kind whose subresource this is.
func (*REST) New() runtime.Object { return &nopea.GitRepository{} }

// Destroy does nothing: there is no storage.
func (*REST) Destroy() {}

// ConnectMethods are POST alone.
func (*REST) ConnectMethods() []string { return []string{http.MethodPost} }

// NewConnectOptions says that there are none.
func (*REST) NewConnectOptions() (options runtime.Object, subpath bool, name string) {
	return nil, false, ""
}

// Connect answers one delivery.
func (s *REST) Connect(ctx context.Context, name string, _ runtime.Object, _ rest.Responder) (http.Handler, error) {
	repository := types.NamespacedName{Namespace: request.NamespaceValue(ctx), Name: name}
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		s.receiver.receive(w, req, entrance{webhook.Recognise, func(ctx context.Context, provider webhook.Provider, d *webhook.Delivery) answer {
			return s.receiver.forOne(ctx, repository, provider, d)
		}})
	}), nil
}
