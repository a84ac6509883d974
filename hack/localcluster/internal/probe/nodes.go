package probe

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
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
	request.Header.Set("User-Agent", "localcluster")
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, 4096))
	if err := errors.Join(err, response.Body.Close()); err != nil {
		return fmt.Errorf("reading the answer of %s: %w", url, err)
	}
	switch response.StatusCode {
	case http.StatusCreated, http.StatusConflict:
		return nil
	}
	return fmt.Errorf("%s answers %s: %s", url, response.Status, body)
}
