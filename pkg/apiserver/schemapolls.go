package apiserver

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"sync"

	"k8s.io/apiserver/pkg/admission"
	"k8s.io/apiserver/pkg/admission/initializer"
	genericapiserver "k8s.io/apiserver/pkg/server"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
)

// ownSchema is how the list of OpenAPI documents names that of this API.
const ownSchema = "apis/" + v1alpha1.GroupName + "/"

// quietSchemaPolls keeps admission from asking kube-apiserver every five seconds, for ever, which OpenAPI documents there are: the
// plugin of MutatingAdmissionPolicies does so (k8s.io/apiserver, policy/mutating/patch/typeconverter.go), to learn of changed
// schemas. The only schemas that it needs here are those of this API, which do not change while this process runs; so an answer that
// names them is kept.
func quietSchemaPolls(config *genericapiserver.RecommendedConfig) ([]admission.PluginInitializer, error) {
	if config.ClientConfig == nil {
		return nil, nil
	}
	quiet := rest.CopyConfig(config.ClientConfig)
	quiet.Wrap(func(next http.RoundTripper) http.RoundTripper { return &schemaList{next: next} })
	client, err := kubernetes.NewForConfig(quiet)
	if err != nil {
		return nil, fmt.Errorf("make the client of admission: %w", err)
	}
	return []admission.PluginInitializer{clientInitializer{client}}, nil
}

// clientInitializer gives admission plugins another client than the one that the library gave them before.
type clientInitializer struct {
	client kubernetes.Interface
}

func (i clientInitializer) Initialize(plugin admission.Interface) {
	if wants, ok := plugin.(initializer.WantsExternalKubeClientSet); ok {
		wants.SetExternalKubeClientSet(i.client)
	}
}

// schemaList keeps the answer to GET /openapi/v3 once it names this API's schema.
type schemaList struct {
	next http.RoundTripper

	mu     sync.Mutex
	answer []byte
	header http.Header
}

// maxSchemaList bounds what is kept: the list holds a line for each API group and version.
const maxSchemaList = 4 << 20

// RoundTrip answers from what is kept, or asks.
func (l *schemaList) RoundTrip(request *http.Request) (*http.Response, error) {
	if request.Method != http.MethodGet || request.URL.Path != "/openapi/v3" {
		return l.next.RoundTrip(request)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.answer == nil {
		response, err := l.next.RoundTrip(request)
		if err != nil || response.StatusCode != http.StatusOK {
			return response, err
		}
		body, err := io.ReadAll(io.LimitReader(response.Body, maxSchemaList))
		response.Body.Close()
		if err != nil {
			return nil, fmt.Errorf("read the list of OpenAPI documents: %w", err)
		}
		if !bytes.Contains(body, []byte(ownSchema)) {
			response.Body = io.NopCloser(bytes.NewReader(body))
			return response, nil
		}
		l.answer, l.header = body, response.Header.Clone()
	}
	return &http.Response{
		Status: "200 OK", StatusCode: http.StatusOK, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: l.header.Clone(), Body: io.NopCloser(bytes.NewReader(l.answer)), ContentLength: int64(len(l.answer)), Request: request,
	}, nil
}
