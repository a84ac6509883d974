package citizen

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
)

const (
	asJSON     = "application/json"
	asProtobuf = "application/vnd.kubernetes.protobuf"
	partial    = ";as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
	partials   = ";as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
)

// protobufMagic begins every protobuf answer of Kubernetes that is not a stream.
var protobufMagic = []byte("k8s\x00")

// TestAcceptHeaders asks as the clients of Kubernetes' own controllers do: protobuf first, protobuf alone, metadata alone. Our kinds
// have no protobuf form, and 406 Not Acceptable to the namespace controller would keep namespaces from ever going.
func TestAcceptHeaders(t *testing.T) {
	t.Parallel()
	v := newTenant(t, world)
	repo := served(t, map[string]string{"app.yaml": configMap("", "settings", "one")})
	v.declare("shop", repo.URL) // with a Sync and an Inventory
	names := map[string]string{"gitrepositories": "shop"}
	v.eventually("a Sync and an Inventory are there", func(ctx context.Context) error {
		syncs, err := v.api.Syncs(v.namespace).List(ctx, metav1.ListOptions{})
		if err != nil || len(syncs.Items) == 0 {
			return fmt.Errorf("syncs: %d, %w", len(syncs.Items), err)
		}
		inventories, err := v.api.Inventories(v.namespace).List(ctx, metav1.ListOptions{})
		if err != nil || len(inventories.Items) == 0 {
			return fmt.Errorf("inventories: %d, %w", len(inventories.Items), err)
		}
		names["syncs"], names["inventories"] = syncs.Items[0].Name, inventories.Items[0].Name
		return nil
	})
	for resource, name := range names {
		t.Run(resource, func(t *testing.T) {
			v := v.in(t)
			for _, test := range []struct {
				accept   string
				protobuf bool
			}{
				{"", false},
				{asJSON, false},
				{asProtobuf, false},
				{asProtobuf + "," + asJSON, false},
				{asJSON + "," + asProtobuf, false},
				{asProtobuf + partial + "," + asJSON + partial, true},
				{asJSON + partial + "," + asProtobuf + partial, false},
				{asProtobuf + partial, true},
				{asJSON + partial, false},
				// What client-go's metadata client sends: metadata if possible, or else whatever.
				{asProtobuf + partial + "," + asJSON + partial + "," + asJSON, true},
			} {
				v.accepts(resource, name, test.accept, test.protobuf)
			}
		})
	}
	// Last, because nothing is left then.
	for _, accept := range []string{asProtobuf + "," + asJSON, asJSON + "," + asProtobuf, asProtobuf, asProtobuf + partials, asJSON} {
		for _, resource := range []string{"syncs", "inventories", "gitrepositories"} {
			path := v.path(resource)
			if got := v.request(http.MethodDelete, path, accept); got.status != http.StatusOK {
				t.Errorf("DELETE %s, Accept %q: %d: %s", path, accept, got.status, got.body)
			}
		}
	}
}

// in is the tenant in a subtest.
func (v *tenant) in(t *testing.T) *tenant {
	sub := *v
	sub.t = t
	return &sub
}

func (v *tenant) path(resource string) string {
	return "/apis/" + v1alpha1.SchemeGroupVersion.String() + "/namespaces/" + v.namespace + "/" + resource
}

// accepts reads an object, the list and the watch of a resource with an Accept header.
func (v *tenant) accepts(resource, name, accept string, protobuf bool) {
	v.t.Helper()
	list := strings.ReplaceAll(accept, partial, partials)
	for path, accept := range map[string]string{v.path(resource) + "/" + name: accept, v.path(resource): list} {
		got := v.request(http.MethodGet, path, accept)
		if got.status != http.StatusOK || bytes.HasPrefix(got.body, protobufMagic) != protobuf || !bytes.Contains(got.body, []byte(name)) {
			v.t.Errorf("GET %s, Accept %q: %d %s: %.300q; protobuf wanted: %t", path, accept, got.status, got.contentType, got.body, protobuf)
		}
		if protobuf != strings.HasPrefix(got.contentType, asProtobuf) {
			v.t.Errorf("GET %s, Accept %q: the body is said to be %s", path, accept, got.contentType)
		}
	}
	v.streams(resource, name, accept)
}

// streams reads the first event of a watch, which is about the object that is there.
func (v *tenant) streams(resource, name, accept string) {
	v.t.Helper()
	ctx, cancel := context.WithTimeout(v.t.Context(), patience)
	defer cancel()
	path := v.path(resource) + "?watch=true&fieldSelector=metadata.name%3D" + name
	response := v.open(ctx, http.MethodGet, path, accept)
	defer response.Body.Close() // ends the watch
	data := make([]byte, 0, 64<<10)
	for response.StatusCode == http.StatusOK && !bytes.Contains(data, []byte(name)) && len(data) < cap(data) {
		n, err := response.Body.Read(data[len(data):cap(data)])
		data = data[:len(data)+n]
		if err != nil {
			break
		}
	}
	if !bytes.Contains(data, []byte("ADDED")) || !bytes.Contains(data, []byte(name)) {
		v.t.Errorf("watch of %s, Accept %q: %s: %.300q", resource, accept, response.Status, data)
	}
}
