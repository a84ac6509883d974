package probe

import (
	"bytes"
	"context"
	"fmt"
	"net/http"

	"nopea.io/nopea/hack/localcluster/internal/cluster"
)

// nodes returns a check that holds when the nodes that are simulated are there. It makes
// those that are missing: nothing else does, as there is no kubelet.
func nodes(client *http.Client, apiServer string, count int) func(context.Context) error {
	return func(ctx context.Context) error {
		for i := range count {
			if err := ensure(ctx, client, apiServer+"/api/v1/nodes", cluster.Node(i)); err != nil {
				return err
			}
		}
		return nil
	}
}

// ensure creates an object unless it is there.
func ensure(ctx context.Context, client *http.Client, url string, object []byte) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(object))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	status, body, err := send(client, request)
	if err == nil && status != http.StatusCreated && status != http.StatusConflict {
		err = fmt.Errorf("%s answers %d: %s", url, status, body)
	}
	return err
}
