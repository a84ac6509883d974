package citizen

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"

	"k8s.io/client-go/rest"

	"nopea.io/nopea/pkg/testing/githttp"
)

// answer of kube-apiserver, as it came over the wire.
type answer struct {
	status      int
	contentType string
	body        []byte
}

// request sends one to kube-apiserver as the administrator, with an Accept header unless that is empty.
func (v *tenant) request(method, path, accept string) answer {
	v.t.Helper()
	response := v.open(v.t.Context(), method, path, accept)
	defer response.Body.Close() // read only: nothing is lost
	body := githttp.Must(io.ReadAll(response.Body))(v.t)
	return answer{response.StatusCode, response.Header.Get("Content-Type"), body}
}

// open is request with the body still to be read, and closed.
func (v *tenant) open(ctx context.Context, method, path, accept string) *http.Response {
	v.t.Helper()
	config := v.on.Config()
	client := githttp.Must(rest.HTTPClientFor(config))(v.t)
	request := githttp.Must(http.NewRequestWithContext(ctx, method, config.Host+path, nil))(v.t)
	if accept != "" {
		request.Header.Set("Accept", accept)
	}
	return githttp.Must(client.Do(request))(v.t)
}

// get is the body of a GET, which has to succeed.
func (v *tenant) get(path string) []byte {
	v.t.Helper()
	got := v.request(http.MethodGet, path, "")
	if got.status != http.StatusOK {
		v.t.Fatalf("%s: %d: %s", path, got.status, got.body)
	}
	return got.body
}

func (v *tenant) openAPIHas(model string) func(context.Context) error {
	return func(context.Context) error {
		if !strings.Contains(string(v.get("/openapi/v2")), `"`+model+`":`) {
			return fmt.Errorf("/openapi/v2 has no %s", model)
		}
		return nil
	}
}

// scan sends the lines of a reader on, until it ends.
func scan(reader io.Reader, lines chan<- string) {
	for scanner := bufio.NewScanner(reader); scanner.Scan(); {
		lines <- scanner.Text()
	}
}
