package webhooks

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"k8s.io/client-go/rest"

	"nopea.io/nopea/pkg/testing/githttp"
	"nopea.io/nopea/pkg/testing/hooks"
)

// TestServiceProxyRole lets strangers reach the listener's Service through kube-apiserver, and no other, by the commands of
// docs/webhooks.md. The cluster has no nodes, so nobody answers behind a Service: that it is asked is what is seen here.
func TestServiceProxyRole(t *testing.T) {
	t.Parallel()
	v := newTenant(t)
	config := rest.AnonymousClientConfig(world.Config())
	client := githttp.Must(rest.HTTPClientFor(config))(t)
	post := func(service string) answer {
		return v.send(client, config.Host+"/api/v1/namespaces/nopea-system/services/"+service+"/proxy/webhook/github", hooks.GitHub().Push(hooks.Push{URL: "https://x/y"}, secret))
	}
	v.expect(post("http:nopea-webhook:http"), http.StatusForbidden)
	for _, command := range []string{
		"create role nopea-webhook-proxy -n nopea-system --verb=create --resource=services/proxy --resource-name=http:nopea-webhook:http",
		"create rolebinding nopea-webhook-proxy -n nopea-system --role=nopea-webhook-proxy --group=system:unauthenticated",
	} {
		v.must(world.Cluster.Kubectl(t.Context(), nil, strings.Fields(command)...))
	}
	v.eventually("the right counts", func(context.Context) error {
		if a := post("http:nopea-webhook:http"); a.code != http.StatusServiceUnavailable || !strings.Contains(a.body, "no endpoints available") {
			return fmt.Errorf("%d %s", a.code, a.body)
		}
		return nil
	})
	for _, service := range []string{"https:nopea-apiserver:https", "nopea-webhook", "https:nopea-webhook:http"} {
		v.expect(post(service), http.StatusForbidden)
	}
}
