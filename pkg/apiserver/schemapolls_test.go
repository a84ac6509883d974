package apiserver

import (
	"io"
	"net/http"
	"strings"
	"testing"
)

type answers struct {
	bodies []string
	asked  int
}

func (a *answers) RoundTrip(*http.Request) (*http.Response, error) {
	body := a.bodies[min(a.asked, len(a.bodies)-1)]
	a.asked++
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(body))}, nil
}

func TestSchemaListIsKeptOnceItNamesOurs(t *testing.T) {
	const ours = `{"paths":{"apis/apps/v1":{},"apis/nopea.io/v1alpha1":{}}}`
	server := &answers{bodies: []string{`{"paths":{"apis/apps/v1":{}}}`, ours}}
	list := &schemaList{next: server}
	get := func(path string) string {
		t.Helper()
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://kube"+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		response, err := list.RoundTrip(request)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		body, err := io.ReadAll(response.Body)
		if err != nil || response.Header.Get("Content-Type") != "application/json" {
			t.Fatal(err, response.Header)
		}
		return string(body)
	}
	if strings.Contains(get("/openapi/v3"), ownSchema) {
		t.Fatal("the first answer is not the server's")
	}
	for range 3 {
		if get("/openapi/v3") != ours {
			t.Fatal("the answer is not the server's second")
		}
	}
	if server.asked != 2 {
		t.Fatalf("asked %d times", server.asked)
	}
	get("/openapi/v3/apis/nopea.io/v1alpha1")
	if server.asked != 3 {
		t.Fatal("another path was answered from the list")
	}
}
