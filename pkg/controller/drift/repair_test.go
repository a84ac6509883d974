package drift

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
)

func TestUnanswered(t *testing.T) {
	hanging := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, request *http.Request) {
		select {
		case <-request.Context().Done():
		case <-hanging:
		}
	}))
	defer server.Close()
	defer close(hanging)
	gone := httptest.NewServer(nil)
	gone.Close()
	version := func(ctx context.Context, url string) error {
		client, err := kubernetes.NewForConfig(&rest.Config{Host: url})
		if err != nil {
			t.Fatal(err)
		}
		return client.Discovery().RESTClient().Get().AbsPath("/version").Do(ctx).Error()
	}
	if err := version(t.Context(), gone.URL); !unanswered(fmt.Errorf("apply: %w", err)) {
		t.Errorf("not seen as unanswered: %v", err)
	}
	late, cancel := context.WithTimeout(t.Context(), requestWithin/1000)
	defer cancel()
	if err := version(late, server.URL); err == nil || unanswered(err) {
		t.Errorf("a slow answer counts as none: %v", err)
	}
	if err := apierrors.NewConflict(schema.GroupResource{Resource: "configmaps"}, "a", nil); unanswered(err) {
		t.Errorf("an answer counts as none: %v", err)
	}
}
